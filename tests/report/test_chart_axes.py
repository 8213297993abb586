"""Axes: what stretch of values a panel shows, on which scale, with which ticks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.report.chart import Axis
from trainwatch_core.report.scaling import LARGEST, Reach, fit_axis, step_axis


def _reach(values: list[float] | np.ndarray, low: float | None = None, high: float | None = None) -> Reach:
    array = np.asarray(values, dtype=np.float64)
    return Reach(array, float(array.min()) if low is None else low, float(array.max()) if high is None else high)


def _share(axis: Axis, low: float, high: float) -> float:
    ends = np.clip(axis.place(np.array([low, high])), 0, 1)
    return float(ends[1] - ends[0])


def test_loss_that_falls_by_much_asks_for_a_logarithmic_axis() -> None:
    """A loss from 2.3 to 0.001 is a hook on a linear axis and a slope on a logarithmic one."""
    assert fit_axis(_reach(2.3 * np.exp(-np.arange(300) / 40))).log


def test_loss_that_falls_by_little_stays_linear() -> None:
    """A loss from 4.5 to 3.8 needs no logarithm."""
    assert not fit_axis(_reach(np.linspace(4.5, 3.8, 300))).log


@pytest.mark.parametrize("lowest", [0.0, -300.0])
def test_values_without_a_logarithm_stay_linear(lowest: float) -> None:
    """F-P02: a loss at or below zero has no place on a logarithmic axis."""
    assert not fit_axis(_reach(np.linspace(1000.0, lowest, 50) if lowest < 0 else [1000.0, 0.0, 0.0, 0.0])).log


def test_single_zero_does_not_forbid_the_logarithm() -> None:
    """One zero among 400 values of a loss that falls by much is pointed at, not obeyed."""
    values = np.append(2.3 * np.exp(-np.arange(400) / 60), 0.0)
    axis = fit_axis(_reach(values))
    assert axis.log
    assert axis.place(0.0) < 0


@pytest.mark.parametrize("peak", [50.0, 1e4, 1e13, 1e300])
def test_divergence_does_not_squash_what_was_before(peak: float) -> None:
    """A loss that was falling from 10 to 2.3 keeps a third of the height, however far it goes afterwards."""
    before = np.linspace(10.0, 2.3, 400)
    assert _share(fit_axis(_reach(before, high=peak)), 2.3, 10.0) >= 0.3


def test_moderate_jump_is_shown_whole() -> None:
    """A jump from 2.3 to the chance level at 6.91 is not cut off."""
    axis = fit_axis(_reach(np.full(400, 2.3) + np.linspace(0.2, 0, 400), high=6.91))
    assert axis.high > 6.91


def test_baseline_nearby_is_in_sight_and_a_far_one_is_not() -> None:
    """A baseline at 2 is shown beside a loss from 4 to 3, one at 1,000 does not flatten it."""
    values = np.linspace(4.0, 3.0, 100)
    near, far = (fit_axis(Reach(values, 3.0, 4.0, levels=(level,))) for level in (2.0, 1000.0))
    assert near.low < 2.0
    assert far.high < 100


def test_constant_has_one_tick_and_lies_in_the_middle() -> None:
    """A constant 0.6931 has one tick: more would tell of differences that there are not."""
    axis = fit_axis(_reach([0.6931] * 20))
    assert [tick.label for tick in axis.ticks] == ["0.6931"]
    assert axis.place(0.6931) == pytest.approx(0.5)


def test_learning_rate_is_never_logarithmic() -> None:
    """A cosine is known by its shape, which a logarithm would bend."""
    assert not fit_axis(Reach(np.geomspace(1e-6, 1e-3, 50), 1e-6, 1e-3, linear=True)).log


@given(values=st.lists(st.floats(-LARGEST, LARGEST), min_size=1, max_size=40), linear=st.booleans())
def test_any_values_get_an_axis_on_which_they_have_a_place(values: list[float], *, linear: bool) -> None:
    """F-P01: whatever is logged, places are finite, ticks few and inside, and the axis has a length."""
    array = np.array(values)
    axis = fit_axis(Reach(array, float(array.min()), float(array.max()), linear=linear))
    assert math.isfinite(axis.low)
    assert axis.low < axis.high < math.inf
    assert np.isfinite(axis.place(array)).all()
    assert 1 <= len(axis.ticks) <= 6
    assert all(-0.01 <= axis.place(tick.value) <= 1.01 for tick in axis.ticks)


@pytest.mark.parametrize("log", [False, True])
def test_infinities_come_to_lie_just_outside(*, log: bool) -> None:
    """F-P02: what has no place lies a little outside of the panel, where a drawing library can still count."""
    places = Axis(1.0, 10.0, log).place(np.array([-np.inf, -1e308, 0.0, 1e308, np.inf]))
    assert np.isfinite(places).all()
    assert (places[:3] < 0).all()
    assert (places[3:] > 1).all()


def test_axis_over_all_floats_still_counts() -> None:
    """F-P01: between the lowest and the highest float zero lies in the middle."""
    places = Axis(-1.7e308, 1.7e308).place(np.array([-1.7e308, 0.0, 1.7e308]))
    assert places.tolist() == [0.0, 0.5, 1.0]


def test_nan_stays_a_gap() -> None:
    """F-P02: NaN has no place at all."""
    assert math.isnan(Axis(0.0, 1.0).place(math.nan))


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.0), (7.0, 7.0), (0.0, 41_200.0), (-1e307, 1e307), (0.0, 1e-3)])
def test_steps_have_an_axis_with_few_ticks(first: float, last: float) -> None:
    """A single step has room on both sides, a long run three or four ticks."""
    axis = step_axis(first, last)
    assert axis.low < axis.high
    assert 2 <= len(axis.ticks) <= 5
