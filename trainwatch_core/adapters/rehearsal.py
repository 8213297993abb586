"""What stands in for the world while a finished run is replayed: a clock that is set, and hands that do nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.message import Body
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.multiples import MultiplesSpec


class SetClock:
    """A clock that stands still until it is set. Monotonic time follows it and never goes back."""

    def __init__(self) -> None:
        self._now = SystemClock().now()
        self._monotonic = 0.0

    def set(self, now: datetime) -> None:
        """Let it be that time; aware."""
        self._monotonic += max(0.0, (now - self._now) / timedelta(seconds=1))
        self._now = now

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.set(self._now + timedelta(seconds=seconds))


class Listener:
    """A Notifier that hands messages on and is never far away.

    Args:
        clock: For receipts.
        heard: Called with each message; `picture` is the PNG of a Picture.
    """

    def __init__(self, clock: SetClock, heard: Callable[[Body, bytes | None], None]) -> None:
        self._clock = clock
        self._heard = heard

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """At once."""

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Hand one message on."""
        self._heard(body, picture)
        return Receipt(f"replay:{key}", self._clock.now())


class Idle:
    """Dispatcher, painter, evidence locker and notebook of a replay: nothing is stopped, painted or written."""

    def submit(self, kind: str, ident: str) -> None:
        """Nothing waits: a replay asks for each round itself."""

    def start(self, work: Callable[[str, str], None]) -> None:
        """Nothing to do."""

    def stop(self, *, timeout: float) -> None:
        """Nothing to end."""

    def paint(self, spec: ChartSpec) -> bytes:
        """No picture."""
        del spec
        return b""

    def paint_multiples(self, spec: MultiplesSpec) -> bytes:
        """No picture."""
        del spec
        return b""

    def keep(self, name: str, files: dict[str, bytes]) -> str:
        """Never kept.

        Raises:
            StorageError: Always: nothing may be stopped in a replay.
        """
        raise StorageError("A replay keeps no evidence", where=f"{name}, {len(files)} files")

    def require_writable(self, path: str) -> None:
        """Never written.

        Raises:
            StorageError: Always.
        """
        raise StorageError("A replay writes no notes", where=path)

    def append(self, path: str, text: str) -> None:
        """Never written.

        Raises:
            StorageError: Always.
        """
        raise StorageError("A replay writes no notes", where=f"{path}, {len(text)} characters")
