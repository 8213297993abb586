"""Bounded histories: nothing that matters is averaged away, and how rounds were cut does not matter."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.model.buckets import MAX_BUCKETS
from trainwatch_core.model.series import MAX_SERIES, WINDOW, FloatArray, History, News, Rows, Series

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=64)


def whole(values: list[float] | FloatArray) -> Series:
    """A series that was logged in one go, one value a step."""
    return Series("loss").extend(Rows.of(np.arange(len(values)), values, np.arange(len(values)) + 1e9))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=12),
)
def test_how_rounds_are_cut_does_not_matter(seed: int, count: int, cuts: list[int]) -> None:
    """Folding is associative: one fetch of all rows and a hundred small ones end in the same history."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=count)
    values[rng.random(count) < 0.02] = np.nan
    values[rng.random(count) < 0.01] = np.inf
    steps, times = np.arange(count, dtype=np.float64), np.arange(count) + 1e9
    at_once = Series("loss").extend(Rows.of(steps, values, times))
    bounds = sorted({0, count, *(cut % (count + 1) for cut in cuts)})
    piecewise = Series("loss")
    for start, end in itertools.pairwise(bounds):
        piecewise = piecewise.extend(Rows.of(steps[start:end], values[start:end], times[start:end]))
    np.testing.assert_array_equal(at_once.values, piecewise.values)
    assert at_once.buckets.shape == piecewise.buckets.shape
    np.testing.assert_allclose(at_once.buckets, piecewise.buckets, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=3 * WINDOW))
def test_counts_extremes_and_nan_survive_the_fold(values: list[float]) -> None:
    """B5: no NaN and no extreme is ever averaged away, whatever the values are."""
    series = whole(values)
    array = np.array(values)
    finite = array[np.isfinite(array)]
    assert series.count == len(values)
    assert series.nonfinite == len(values) - len(finite)
    if len(finite):
        kept = series.finite[1]
        assert np.nanmin([*series.bucket("minimum"), *kept]) == finite.min()
        assert np.nanmax([*series.bucket("maximum"), *kept]) == finite.max()
    else:
        assert not np.isfinite(series.bucket("mean")).any()


@pytest.mark.parametrize("count", [1, WINDOW, WINDOW + 1, WINDOW + MAX_BUCKETS + 1, 10_000, 1_000_000])
def test_a_series_stays_bounded(count: int) -> None:
    """At most 32 KB a series, for a run of a million steps too; the mean of all is kept."""
    values = np.linspace(5, 1, count)
    series = whole(values)
    assert len(series) <= WINDOW
    assert len(series.buckets) <= MAX_BUCKETS
    assert series.values.nbytes * 3 + series.buckets.nbytes <= 32 * 1024
    weights = series.bucket("count")
    total = float(np.nansum(series.bucket("mean") * weights) + series.values.sum())
    assert total == pytest.approx(values.sum())
    assert series.bucket("first_step").tolist() == sorted(series.bucket("first_step").tolist())


def test_values_near_the_largest_float_have_a_mean() -> None:
    """The sum would overflow; the mean does not."""
    series = whole(np.full(3 * WINDOW, 1.7e308))
    assert np.isfinite(series.bucket("mean")).all()
    assert series.bucket("mean") == pytest.approx(1.7e308)


def test_a_rewind_overwrites_what_it_goes_back_over() -> None:
    """A7: a run resumed from step 50 has one value for step 60, the later one, and a seam."""
    series = whole([1.0] * 100).extend(Rows.of(np.arange(50, 80), np.full(30, 2.0)))
    assert series.last_step == 79
    assert series.values[:50].tolist() == [1.0] * 50
    assert series.values[50:].tolist() == [2.0] * 30
    assert series.seams == (50.0,)


def test_a_rewind_beyond_the_window_drops_old_buckets_too() -> None:
    """A7: of a million steps taken back to step 500 nothing overwritten is left, in no bucket either."""
    values = np.ones(1_000_000)
    values[600_000:] = np.nan
    series = whole(values).extend(Rows.of([500.0, 501.0], [2.0, 2.0]))
    assert series.steps.tolist() == [500, 501]
    assert series.nonfinite == 0
    assert max(series.bucket("last_step"), default=0) < 500
    far = whole(values).extend(Rows.of([700_000.0], [2.0]))
    assert far.bucket("last_step")[-1] < 700_000
    assert 690_000 < far.count <= 700_001
    assert far.seams == (700_000.0,)


