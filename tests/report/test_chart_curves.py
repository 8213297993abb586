"""Curves: bounded, smooth, and nothing extreme is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.model.series import Rows, Series
from trainwatch_core.report.curves import MOST_COLUMNS, band, crosses, smooth, trace


def _series(values: np.ndarray, steps: np.ndarray | None = None) -> Series:
    return Series("loss").extend(Rows.of(np.arange(float(len(values))) if steps is None else steps, values))


def test_old_spike_is_in_the_band() -> None:
    """F-P02: one value of 30 among 100,000, long folded into a bucket, still is the highest of the band."""
    values = np.full(100_000, 2.3)
    values[40_000] = 30.0
    assert np.nanmax(band(trace(_series(values))).high) == 30.0


def test_more_samples_than_a_picture_has_columns_are_thinned_with_their_extremes() -> None:
    """F-P03: 50,000 samples become at most 1,000 columns, and lowest and highest are among them."""
    values = np.sin(np.arange(50_000.0))
    values[123], values[45_678], values[999] = 40.0, -40.0, np.nan
    steps = np.arange(50_000.0)
    course = trace(Series("loss", steps=steps, values=values, times=steps))
    assert len(course) <= MOST_COLUMNS
    assert (course.high.max(), course.low.min()) == (40.0, -40.0)
    assert course.nonfinite.sum() == 1


def test_smooth_curve_follows_the_samples_and_not_their_noise() -> None:
    """A noisy slope becomes a slope: ten times nearer to the truth than the samples are."""
    truth = np.linspace(5.0, 3.0, 700)
    noise = np.random.default_rng(0).normal(0, 0.3, 700)
    steps, values = smooth(trace(_series(truth + noise)), (), log=False)
    assert np.abs(values - np.interp(steps, np.arange(700.0), truth)).mean() < 0.1


def test_single_outlier_does_not_bend_the_curve() -> None:
    """One sample at 1,000 is in the band, but the thick line passes under it."""
    values = np.linspace(5.0, 3.0, 700)
    values[350] = 1000.0
    assert smooth(trace(_series(values)), (), log=False)[1].max() < 6


def test_climb_at_the_end_is_not_smoothed_away() -> None:
    """A loss that climbs over the last 20 of 700 samples climbs in the curve, too."""
    values = np.full(700, 2.3) + np.random.default_rng(0).normal(0, 0.05, 700)
    values[680:] *= np.exp(np.arange(20) / 5)
    assert smooth(trace(_series(values)), (), log=True)[1][-1] > 40


def test_jump_at_a_cut_stays_a_jump() -> None:
    """Nothing is smoothed across the step where an anomaly began."""
    values = np.where(np.arange(700) < 350, 2.0, 9.0)
    steps, curve = smooth(trace(_series(values)), (350.0,), log=False)
    assert curve[steps < 350] == pytest.approx(2.0)
    assert curve[steps >= 350] == pytest.approx(9.0)


def test_curve_does_not_overshoot_beside_a_jump() -> None:
    """A loss that fell to 2 at once is drawn nowhere below 2."""
    values = np.where(np.arange(60) < 30, 90.0, 2.0)
    assert smooth(trace(_series(values)), (), log=False)[1].min() >= 2.0


def test_long_stretch_of_nan_is_a_gap() -> None:
    """F-P02: no line is drawn through 100 samples of NaN."""
    values = np.full(700, 2.3)
    values[300:400] = np.nan
    steps, curve = smooth(trace(_series(values)), (), log=False)
    gap = np.flatnonzero(np.isnan(curve))
    assert len(gap) == 1
    assert np.nanmax(steps[: gap[0]]) < 300
    assert np.nanmin(steps[gap[0] :]) >= 400


def test_what_a_resumed_run_overwrote_is_gone() -> None:
    """A run that went back from step 2,000 to step 500, past its window, is drawn once, not over itself."""
    before, after = np.arange(2000.0), np.arange(500.0, 1500.0)
    course = trace(_series(np.full(2000, 5.0), before).extend(Rows.of(after, np.full(1000, 2.0))))
    assert (np.diff(course.steps) >= 0).all()
    assert course.steps[-1] == 1499
    assert (course.values[course.steps > 510] == 2.0).all()


def test_crosses_are_few_and_the_first_is_where_it_began() -> None:
    """F-P02: 500 NaN are a row of crosses that can be told apart, beginning at the first."""
    values = np.full(700, 2.3)
    values[200:] = np.nan
    found = crosses((trace(_series(values)),), 0.0, 699.0)
    assert found[0] == 200
    assert len(found) <= 41
    assert np.diff(found).min() >= 699 / 40


@given(values=st.lists(st.floats(width=64), min_size=1, max_size=900), log=st.booleans())
def test_any_samples_make_a_bounded_curve(values: list[float], *, log: bool) -> None:
    """F-P01, F-P02: whatever is logged, curve and band are short, ascending, and inside of what was there."""
    course = trace(_series(np.array(values)))
    steps, curve = smooth(course, (len(values) / 2,), log=log)
    known = np.isfinite(curve)
    assert len(steps) == len(curve) <= 2000
    assert not np.isinf(curve).any()
    assert (np.diff(steps[known]) >= 0).all()
    if known.any():
        finite = course.finite
        margin = 1e-6 * np.abs(finite.values).max()
        assert curve[known].min() >= finite.low.min() - margin
        assert curve[known].max() <= finite.high.max() + margin
