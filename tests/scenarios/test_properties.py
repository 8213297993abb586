"""What must not change a verdict: units, order, names, and what has not happened yet."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.model.finding import Decision
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import Column, replay

CONTINUE, STOP = Decision.CONTINUE, Decision.STOP
ROWS, LOOKS, BAD = 240, 12, 120
Run = dict[str, np.ndarray]
"""Metric to the values that it logged at steps 0, 1, 2, ..."""

some = settings(max_examples=10, deadline=None, derandomize=True)


def decisions(run: Run, *, looks: int = LOOKS, plan: int = ROWS) -> list[Decision]:
    """Of each look."""
    columns: dict[str, Column] = dict(run)
    return [each.verdict.decision for each in replay(columns, CHECKS, rounds=looks, planned_steps=float(plan))]


@st.composite
def healthy(draw: st.DrawFn) -> Run:
    """A power law with noise, and an evaluation that follows it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = np.arange(ROWS)
    curve = 1 + 3 * (1 + steps / draw(st.floats(3, 30))) ** -draw(st.floats(0.4, 1.1))
    noise = draw(st.floats(0.005, 0.06))
    return {
        "train/loss": curve + rng.normal(0, noise, ROWS),
        "val/loss": curve + 0.1 + rng.normal(0, noise / 3, ROWS),
        "lr": np.full(ROWS, 1e-3),
    }


def nan(loss: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Not a number from some step on."""
    return np.where(late > 0, math.nan, loss)


def diverging(loss: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Grows and grows."""
    return np.asarray(loss * np.exp(late / 15))


def lost(loss: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Back to where it began, and there to stay."""
    return np.where(late > 0, loss[late.astype(int) % 3], loss)


@st.composite
def broken(draw: st.DrawFn) -> Run:
    """A healthy run that goes bad in the middle: train loss and evaluation alike."""
    run = draw(healthy())
    how: Callable[[np.ndarray, np.ndarray], np.ndarray] = draw(st.sampled_from([nan, diverging, lost]))
    late = np.maximum(np.arange(ROWS) - BAD, 0)
    return {name: how(values, late) if "loss" in name else values for name, values in run.items()}


any_run = st.one_of(healthy(), broken())


@some
@given(any_run, st.integers(-30, 30))
def test_units_change_nothing(run: Run, power: int) -> None:
    """Losses that are a power of two larger or smaller, so that no digit is lost."""
    scaled = {name: values * 2.0**power if "loss" in name else values for name, values in run.items()}
    assert decisions(scaled) == decisions(run)


@some
@given(healthy(), st.floats(-5, 50))
def test_a_healthy_run_may_lie_anywhere(run: Run, shift: float) -> None:
    """Likelihoods below zero, a constant added to the loss: no STOP."""
    shifted = {name: values + shift if "loss" in name else values for name, values in run.items()}
    assert STOP not in decisions(shifted)


@some
@given(broken(), st.floats(-3, 2))
def test_a_broken_run_is_stopped_wherever_it_lies(run: Run, shift: float) -> None:
    """As long as what was lost is as large as what is left."""
    shifted = {name: values + shift if "loss" in name else values for name, values in run.items()}
    assert STOP in decisions(shifted)


@some
@given(any_run)
def test_nothing_is_known_of_the_future(run: Run) -> None:
    """The looks at the first half are the same, whatever comes after it."""
    half = {name: values[: ROWS // 2 + 1] for name, values in run.items()}
    whole = {name: values[: ROWS // 2 * 2 + 1] for name, values in _longer(run).items()}
    assert decisions(whole)[: LOOKS // 2] == decisions(half, looks=LOOKS // 2)


def _longer(run: Run) -> Run:
    return {name: np.append(values, values[-1]) for name, values in run.items()}


@some
@given(any_run, st.randoms(use_true_random=False))
def test_the_order_of_metrics_changes_nothing(run: Run, random: object) -> None:
    """Neither that of the columns nor that of what the checks find in them."""
    names = list(run)
    random.shuffle(names)  # type: ignore[attr-defined]  # hypothesis does not say what it is
    assert decisions({name: run[name] for name in names}) == decisions(run)


NAMES = {
    "train/loss": ("train_loss", "loss", "training loss", "trainLoss", "train.loss"),
    "val/loss": ("val_loss", "eval/loss", "validation_loss", "valid.loss", "dev_loss"),
    "lr": ("learning_rate", "train/lr", "LR", "optim/learning_rate"),
}


@some
@given(any_run, st.data())
def test_synonyms_change_nothing(run: Run, data: st.DataObject) -> None:
    """However the metrics are called."""
    called = {data.draw(st.sampled_from(NAMES[name])): values for name, values in run.items()}
    assert decisions(called) == decisions(run)


def _twice(run: Run) -> dict[str, Column]:
    # Half a step apart: a mapping of step to value holds no step twice.
    return {
        name: {n + half: float(value) for n, value in enumerate(values) for half in (0.0, 0.25)}
        for name, values in run.items()
    }


@some
@given(any_run)
def test_rows_that_are_logged_twice_are_no_failure(run: Run) -> None:
    """A duplicated row is neither a plateau nor a repetition that is too good: STOP as before, no STOP as before."""
    doubled = replay(_twice(run), CHECKS, rounds=LOOKS, planned_steps=float(ROWS))
    assert (STOP in [each.verdict.decision for each in doubled]) == (STOP in decisions(run))


@some
@given(healthy(), st.floats(0.02, 0.2), st.integers(30, 120))
def test_a_longer_diverging_tail_never_takes_a_stop_back(run: Run, growth: float, tail: int) -> None:
    """Once STOP, never CONTINUE again while the loss keeps growing."""
    late = np.maximum(np.arange(ROWS) - (ROWS - tail), 0)
    grown = {name: values * np.exp(growth * late) if "loss" in name else values for name, values in run.items()}
    found = decisions(grown, looks=24)
    if STOP in found:
        assert CONTINUE not in found[found.index(STOP) :]
