"""Fixtures for stopping real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.ports import Clock


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "state" / "stops"


@pytest.fixture
def stopper_of(clock: Clock, tokens: Path) -> Callable[..., GuardedStopper]:
    """Makes a stopper with waits that fit a test; `kill=None` never kills."""

    def make(
        pid: int | str, *, grace: float = 20.0, kill: float | None = 20.0, term: str = "SIGTERM"
    ) -> GuardedStopper:
        launch = Launch("pid", LOCALHOST, str(pid))
        return GuardedStopper(ProcessJob(launch, LocalPlace(clock, tokens), Ladder(grace, kill, term)), clock)

    return make
