"""The robust numerics keep their word on short, ugly and huge data."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core import stats
from trainwatch_core.model.series import Rows, Series

NAN, INF = math.nan, math.inf


def series(values: list[float] | np.ndarray) -> Series:
    """A series logged at steps 0, 10, 20, ..."""
    return Series("loss").extend(Rows.of(10.0 * np.arange(len(values)), values))


def test_a_single_outlier_moves_neither_median_nor_spread() -> None:
    """One wild value in nine leaves the level and the spread where they were."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1e308])
    assert stats.median(values) == 5.0
    assert stats.spread(values) == pytest.approx(2 * 1.4826)


def test_nothing_of_nothing_is_nan() -> None:
    """No values have no level."""
    assert math.isnan(stats.median(np.empty(0)))
    assert math.isnan(stats.spread(np.empty(0)))
    assert stats.noise(np.empty(0)) == 0.0


def test_noise_is_not_fooled_by_a_trend() -> None:
    """A steep straight line with a little noise is a quiet curve; a jump in a constant is not silence."""
    rng = np.random.default_rng(0)
    line = np.linspace(0, 1000, 500)
    assert stats.noise(line + rng.normal(0, 0.1, 500)) < 3
    assert stats.noise(np.array([1.0] * 20 + [5.0] * 20)) > 0


def test_slope_survives_a_third_of_outliers() -> None:
    """Theil-Sen reads the line, not the outliers."""
    x = np.arange(60.0)
    y = 3 * x
    y[::4] = 1e6
    assert stats.slope(x, y) == pytest.approx(3, rel=0.01)


def test_slope_of_steps_that_do_not_move_is_zero() -> None:
    """Rows of one and the same step have no slope."""
    assert stats.slope(np.zeros(5), np.arange(5.0)) == 0.0


@pytest.mark.parametrize(
    ("values", "sign"),
    [(np.arange(10.0), 1), (-np.arange(10.0), -1), (np.zeros(10), 0), (np.array([1.0, 2.0, 1.0]), 0)],
)
def test_trend_tells_up_from_down(values: np.ndarray, sign: int) -> None:
    """The sign of the trend is that of the order of the values; constants and three points have none."""
    assert np.sign(stats.trend(values)) == sign


@pytest.mark.parametrize(
    ("values", "rows", "longest"),
    [
        ([1.0, 2.0], 0, 0),
        ([1.0, NAN, INF], 2, 0),
        ([NAN, NAN, NAN, 1.0, NAN], 1, 3),
        ([NAN], 1, 0),
        ([], 0, 0),
    ],
)
def test_a_streak_is_what_stands_at_the_end(values: list[float], rows: int, longest: int) -> None:
    """NaN and infinities at the end count, those that came back are remembered by their length."""
    found = stats.streak(series(values))
    assert (found.rows, found.longest_before) == (rows, longest)


def test_a_streak_longer_than_the_window_is_counted_through_the_buckets() -> None:
    """A run that is NaN for thousands of samples is NaN since its first bad bucket, not since the window."""
    found = stats.streak(series(np.concatenate([np.ones(1024), np.full(4000, NAN)])))
    assert found.rows > 3900
    assert found.first_step <= 10 * 1100


def test_a_curve_reads_a_long_run_as_few_medians() -> None:
    """A hundred thousand samples become at most a few hundred points, in order, over the whole run."""
    found = stats.curve(series(np.linspace(5, 1, 100_000)))
    assert len(found) <= stats.BINS + 160
    assert found.starts[0] == 0
    assert found.ends[-1] == 999_990
    assert np.all(np.diff(found.values) < 0)
    assert float(found.rows.sum()) == 100_000


def test_the_newest_bin_of_a_curve_is_full() -> None:
    """The last point is no median of one leftover sample, or it would be the noisiest of all."""
    found = stats.curve(series(np.ones(500)))
    assert found.rows[-1] == 3


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=60), st.integers(1, 20)
)
def test_the_points_of_a_curve_are_the_medians_of_its_bins(values: list[float], bins: int) -> None:
    """One sort for all bins gives what `numpy.median` gives for each, the largest values included."""
    found = stats.curve(series(values), bins)
    clipped, stretches = stats.tame(np.array(values)), np.cumsum(found.rows).astype(int)
    wanted = [np.median(part) for part in np.split(clipped, stretches[:-1])]
    assert found.values.tolist() == wanted
    assert float(found.rows.sum()) == len(values)
    assert len(found) <= bins


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), max_size=40))
def test_no_values_whatever_make_the_numerics_warn(values: list[float]) -> None:
    """Infinities, 1e308, denormals and two points pass without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = series(values)
        points = stats.curve(one).values
        for read in (stats.median, stats.spread, stats.noise, stats.trend):
            assert not math.isinf(read(points))
        assert not math.isinf(stats.slope(np.arange(float(len(points))), points))
        assert len(stats.levels(points, 3)) == max(0, len(points) - 2)
