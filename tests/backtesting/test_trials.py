"""Which finished runs are beside one, and what a service does with them: a stand-in for W&B, runs of the real SDK."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.backtesting.trials import QUIETLY, play, runs_beside
from trainwatch_core.config import Settings, load_settings
from trainwatch_core.model.errors import GivenUpError, InvalidInputError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.report.backtest import Outcome
from trainwatch_core.testing.desk import falling
from trainwatch_core.testing.wandb_sdk import OfflineRun, log_offline
from trainwatch_core.testing.wandb_server import FakeWandb

GOOD = [float(loss) for loss in falling()]
DEAD = [*GOOD[:60], *[math.nan] * 60]


def rows(losses: list[float]) -> list[dict[str, float]]:
    """A row a minute."""
    return [{"_timestamp": 1_700_000_000 + 60.0 * n, "loss": loss} for n, loss in enumerate(losses)]


def settings(folder: Path, more: str = "") -> Settings:
    """Of a file in a folder."""
    (folder / "trainwatch.toml").write_text(more)
    return load_settings(folder / "trainwatch.toml", os.environ, cwd=folder)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWandb]:
    """A server, and a key that opens it."""
    with FakeWandb() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def test_beside_an_offline_run_are_the_finished_ones_of_its_folder(tmp_path: Path) -> None:
    """Not itself; what came of them is told although one of them cannot be read."""
    runs = log_offline(
        tmp_path,
        OfflineRun("good1111", rows(GOOD), "good"),
        OfflineRun("dead1111", rows(DEAD), "dead", exit_code=1),
        OfflineRun("mine1111", rows(GOOD[:5]), "mine"),
    )
    mine = RunRef(RunKind.WANDB_OFFLINE, str(runs[2]))
    beside = runs_beside(mine, settings(tmp_path), 10)
    assert sorted(beside) == sorted([str(runs[0]), str(runs[1])])
    done = play([*beside, str(tmp_path / "nothing")], settings(tmp_path), bounds=QUIETLY)
    assert {one.run: one.outcome for one in done.trials} == {"good": Outcome.SPARED, "dead": Outcome.STOPPED}
    assert len(done.failures) == 1


def test_beside_a_run_of_wandb_are_the_newest_of_its_project_that_are_over(wandb: FakeWandb, tmp_path: Path) -> None:
    """As many as are asked for, and only where runs are watched."""
    run = RunRef(RunKind.WANDB, "lab/vision/mine")
    for name, state in {
        "vision/mine": "running",
        "vision/a1": "failed",
        "vision/b2": "finished",
        "x/c3": "failed",
    }.items():
        wandb.add(f"lab/{name}", state=state).rows.extend({"_step": n, **row} for n, row in enumerate(rows(GOOD)))
    place = f'[wandb]\nbase_url = "{wandb.url}"\ntimeout = "20s"\n'
    assert sorted(runs_beside(run, settings(tmp_path, place), 9)) == ["lab/vision/a1", "lab/vision/b2"]
    assert len(runs_beside(run, settings(tmp_path, place), 1)) == 1
    with pytest.raises(InvalidInputError, match="lab"):
        runs_beside(run, settings(tmp_path, f'{place}entities = ["other"]\n'), 9)


def test_beside_a_log_there_is_nothing(tmp_path: Path) -> None:
    """Nobody knows which other logs are of the same training."""
    assert list(runs_beside(RunRef(RunKind.LOG, str(tmp_path / "x.log")), settings(tmp_path), 9)) == []


def test_a_program_that_ends_waits_for_the_run_that_is_under_way_only(tmp_path: Path) -> None:
    """The engine tells so when it stops."""
    runs = [
        str(path) for path in log_offline(tmp_path, *(OfflineRun(f"good{n}", rows(GOOD), "good") for n in range(4)))
    ]
    asked: list[bool] = []

    def leaving() -> bool:
        asked.append(len(asked) > 0)
        return asked[-1]

    with pytest.raises(GivenUpError):
        play(runs, settings(tmp_path), bounds=QUIETLY, leaving=leaving)
    assert asked == [False, True]
