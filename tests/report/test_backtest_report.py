"""What a backtest says of a run: right and wrong stops, bad ends, and the order in which a person should look."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from trainwatch_core.model.roles import Goal
from trainwatch_core.model.run import RunState
from trainwatch_core.report.backtest import (
    Backtested,
    KeyMetric,
    Outcome,
    Trial,
    best,
    choose_metric,
    in_chat,
    summary,
    worst_first,
)
from trainwatch_core.report.canvas import Block, Word
from trainwatch_core.report.sheet import MOST_TILES, SheetSpec, draw_sheet, thinned, title_of

UP = KeyMetric("val/acc", Goal.MAXIMIZE, np.arange(4.0), np.array([0.1, 0.3, 0.2, 0.4]))
STOPPED = Trial("r1", "lab/r1", RunState.FINISHED, 12, 2, 100.0, 600.0, 3600.0, "It broke.", UP, 0.5, 0.4)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.STOPPED),
        ({"after": 0.6}, Outcome.WRONG),
        ({"after": 0.5}, Outcome.STOPPED),
        ({"after": math.nan}, Outcome.STOPPED),
        ({"before": math.nan}, Outcome.WRONG),
        ({"after": 0.6, "ended": RunState.CRASHED}, Outcome.STOPPED),
        ({"after": 0.6, "ended": None}, Outcome.STOPPED),
        ({"metric": None, "before": math.nan, "after": math.nan}, Outcome.STOPPED),
        ({"metric": replace(UP, goal=Goal.MINIMIZE), "after": 0.4}, Outcome.WRONG),
        ({"stop_step": None, "ended": RunState.CRASHED}, Outcome.MISSED),
        ({"stop_step": None, "ended": RunState.KILLED}, Outcome.MISSED),
        ({"stop_step": None}, Outcome.SPARED),
        ({"stop_step": None, "ended": None}, Outcome.SPARED),
    ],
)
def test_a_stop_is_wrong_if_the_run_finished_better(changes: dict[str, object], outcome: Outcome) -> None:
    """And a bad end without a stop is told apart from a good one."""
    assert replace(STOPPED, **changes).outcome is outcome  # type: ignore[arg-type]  # fields by name


def test_the_worst_comes_first() -> None:
    """Wrong stops, bad ends, right stops by what they save, then those with the most alarms."""
    trials = [
        replace(STOPPED, run="calm", stop_step=None, alarms=0),
        replace(STOPPED, run="nervous", stop_step=None, alarms=9),
        replace(STOPPED, run="small", saved=60.0),
        replace(STOPPED, run="unknown", saved=math.nan),
        replace(STOPPED, run="large", saved=7200.0),
        replace(STOPPED, run="oom", stop_step=None, ended=RunState.FAILED),
        replace(STOPPED, run="wrong", after=0.9),
    ]
    assert [one.run for one in worst_first(trials)] == [
        "wrong",
        "oom",
        "large",
        "small",
        "unknown",
        "nervous",
        "calm",
    ]


def test_hours_saved_count_right_stops_only() -> None:
    """What a wrong stop had cut short is no saving; what is unknown is not guessed."""
    lines = summary(
        Backtested([STOPPED, replace(STOPPED, after=0.9), replace(STOPPED, saved=math.nan)], {"r9": "It is gone"})
    )
    assert lines[:2] == ["3 runs replayed, 3 would have been stopped.", "That had saved 60 min of running time."]
    assert lines[-1] == "Not replayed: r9: It is gone"


def test_one_lucky_value_among_many_is_not_the_best() -> None:
    """Of few evaluations each counts, of many noisy samples none alone does."""
    noisy = np.full(200, 1.0)
    noisy[50] = 0.1
    assert best(noisy, Goal.MINIMIZE) == 1.0
    assert best(np.array([3.0, math.nan, 0.1, math.inf]), Goal.MINIMIZE) == 0.1
    assert best(np.array([3.0, math.nan, 0.1]), Goal.MAXIMIZE) == 3.0
    assert math.isnan(best(np.array([math.nan]), Goal.MAXIMIZE))


def test_an_evaluation_speaks_before_the_training_and_the_person_before_both() -> None:
    """A score whose direction nobody knows says nothing."""
    counts = {"train/loss": 900, "val/acc": 9, "val_loss": 9, "quirk": 900}
    assert choose_metric(counts, (), {}) == ("val/acc", Goal.MAXIMIZE)
    assert choose_metric(counts, ("val_loss",), {}) == ("val_loss", Goal.MINIMIZE)
    assert choose_metric(counts, ("quirk",), {"quirk": Goal.MAXIMIZE}) == ("quirk", Goal.MAXIMIZE)
    assert choose_metric({"train/loss": 9}, (), {}) == ("train/loss", Goal.MINIMIZE)
    assert choose_metric({"quirk": 9}, (), {}) is None


def test_a_sheet_has_a_tile_for_each_run_and_says_what_it_leaves_out() -> None:
    """Names, outcomes in words, and no more tiles than one looks at."""
    trials = tuple(replace(STOPPED, run=f"run{n}") for n in range(MOST_TILES + 5))
    sheet = SheetSpec(title_of(trials), trials)
    items = draw_sheet(sheet, lambda text, font: 0.5 * font.size * len(text))
    said = [item.text for item in items if isinstance(item, Word)]
    assert [word for word in said if word.startswith("run")] == [f"run{n}" for n in range(MOST_TILES)]
    assert sum("stopped at 100 · 60 min earlier · finished" in word for word in said) == MOST_TILES
    assert any("5 more are not shown" in word for word in said)
    for item in items:
        if isinstance(item, Word):
            assert 0 < item.y < sheet.height
        elif isinstance(item, Block):
            assert 0 <= item.box.bottom < item.box.top <= sheet.height


@pytest.mark.parametrize("values", [[], [math.nan] * 5, [1.0], [1.0] * 9, [-1.7e308, 1.7e308], [math.inf, 2.0]])
def test_no_curve_is_too_odd_for_a_sheet(values: list[float]) -> None:
    """Nothing, nothing finite, one value, a constant, the largest floats."""
    metric = KeyMetric("loss", Goal.MINIMIZE, np.arange(float(len(values))), np.array(values))
    sheet = SheetSpec("One run", (replace(STOPPED, metric=metric),))
    assert draw_sheet(sheet, lambda text, font: font.size * len(text))


def test_thinning_keeps_extremes_and_what_is_not_finite() -> None:
    """Of ten thousand values about four hundred are drawn, the spike and the NaN among them."""
    values = np.sin(np.arange(10_000.0))
    values[[5_000, 7_000]] = 99.0, math.nan
    steps, shown = thinned(np.arange(10_000.0), values)
    assert len(steps) <= 400
    assert 5_000 in steps[shown == 99.0]
    assert 7_000 in steps[np.isnan(shown)]


def test_a_message_has_what_it_comes_to_and_who_would_have_been_stopped() -> None:
    """The worst first, with step, hours and reason; a long list ends with its rest."""
    spared, wrong = replace(STOPPED, run="r0", stop_step=None), replace(STOPPED, run="r9", after=0.9)
    assert in_chat(Backtested(worst_first([STOPPED, spared, wrong]), {})) == [
        "3 runs replayed, 2 would have been stopped.",
        "That had saved 60 min of running time.",
        "Wrong stop: r9 finished, and val/acc went from 0.5 at best to 0.9 after step 100.",
        "r9 (finished): WRONG STOP, at step 100, 60 min earlier: It broke.",
        "r1 (finished): at step 100, 60 min earlier: It broke.",
    ]
    lines = in_chat(Backtested([STOPPED] * 11, {}), most=8)
    assert len(lines) == 2 + 8 + 1
    assert lines[-1] == "And 3 runs more that would have been stopped."


def test_where_there_is_no_run_a_message_says_so() -> None:
    """And where none could be read, why."""
    assert in_chat(Backtested([], {})) == ["There is no finished run."]
    assert in_chat(Backtested([], {"r9": "It is gone"}))[-1] == "Not replayed: r9: It is gone"
