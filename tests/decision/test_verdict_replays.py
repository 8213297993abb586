"""Whole runs, looked at again and again: healthy ones are never stopped, dead ones fast, whatever the rhythm."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.round import Round
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import Column, replay

WAIT, STOP = Decision.WAIT, Decision.STOP


def rounds(columns: dict[str, Column], *, looks: int = 12, planned: float | None = None) -> list[Round]:
    """All rounds of a run, no warning tolerated."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(replay(columns, CHECKS, rounds=looks, planned_steps=planned))


def first_stop(played: list[Round]) -> Round | None:
    """The first round that wanted to stop."""
    return next((each for each in played if each.verdict.decision is STOP), None)


def fallen(rows: int = 200) -> np.ndarray:
    """A loss that is coming down well."""
    rng = np.random.default_rng(3)
    return np.asarray(1 + 2 * (1 + np.arange(rows) / 10) ** -0.7 + rng.normal(0, 0.05, rows))


@pytest.mark.parametrize("looks", [12, 24, 48, 96])
def test_a_loss_that_runs_away_to_nan_is_stopped_fast_in_every_rhythm(looks: int) -> None:
    """Within three looks or twelve samples of the first NaN, and not before the loss went bad."""
    columns: dict[str, Column] = {"loss": np.concatenate([fallen(), np.geomspace(2, 1e9, 8), np.full(60, math.nan)])}
    stopped = first_stop(rounds(columns, looks=looks))
    assert stopped is not None
    assert stopped.last_step is not None
    assert 200 <= stopped.last_step <= 208 + max(12, 3 * 268 / looks)


@pytest.mark.parametrize("looks", [12, 24, 48, 96])
def test_a_spike_that_recovers_is_noticed_and_never_stopped(looks: int) -> None:
    """A jump that decays within a tenth of the run ends well in every rhythm, and the recovery is said."""
    bump = np.concatenate([np.zeros(100), 5 * np.exp(-np.arange(100) / 6)])
    played = rounds({"loss": fallen() + bump}, looks=looks, planned=200)
    assert first_stop(played) is None
    assert any(reason.weight is Weight.RECOVERED for each in played for reason in each.verdict.reasons)


@pytest.mark.parametrize("looks", [12, 24, 48])
def test_a_loss_that_rises_and_stays_is_stopped(looks: int) -> None:
    """Back at its first value and staying there is a STOP before a third of the run is wasted."""
    tail = 2.9 + np.random.default_rng(5).normal(0, 0.05, 150)
    stopped = first_stop(rounds({"loss": np.concatenate([fallen(), tail])}, looks=looks))
    assert stopped is not None
    assert stopped.last_step is not None
    assert 200 + 20 <= stopped.last_step <= 320


def test_a_longer_bad_tail_never_makes_a_stop_a_continue() -> None:
    """Once wanted, a stop stays wanted while the loss stays bad."""
    tail = 2.9 + np.random.default_rng(5).normal(0, 0.05, 150)
    played = rounds({"loss": np.concatenate([fallen(), tail])}, looks=24)
    decisions = [each.verdict.decision for each in played]
    assert decisions[decisions.index(STOP) :] == [STOP] * (24 - decisions.index(STOP))


def test_judging_again_with_the_same_past_gives_the_same_verdict() -> None:
    """Nothing is remembered outside of history and rounds: a second replay is the same."""
    columns: dict[str, Column] = {"loss": np.concatenate([fallen(), np.full(60, math.nan)])}
    assert [each.verdict for each in rounds(columns)] == [each.verdict for each in rounds(columns)]