def test_a_rewind_takes_back_metrics_that_have_not_been_logged_again_yet() -> None:
    """A7: an evaluation of the overwritten stretch is gone before the next one comes."""
    evals = Rows.of([0, 50, 90], [3, 2, math.nan])
    history = History().extend({"loss": Rows.of(np.arange(100), np.ones(100)), "val_loss": evals})
    after = history.add(News({"loss": Rows.of([60, 61], [1, 1])}, rewound_to=60.0))
    assert after.series["val_loss"].steps.tolist() == [0, 50]
    assert after.series["loss"].last_step == 61
    assert after.series["val_loss"].seams == after.series["loss"].seams == (60.0,)


def test_an_interruption_is_a_seam_and_loses_nothing() -> None:
    """A7: a run that was resumed where it ended keeps all its values."""
    history = History().extend({"loss": Rows.of([1, 2], [1, 1])})
    after = history.add(News({"loss": Rows.of([3], [1])}, seams=(2.0,)))
    assert after.series["loss"].steps.tolist() == [1, 2, 3]
    assert after.series["loss"].seams == (2.0,)


def test_rows_that_go_back_within_one_fetch_are_a_rewind_too() -> None:
    """The log of a crash and its restart may come in one piece."""
    series = Series("loss").extend(Rows.of([1, 2, 3, 2, 3, 4], [1, 1, 1, 5, 5, 5]))
    assert series.steps.tolist() == [1, 2, 3, 4]
    assert series.values.tolist() == [1, 5, 5, 5]


def test_equal_steps_are_no_rewind() -> None:
    """Two samples of one step are both kept."""
    assert whole([1.0]).extend(Rows.of([0, 0], [2, 3])).values.tolist() == [1, 2, 3]


def test_no_rows_change_nothing() -> None:
    """A look that brought nothing new."""
    series = whole([1.0, 2.0])
    assert series.extend(Rows.of([], [])) is series


def test_lengths_that_differ_are_refused() -> None:
    """A source that miscounts is told so."""
    with pytest.raises(ValueError, match="differ in length"):
        Rows.of([1, 2], [1])


def test_metrics_beyond_the_limit_are_named_not_kept() -> None:
    """What is left out is said."""
    history = History().extend({f"m{n}": Rows.of([0], [1]) for n in range(MAX_SERIES + 3)})
    assert len(history.series) == MAX_SERIES
    assert history.left_out == ("m32", "m33", "m34")
    assert history.extend({"m33": Rows.of([1], [1])}).left_out == ("m32", "m33", "m34")


def test_a_loss_that_comes_late_finds_a_place() -> None:
    """B5: by role first: what says little yields, what came first stays, and the reader is told."""
    history = History().extend({f"m{n}": Rows.of([0], [1]) for n in range(MAX_SERIES)})
    after = history.extend({"eval/loss": Rows.of([1], [2]), "zzz": Rows.of([1], [2])})
    assert "eval/loss" in after.series
    assert after.left_out == ("m31", "zzz")
    assert after.extend({"m31": Rows.of([2], [1])}).left_out == ("m31", "zzz")


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from([*(f"m{n}" for n in range(40)), *(f"loss_{n}" for n in range(40)), "epoch"])),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_who_is_kept_does_not_depend_on_how_rounds_are_cut(names: list[str], cuts: list[int]) -> None:
    """A history that is replayed from its segments keeps the metrics that it kept live."""
    named = list(dict.fromkeys(names))
    at_once = History().extend({name: Rows.of([0], [1]) for name in named})
    piecewise = History()
    for start, end in itertools.pairwise(sorted({0, len(named), *(cut % (len(named) + 1) for cut in cuts)})):
        piecewise = piecewise.extend({name: Rows.of([0], [1]) for name in named[start:end]})
    assert list(at_once.series) == list(piecewise.series)
    assert at_once.left_out == piecewise.left_out


def test_an_overview_spans_the_run_and_skips_what_is_not_finite() -> None:
    """Bucket means first, then the window."""
    values = np.linspace(5, 1, 5000)
    values[100] = np.nan
    steps, shown = whole(values).overview()
    assert steps[0] < 200
    assert steps[-1] == 4999
    assert np.isfinite(shown).all()
    assert np.all(np.diff(steps) > 0)


def test_an_empty_history_knows_nothing() -> None:
    """No step, no time, no error."""
    assert math.isnan(History().last_step)
    assert math.isnan(History().last_time)
    assert math.isnan(Series("x").last)
