"""Files of a server that does not answer (NFS): one look hangs in the kernel, and nothing else with it.

No deadline of ours reaches a `stat` or `read` on such a file, and neither a thread nor a process can be killed in it.
So each look at a file has a thread of its own that is given up at the deadline. While it hangs, its place is not looked
at again, and at most MOST places may hang: rounds of other watches go on with all their workers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.ports import Source
from trainwatch_core.report.redact import clean

MOST = 32
"""Looks that may hang at the same time."""
_SHARE = 0.9  # of the deadline, so that the next source has some of it left
_TODO = "See whether its file system answers: an NFS server that is away blocks whoever looks"

_T = TypeVar("_T")


class Patience:
    """Lets others wait, but not for ever. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hanging: set[str] = set()

    @property
    def hanging(self) -> frozenset[str]:
        """The places that do not answer at this moment."""
        with self._lock:
            return frozenset(self._hanging)

    def wait(self, place: str, seconds: float, look: Callable[[], _T]) -> _T:
        """What a look gives.

        Args:
            place: What is looked at; looks at the same one hang together.
            seconds: How long it is waited for.
            look: Looks. When it is given up, it goes on alone, and what it gives is lost.

        Raises:
            SourceUnavailableError: If it took too long, or an earlier look at the place still hangs.
            Exception: Whatever the look raises.
        """
        with self._lock:
            if place in self._hanging:
                raise SourceUnavailableError("An earlier look at this file still hangs", where=clean(place), todo=_TODO)
            if len(self._hanging) >= MOST:
                raise SourceUnavailableError(f"Looks at {MOST} other files hang", where=clean(place), todo=_TODO)
        future: Future[_T] = Future()
        threading.Thread(target=self._look, args=(place, look, future), name="look", daemon=True).start()
        try:
            return future.result(max(seconds, 0.0))
        except TimeoutError:
            with self._lock:
                if not future.done():
                    self._hanging.add(place)
            if future.done():
                return future.result()
            raise SourceUnavailableError(
                f"The file did not answer within {seconds:.0f} s", where=clean(place), todo=_TODO
            ) from None

    def _look(self, place: str, look: Callable[[], _T], future: Future[_T]) -> None:
        try:
            result = look()
        except BaseException as error:  # noqa: BLE001  # is raised where it is waited for
            with self._lock:
                future.set_exception(error)
                self._hanging.discard(place)
        else:
            with self._lock:
                future.set_result(result)
                self._hanging.discard(place)


@dataclass(frozen=True, slots=True)
class PatientSource:
    """A source of files of this machine whose file system may not answer.

    Attributes:
        source: How they are read.
        place: Where they lie.
        patience: How it is waited for them.
    """

    source: Source
    place: str
    patience: Patience

    @property
    def key(self) -> str:
        """See `ports.Source.key`."""
        return self.source.key

    @property
    def status(self) -> SourceStatus:
        """See `ports.Source.status`."""
        return self.source.status

    @property
    def kind(self) -> str:
        """See `ports.Source.kind`."""
        return self.source.kind

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """See `ports.Source.fetch`.

        Raises:
            SourceUnavailableError: Also if the files do not answer.
        """
        return self.patience.wait(
            self.place, deadline * _SHARE, lambda: self.source.fetch(cursor, deadline=deadline * _SHARE)
        )
