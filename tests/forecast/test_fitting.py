"""Curves are carried on: as they went, whatever their size, and never into nonsense."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.forecast.fitting import HORIZONS, Course, carry_on
from trainwatch_core.model.series import FloatArray

STEPS = np.arange(0.0, 4000.0, 100.0)
END = 10_000.0


def power_law(steps: FloatArray = STEPS) -> FloatArray:
    """A loss that falls from 6 to about 2.5, as losses of language models do."""
    return np.asarray(2 + 4 * (steps / 400 + 1) ** -0.7)


def carried(values: FloatArray, end: float = END, steps: FloatArray = STEPS) -> Course:
    """A curve that can be carried on."""
    course = carry_on(steps, values, end)
    assert course is not None
    return course


SHAPES: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "power law": power_law,
    "decay": lambda steps: 1 + 3 * np.exp(-steps / 1200),
    "inverse": lambda steps: 1 + 3 / (1 + steps / 700),
    "logarithm": lambda steps: 5 - 0.4 * np.log(steps + 150),
    "line": lambda steps: 5 - steps / 5000,
    "level after a fall": lambda steps: 1 + 3 * np.exp(-steps / 100),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_curve_without_noise_is_carried_on_closely(shape: str) -> None:
    """Of what is left to fall, the forecast of a shape of the family misses little; the end is in its interval."""
    curve = SHAPES[shape]
    values, truth = curve(STEPS), float(curve(np.array([END]))[0])
    course = carried(values)
    assert abs(course.middle[-1] - truth) < 0.08 * (values[0] - truth)
    assert abs(course.middle[-1] - truth) <= 1.5 * course.spread[-1] + 1e-9


def test_it_begins_where_the_curve_stands_and_ends_at_the_end() -> None:
    """The fan starts at the newest point, never rises, and gets wider."""
    course = carried(power_law())
    assert course.steps.shape == course.middle.shape == course.spread.shape == (HORIZONS,)
    assert (course.steps[0], course.steps[-1]) == (STEPS[-1], END)
    assert course.middle[0] == pytest.approx(power_law()[-1], abs=0.02)
    assert np.all(np.diff(course.middle) <= 0)
    assert np.all(np.diff(course.spread) >= 0)


def test_the_forecast_of_a_step_does_not_depend_on_the_length_of_the_plan() -> None:
    """Twice the plan is told the same about the first half."""
    noisy = power_law() + 0.03 * np.random.default_rng(0).standard_normal(len(STEPS))
    short, long = carried(noisy, 7000.0), carried(noisy, 12_000.0)
    assert np.interp(7000.0, long.steps, long.middle) == pytest.approx(short.middle[-1], rel=0.01)


def test_single_wild_values_do_not_bend_it() -> None:
    """Four spikes of ten times the level, one of them late, move the end by less than the interval is wide."""
    spiked = power_law()
    spiked[[5, 14, 22, 36]] *= 10
    calm, wild = carried(power_law()), carried(spiked)
    assert abs(wild.middle[-1] - calm.middle[-1]) < 0.15


def test_recent_points_tell_more_than_old_ones() -> None:
    """A loss that began to fall faster half-way is carried on from there, not from what was before."""
    values = np.where(STEPS < 2000, 5.0, 5 - (STEPS - 2000) / 4000)
    assert carried(values, 4500.0).middle[-1] == pytest.approx(5 - 2500 / 4000, abs=0.08)


def test_a_curve_that_could_not_be_foretold_says_so() -> None:
    """What falls off a cliff again and again is missed by more than half of its range; a smooth fall by nearly none."""
    cliffs = np.repeat([5.0, 4.9, 2.0, 1.9], 10)
    assert carried(cliffs).missed > 0.5
    assert carried(power_law()).missed < 0.02


def test_a_rise_is_not_carried_on() -> None:
    """No shape of the family rises: a loss that climbs steadily was not foretold, and is not said to go on climbing."""
    rising = carried(2 + STEPS / 2000)
    assert rising.missed > 0.6
    assert rising.middle[-1] <= rising.middle[0]


@pytest.mark.parametrize(
    ("steps", "values", "end"),
    [
        (STEPS[:7], power_law()[:7], END),
        (STEPS, np.full(len(STEPS), 3.0), END),
        (np.full(20, 5.0), np.linspace(3, 2, 20), END),
        (STEPS, power_law(), STEPS[-1]),
        (STEPS, power_law(), np.nan),
    ],
    ids=["seven points", "one value", "one step", "at its end", "no end"],
)
def test_nothing_to_carry_on_is_none(steps: FloatArray, values: FloatArray, end: float) -> None:
    """No course is made up."""
    assert carry_on(steps, values, end) is None


@given(
    st.lists(st.floats(-1e150, 1e150), min_size=8, max_size=70),
    st.floats(1e-9, 1e9),
    st.floats(1e-3, 1e6),
)
@settings(deadline=None, max_examples=200)
def test_no_values_whatever_make_it_fail_or_leave_the_numbers(values: list[float], step: float, ahead: float) -> None:
    """Every course is finite, of non-negative spread, and made without a warning."""
    steps = step * np.arange(float(len(values)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        course = carry_on(steps, np.array(values), float(steps[-1]) * (1 + ahead))
    if course is not None:
        assert all(np.isfinite(each).all() for each in (course.steps, course.middle, course.spread))
        assert (course.spread >= 0).all()


@given(
    st.lists(st.floats(-1, 1), min_size=len(STEPS), max_size=len(STEPS)),
    st.floats(1e-6, 1e6),
    st.floats(-1e3, 1e3),
    st.floats(1e-4, 1e4),
)
@settings(deadline=None, max_examples=60)
def test_units_do_not_matter(ripple: list[float], size: float, shift: float, pace: float) -> None:
    """Values in other units, from another zero and on other steps have the same forecast in those."""
    values = power_law() + 0.05 * np.array(ripple)
    one, other = carried(values), carried(size * (values + shift), pace * END, pace * STEPS)
    wide = float(np.ptp(values))
    assert np.allclose(other.middle / size - shift, one.middle, atol=1e-4 * wide, rtol=0)
    assert np.allclose(other.spread / size, one.spread, atol=1e-4 * wide, rtol=1e-4)
    assert np.allclose(other.steps / pace, one.steps)
