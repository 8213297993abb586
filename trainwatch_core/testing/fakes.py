"""Small real implementations of the ports, for tests that need no world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import DeliveryError, PaintError, SourceUnavailableError, StorageError
from trainwatch_core.model.message import Body
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import Rows
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.multiples import MultiplesSpec

_Some = TypeVar("_Some", bound=Body)
START = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is moved. Wall and monotonic time can be moved apart."""

    def __init__(self, start: datetime = START) -> None:
        self._wall = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let both clocks run on."""
        self._wall += timedelta(seconds=seconds)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock; monotonic time does not notice."""
        self._wall += timedelta(seconds=seconds)


@dataclass
class ScriptedSource:
    """A source that gives what a test wrote down.

    Attributes:
        script: One entry for each fetch: rows by metric, or the error to raise; the last entry repeats without rows.
        info: What it tells about the run.
        fetched: How often it was asked.
    """

    script: Sequence[Mapping[str, Rows] | SourceUnavailableError]
    info: RunInfo = field(default_factory=RunInfo)
    key: str = "wandb"
    status: SourceStatus = SourceStatus.WANDB_OK
    kind: str = ""
    fetched: int = 0

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """The entry that follows the cursor."""
        del deadline
        self.fetched += 1
        at = int(cursor["at"]) if cursor else 0
        entry = self.script[at] if at < len(self.script) else {}
        if isinstance(entry, SourceUnavailableError):
            if at + 1 < len(self.script):
                self.script = [*self.script[:at], *self.script[at + 1 :]]
            raise entry
        return Batch(entry, self.info, {"at": at + 1}, inspected=(f"script entry {at}",))


@dataclass
class ListNotifier:
    """Keeps what it is told.

    Attributes:
        said: Key, body and picture of each delivered message.
        fail_with: Raised instead of delivering, while set.
        clock: For receipts.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    said: list[tuple[str, Body, bytes | None]] = field(default_factory=list)
    fail_with: DeliveryError | None = None

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """At once."""

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Keep a message."""
        if self.fail_with is not None:
            raise self.fail_with
        self.said.append((key, body, picture))
        return Receipt(f"list:{len(self.said)}", self.clock.now())

    def of(self, kind: type[_Some]) -> list[_Some]:
        """Delivered bodies of one kind."""
        return [body for _, body, _ in self.said if isinstance(body, kind)]


@dataclass
class PlainPainter:
    """Paints a picture of eight bytes, or fails; keeps what it was to paint."""

    fail_with: PaintError | None = None
    specs: list[ChartSpec | MultiplesSpec] = field(default_factory=list)

    def paint(self, spec: ChartSpec) -> bytes:
        """The signature of a PNG file."""
        self.specs.append(spec)
        return self._png()

    def paint_multiples(self, spec: MultiplesSpec) -> bytes:
        """The signature of a PNG file."""
        self.specs.append(spec)
        return self._png()

    def _png(self) -> bytes:
        if self.fail_with is not None:
            raise self.fail_with
        return b"\x89PNG\r\n\x1a\n"


@dataclass
class DictLocker:
    """Keeps evidence in memory, or fails."""

    kept: dict[str, dict[str, bytes]] = field(default_factory=dict)
    fail_with: StorageError | None = None

    def keep(self, name: str, files: dict[str, bytes]) -> str:
        """Keep files under a name."""
        if self.fail_with is not None:
            raise self.fail_with
        self.kept[name] = dict(files)
        return f"memory:{name}"


@dataclass
class DictNotebook:
    """Keeps notes in memory, or fails."""

    notes: dict[str, str] = field(default_factory=dict)
    fail_with: StorageError | None = None

    def append(self, path: str, text: str) -> None:
        """Append a text."""
        if self.fail_with is not None:
            raise self.fail_with
        self.notes[path] = self.notes.get(path, "") + text

    def require_writable(self, path: str) -> None:
        """As `append` would say."""
        del path
        if self.fail_with is not None:
            raise self.fail_with


class InlineDispatcher:
    """Does the work when the test says so, in the order it was handed over."""

    def __init__(self) -> None:
        self.queue: list[tuple[str, str]] = []
        self._work: Callable[[str, str], None] | None = None

    def start(self, work: Callable[[str, str], None]) -> None:
        """Remember how to work."""
        self._work = work

    def submit(self, kind: str, ident: str) -> None:
        """Queue a job."""
        if (kind, ident) not in self.queue:
            self.queue.append((kind, ident))

    def stop(self, *, timeout: float) -> None:
        """Drop what waits."""
        del timeout
        self.queue.clear()

    def drain(self, limit: int = 1000) -> None:
        """Work until nothing waits."""
        for _ in range(limit):
            if not self.queue or self._work is None:
                return
            self._work(*self.queue.pop(0))
        raise AssertionError(f"work never ends: {self.queue}")
