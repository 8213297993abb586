"""A W&B run on this machine's disk: its directory or its `.wandb` file, also while it is being written."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from trainwatch_core.adapters.sources.wandb.framing import START, Frame, check_header, read_frames
from trainwatch_core.adapters.sources.wandb.keys import choose, left_out_note
from trainwatch_core.adapters.sources.wandb.records import Harvest, Message, RunFacts, decoder
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo, RunState

SURVEY_BYTES = 1024 * 1024
"""How far the first fetch looks for names before it chooses what to read."""
MAX_BYTES = 512 * 1024 * 1024
MAX_SAMPLES = 2_000_000
_HEAD = 4096
_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading goes on: the cursor, checked."""

    file: str
    offset: int
    head: str
    keys: tuple[str, ...]
    facts: RunFacts
    damaged: int


class WandbOfflineSource:
    """Reads a `.wandb` file from where the last fetch ended.

    The SDK writes it every 15 s or 32 KiB (measured), so the newest rows come that much late.

    Args:
        path: The file, the run's directory, or a `wandb` directory (its latest run, kept to from then on).
        max_samples: The most samples of one fetch; what is beyond comes with the next one.
    """

    key: ClassVar[str] = "wandb"
    status: ClassVar[SourceStatus] = SourceStatus.WANDB_OK
    kind: ClassVar[str] = "offline"

    def __init__(self, path: str, *, max_samples: int = MAX_SAMPLES) -> None:
        self._path = path
        self._max_samples = max_samples

    @cached_property
    def _decode(self) -> Callable[[bytes], Message | None]:
        try:
            return decoder()
        except ImportError as error:
            raise SourceUnavailableError(
                f"W&B's package cannot be loaded: {error}", where=self._path, todo="Install wandb"
            ) from error

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything that was wholly written since the cursor; see `ports.Source`.

        A file that was replaced or cut begins anew (`Batch.restarted`). A long file is read in several fetches.
        """
        until = time.monotonic() + deadline * _SHARE
        known = _place(cursor)
        file = known.file if known else _find(self._path)
        with _opened(file) as fd:
            status = os.fstat(fd)
            if not check_header(fd, file):
                info = RunInfo(state=RunState.PENDING, heartbeat_at=status.st_mtime)
                return Batch({}, info, cursor={}, inspected=(file,), restarted=known is not None)
            same = known and status.st_size >= known.offset and known.head == _fingerprint(fd, known.offset)
            place = known if same else None
            start = place or _Place(file, START, "", _survey(fd, self._decode), RunFacts(), 0)
            return self._read(fd, start, until, heartbeat=status.st_mtime, restarted=bool(known and not place))

    def _read(self, fd: int, start: _Place, until: float, *, heartbeat: float, restarted: bool) -> Batch:
        harvest = Harvest(start.keys, start.facts)
        offset, damaged, more = start.offset, start.damaged, False
        for frame in read_frames(fd, start.offset):
            offset = frame.end
            damaged += not _take(harvest, frame, self._decode)
            more = harvest.samples >= self._max_samples or offset - start.offset > MAX_BYTES or time.monotonic() > until
            if more:
                break
        place = _Place(start.file, offset, _fingerprint(fd, offset), harvest.kept, harvest.facts, damaged)
        info = harvest.facts.info(heartbeat)
        return Batch(
            rows=harvest.rows(),
            info=info,
            cursor=asdict(place),
            inspected=(start.file,),
            notes=tuple(_notes(harvest, info, damaged, more=more)),
            restarted=restarted,
        )


def _notes(harvest: Harvest, info: RunInfo, damaged: int, *, more: bool) -> Iterator[str]:
    yield from left_out_note(harvest.left_out)
    if damaged:
        yield f"{damaged} damaged part(s) of the run's file were passed over: rows logged there are missing"
    if more:
        yield f"The file is long: read up to step {info.last_step or 0:g}, the rest follows"


def _take(harvest: Harvest, frame: Frame, decode: Callable[[bytes], Message | None]) -> bool:
    """Whether the frame held a record that can be read."""
    record = None if frame.payload is None else decode(frame.payload)
    if record is None:
        return False
    harvest.take(record)
    return True


def _survey(fd: int, decode: Callable[[bytes], Message | None]) -> tuple[str, ...]:
    """The metrics to read, chosen among those at the beginning of the file."""
    names = Harvest((), RunFacts())
    for frame in read_frames(fd, START):
        _take(names, frame, decode)
        if frame.end > SURVEY_BYTES:
            break
    return choose([*names.kept, *names.left_out])


def _fingerprint(fd: int, offset: int) -> str:
    # The beginning holds the run's id and its start to the nanosecond. Unlike the inode it survives a copy by rsync.
    return hashlib.blake2b(os.pread(fd, min(offset, _HEAD), 0), digest_size=8).hexdigest()


def _place(cursor: Cursor | None) -> _Place | None:
    if not cursor:
        return None
    try:
        facts = RunFacts(**cursor["facts"])
        return _Place(
            str(cursor["file"]),
            int(cursor["offset"]),
            str(cursor["head"]),
            tuple(cursor["keys"]),
            facts,
            int(cursor["damaged"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


@contextmanager
def _opened(file: str) -> Iterator[int]:
    try:
        # Not blocking: a FIFO in the place of the file must not hold the round.
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(file, error) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SourceUnavailableError("This is not a regular file", where=file)
        yield fd
    except OSError as error:
        raise _unreadable(file, error) from None
    finally:
        os.close(fd)


def _unreadable(file: str, error: OSError) -> SourceUnavailableError:
    return SourceUnavailableError(f"The run's file cannot be read: {error.strerror}", where=file)


def _find(path: str) -> str:
    """The `.wandb` file that a path means.

    Raises:
        SourceUnavailableError: If there is none, or more than one.
    """
    given = Path(path)
    try:
        if not given.is_dir():
            return str(given.resolve())
        latest = given / "latest-run"
        folder = (latest if latest.is_dir() else given).resolve()
        files = sorted(folder.glob("run-*.wandb"))
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(files) == 1:
        return str(files[0])
    found = "no run-*.wandb file" if not files else f"{len(files)} run files"
    raise SourceUnavailableError(
        f"This directory holds {found}", where=path, todo="Name one run directory (offline-run-*, run-*) or .wandb file"
    )
