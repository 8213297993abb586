"""Fixtures for stopping real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.stoppers.process import ProcessStopper
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Jobs


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    started = Jobs()
    try:
        yield started
    finally:
        started.clear()


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "state" / "stops"


@pytest.fixture
def stopper_of(clock: Clock, tokens: Path) -> Callable[..., ProcessStopper]:
    """Makes a stopper with waits that fit a test; `kill=None` never kills."""

    def make(
        pid: int | str, *, grace: float = 20.0, kill: float | None = 20.0, term: str = "SIGTERM"
    ) -> ProcessStopper:
        return ProcessStopper(str(pid), clock=clock, tokens_dir=tokens, grace=grace, kill_wait=kill, term_signal=term)

    return make
