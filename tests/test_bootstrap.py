"""What becomes of the file when everything is wired."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwatch_core.bootstrap import build
from trainwatch_core.config import load_settings
from trainwatch_core.decision.authority import Allow
from trainwatch_core.model.errors import GivenUpError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.testing.fakes import ListNotifier
from trainwatch_core.testing.wandb_sdk import OfflineRun, log_offline

FILE = """
data_dir = "{folder}/data"
admins = ["U0ANA"]
[stop]
approvals_required = 2
self_approval = false
[stoppers.lab]
argv = ["/bin/true"]
allow = {{ channels = ["C0TRAIN"], approvers = [], approvals = 3 }}
[stoppers.open]
argv = ["/bin/true"]
allow = {{ }}
[stoppers.plain]
argv = ["/bin/true"]
"""


def test_the_rules_are_those_of_the_file(tmp_path: Path) -> None:
    """F-A02: a list that is not given narrows nothing, an empty one means nobody."""
    (tmp_path / "t.toml").write_text(FILE.format(folder=tmp_path))
    settings = load_settings(tmp_path / "t.toml", {"HOME": str(tmp_path), "TZ": "UTC"}, cwd=tmp_path)
    with build(settings, ListNotifier(), environ={}, team="T0HOME") as engine:
        rules, terms = engine.world.rules, engine.world.terms
    assert (rules.admins, rules.approvers, rules.team) == (frozenset({"U0ANA"}), frozenset(), "T0HOME")
    assert (terms.approvals, rules.self_approval) == (2, False)
    assert rules.local_user == (tmp_path / "data" / "trainwatch.db").owner()
    assert rules.stoppers == {"lab": Allow(frozenset({"C0TRAIN"}), frozenset(), 3), "open": Allow()}


def test_an_engine_that_stops_gives_a_backtest_up(tmp_path: Path) -> None:
    """It takes minutes, and whoever ends trainwatch waits for seconds."""
    (tmp_path / "t.toml").write_text(FILE.format(folder=tmp_path))
    settings = load_settings(tmp_path / "t.toml", {"HOME": str(tmp_path), "TZ": "UTC"}, cwd=tmp_path)
    rows = [{"loss": 1.0}] * 5
    runs = log_offline(tmp_path, OfflineRun("mine1111", rows, "mine"), OfflineRun("other111", rows, "other"))
    with build(settings, ListNotifier(), environ={}) as engine:
        assert engine.world.backtest is not None
        mine = RunRef(RunKind.WANDB_OFFLINE, str(runs[0]))
        assert [one.run for one in engine.world.backtest(mine, 9).trials] == ["other"]
        assert [one.run for one in engine.world.backtest(mine, None).trials] == ["mine"]
        engine.stop()
        with pytest.raises(GivenUpError):
            engine.world.backtest(mine, 9)
