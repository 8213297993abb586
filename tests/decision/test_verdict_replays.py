"""Whole runs, looked at again and again: healthy ones are never stopped, dead ones fast, whatever the rhythm."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@st.composite
def healthy(draw: st.DrawFn) -> dict[str, Column]:
    """A power law with noise (now and then heavy-tailed), warm-up, learning-rate drops, evals, gradient norms."""
    rows = draw(st.integers(60, 500))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, floor = draw(st.floats(1.0, 12.0)), draw(st.floats(-2.0, 0.9))
    steps = np.arange(rows)
    base = floor + (start - floor) * (1 + steps / draw(st.floats(1, 60))) ** -draw(st.floats(0.2, 1.2))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(rows // 3, rows - 1))
        base[at:] -= draw(st.floats(0.02, 0.2)) * (start - floor) * (1 - np.exp(-(steps[at:] - at) / 10))
    width = draw(st.floats(0.002, 0.1)) * (start - floor)
    shape = rng.standard_t(draw(st.sampled_from([3, 5, 100])), rows)
    warm = draw(st.integers(0, rows // 10))
    rate = np.where(steps < warm, (steps + 1) / max(1, warm), 1) * 1e-3 * (1 + np.cos(np.pi * steps / rows)) / 2
    evals = {float(at): float(base[at] + 0.05 + rng.normal(0, width / 4)) for at in range(9, rows, 10)}
    scale = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    loss = scale * (base + width * shape)
    norms = rng.lognormal(0, 0.7, rows)
    return {
        "train/loss": loss,
        "val_loss": {at: scale * each for at, each in evals.items()},
        "lr": rate,
        "gnorm": norms,
    }


@settings(max_examples=100, deadline=None, derandomize=True)
@given(healthy(), st.sampled_from([8, 12, 24]), st.booleans())
def test_no_healthy_run_is_stopped(columns: dict[str, Column], looks: int, planned: bool) -> None:  # noqa: FBT001  # drawn
    """A hundred healthy runs of all shapes, in three rhythms, with and without a plan, and not one STOP."""
    length = float(len(columns["train/loss"])) if planned else None
    stopped = first_stop(rounds(columns, looks=looks, planned=length))
    assert stopped is None, stopped.verdict.reasons[0].text


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
