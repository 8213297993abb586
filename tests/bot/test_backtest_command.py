"""`/watch backtest`: what would have been done to finished runs, told to whoever asks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.testing import EVE, Office
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.run import RunRef, RunState
from trainwatch_core.report.backtest import Backtested, KeyMetric, Trial
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.wandb_server import FakeWandb

LOSS = KeyMetric("loss", Goal.MINIMIZE, np.arange(4.0), np.array([4.0, 3.0, 2.0, 1.0]))
DEAD = Trial(
    "<!channel> r7", "lab/v/r7", RunState.CRASHED, 24, 2, 3200.0, 600.0, 7200.0, "loss is NaN.", LOSS, 2.0, 3.0
)


@pytest.fixture
def tried(office: Office) -> list[tuple[str, int | None]]:
    """Where an office backtests, of the projects `lab/vision` and what the file names."""
    asked: list[tuple[str, int | None]] = []

    def backtest(run: RunRef, last: int | None) -> Backtested:
        asked.append((str(run), last))
        return Backtested([DEAD], {})

    office.toml = '[wandb]\nentities = ["lab"]'
    office.world.backtest = backtest
    office.restart()
    return asked


def test_it_tells_what_it_comes_to_and_which_runs(office: Office, tried: list[tuple[str, int | None]]) -> None:
    """To the person who asked; names of runs mention nobody."""
    told = json.loads(office.command("backtest <https://wandb.ai/lab/vision|wandb.ai/lab/vision> 20"))
    seen = "\n".join(block["text"]["text"] for block in told["blocks"] if block["type"] == "section")
    assert tried == [("lab/vision/any", 20)]
    assert "one run replayed · 1 would have been stopped · 2 h of running time saved" in told["text"]
    assert "r7 (crashed)\nat step 3,200 · after 10 min · 2 h before it ended\nloss is NaN." in seen
    assert "<!channel>" not in json.dumps(told)
    office.command("backtest lab/vision")
    assert tried[-1] == ("lab/vision/any", 10)


@pytest.mark.parametrize(
    "words",
    [
        "backtest",
        "backtest lab/vision 0",
        "backtest lab/vision 51",
        "backtest lab/vision 9 9",
        "backtest lab/vision/7gk2 9",
        "backtest lab/vision/7gk2/more",
        "backtest lab",
    ],
)
def test_what_is_neither_run_nor_project_and_number_is_said(
    office: Office, tried: list[tuple[str, int | None]], words: str
) -> None:
    """With what is expected."""
    assert "Expected" in office.command(words)
    assert tried == []


@pytest.mark.parametrize("named", ["lab/vision/7gk2", "<https://wandb.ai/lab/vision/runs/7gk2/logs>"])
def test_one_run_is_tried_alone(office: Office, tried: list[tuple[str, int | None]], named: str) -> None:
    """As it is copied from anywhere."""
    assert json.loads(office.command(f"backtest {named}"))["text"].startswith("Backtest of lab/vision/7gk2:")
    assert tried == [("lab/vision/7gk2", None)]


@pytest.mark.parametrize("page", ["lab/vision", "https://wandb.ai/lab/vision/table"])
def test_a_project_is_its_path_or_one_of_its_pages(
    office: Office, tried: list[tuple[str, int | None]], page: str
) -> None:
    """A page of a project is no run."""
    assert json.loads(office.command(f"backtest {page}"))["text"].startswith("Backtest of lab/vision:")
    assert tried == [("lab/vision/any", 10)]


def test_only_who_may_watch_may_ask_for_it(office: Office, tried: list[tuple[str, int | None]]) -> None:
    """It reads runs, and takes minutes of a processor."""
    assert "replayed" not in office.command("backtest lab/vision", user=EVE)
    assert tried == []


def test_one_at_a_time(office: Office, tried: list[tuple[str, int | None]]) -> None:
    """Also beside the one that is quoted to who switches automatic mode on."""
    with office.world.exclusive("backtest"):
        assert "Another backtest is under way" in office.command("backtest lab/vision")
    assert tried == []
    assert "replayed" in office.command("backtest lab/vision")


def test_a_server_that_does_not_answer_is_told(office: Office, tried: list[tuple[str, int | None]]) -> None:
    """In its words."""

    def fail(_run: RunRef, _last: int | None) -> Backtested:
        raise SourceUnavailableError("W&B does not answer", where="lab/vision")

    office.world.backtest = fail
    office.restart()
    assert "W&B does not answer" in office.command("backtest lab/vision")
    assert tried == []


def test_strangers_projects_are_not_looked_into_with_the_bots_key(
    slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the operator has named nobody, only the projects that W&B shows as the key's own."""
    with FakeWandb() as wandb:
        wandb.add("lab/vision/a1", state="finished")
        wandb.add("strangers/secrets/b2", state="finished")
        for name, value in wandb.environment().items():
            monkeypatch.setenv(name, value)
        office = Office(slack, tmp_path, toml=f'[wandb]\nbase_url = "{wandb.url}"\ntimeout = "20s"')
        asked: list[str] = []

        def backtest(run: RunRef, _last: int | None) -> Backtested:
            asked.append(str(run))
            return Backtested([DEAD], {})

        office.world.backtest = backtest
        office.restart()
        assert "Only projects of the bot" in office.command("backtest strangers/secrets")
        assert asked == []
        assert "Only projects of the bot" in office.command("backtest strangers/secrets/b2")
        assert asked == []
        assert "replayed" in office.command("backtest lab/vision")
        assert asked == ["lab/vision/any"]
