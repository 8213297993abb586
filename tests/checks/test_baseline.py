"""Metrics that will miss the value they are held against."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import baseline
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.testing.columns import (
    NAN,
    STOP,
    WAIT,
    Columns,
    Said,
    cosine,
    every,
    falling,
    flat,
    line,
    noisy,
    said,
    then,
)
from trainwatch_core.testing.histories import view_of_columns

LEVEL = every(20, noisy(2.5, 20, 0.02))
MISSED: Said = [("missed", STOP)]
DOUBTFUL: Said = [("missed", WAIT)]

CASES: dict[str, tuple[Columns, float, float | None, Said]] = {
    "on its way": ({"val_loss": every(20, falling(20))}, 1.3, 1000, []),
    "missed": ({"val_loss": LEVEL}, 1.3, 1000, MISSED),
    "missed by little": ({"val_loss": LEVEL}, 2.2, 1000, []),
    "missed by less than its spread": ({"val_loss": every(20, noisy(4.0, 20, 0.7))}, 2.0, 1000, []),
    "early in the plan": ({"val_loss": LEVEL}, 1.3, 1200, DOUBTFUL),
    "without a plan": ({"val_loss": LEVEL}, 1.3, None, DOUBTFUL),
    "past the end of the plan": ({"val_loss": LEVEL}, 1.3, 390, DOUBTFUL),
    "falls, without a plan": ({"val_loss": every(20, line(4.0, 3.5, 20))}, 1.3, None, []),
    "falls, but too slowly": ({"val_loss": every(20, line(3, 2.7, 20))}, 1.3, 1000, MISSED),
    "falls fast enough": ({"val_loss": every(20, line(3, 2.0, 20))}, 1.3, 1000, []),
    "a late decay may do it": ({"val_loss": every(20, then(flat(4.0, 6), noisy(2.2, 20, 0.01)))}, 1.6, 1000, []),
    "a late decay may not do it": (
        {"val_loss": every(20, then(flat(3.0, 6), noisy(2.2, 20, 0.01)))},
        1.6,
        1000,
        MISSED,
    ),
    "no decay is left": (
        {"val_loss": every(20, then(flat(4.0, 6), noisy(2.2, 20, 0.01))), "lr": cosine(520)},
        1.6,
        1000,
        MISSED,
    ),
    "no decay yet": (
        {"val_loss": every(20, then(flat(4.0, 6), noisy(2.2, 20, 0.01))), "lr": flat(1e-3, 520)},
        1.6,
        1000,
        [],
    ),
    "half decayed": (
        {"val_loss": every(20, then(flat(4.0, 6), noisy(2.2, 20, 0.01))), "lr": cosine(1040)[:520]},
        1.6,
        1000,
        [],
    ),
    "decayed, but rates come again": (
        {"val_loss": every(20, then(flat(4.0, 6), noisy(2.2, 20, 0.01))), "lr": np.tile(cosine(130), 4)},
        1.6,
        1000,
        [],
    ),
    "stepped up": (
        {"val_loss": every(20, then(line(3, 2, 12), noisy(2.9, 8, 0.01)))},
        1.0,
        1000,
        DOUBTFUL,
    ),
    "stepped up by a tenth": (
        {"val_loss": every(20, then(line(3, 2, 12), noisy(2.2, 8, 0.001)))},
        1.0,
        1000,
        MISSED,
    ),
    "above its best by its noise": ({"val_loss": every(20, noisy(0.3, 20, 0.15))}, -2.0, 1000, MISSED),
    "too few": ({"val_loss": every(60, flat(2.5, 7))}, 1.3, 1000, []),
    "NaN": ({"val_loss": every(20, then(flat(2.5, 7), flat(NAN, 13)))}, 1.3, 1000, []),
    "a score": ({"val_acc": every(20, noisy(0.5, 20, 0.005))}, 0.9, 1000, MISSED),
    "a score above its baseline": ({"val_acc": every(20, noisy(0.95, 20, 0.005))}, 0.9, 1000, []),
    "a score of unknown direction": ({"val_score": every(20, noisy(0.5, 20, 0.005))}, 0.9, 1000, []),
    "a GAN": ({"val_loss": LEVEL, "d_loss": falling(), "g_loss": falling()}, 1.3, 1000, DOUBTFUL),
    "a GAN, late": ({"val_loss": LEVEL, "d_loss": falling(), "g_loss": falling()}, 1.3, 560, MISSED),
    "an agent": ({"reward": noisy(-200, 400, 1.0)}, -50, 700, DOUBTFUL),
    "an agent, late": ({"reward": noisy(-200, 400, 1.0)}, -50, 560, MISSED),
    "an agent that tries": (
        {"reward": noisy(-200, 400, 1.0), "policy/entropy": line(1.4, 0.7, 400)},
        -50,
        1000,
        DOUBTFUL,
    ),
    "an agent whose policy is as it began": (
        {"reward": noisy(-200, 400, 1.0), "policy/entropy": noisy(1.386, 400, 0.002)},
        -50,
        1000,
        MISSED,
    ),
    "a weight of the entropy is none": (
        {"reward": noisy(-200, 400, 1.0), "entropy_coef": flat(0.01, 400)},
        -50,
        1000,
        DOUBTFUL,
    ),
    "an entropy of few readings": (
        {"reward": noisy(-200, 400, 1.0), "policy/entropy": flat(1.386, 7)},
        -50,
        1000,
        DOUBTFUL,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_baseline_is_missed_only_if_nothing_to_come_can_reach_it(case: str) -> None:
    """Far off with a good part of the plan gone: STOP. Stepped, early or unplanned: WAIT. Near or fast: nothing."""
    columns, wanted, planned, expected = CASES[case]
    name = next(iter(columns))
    assert said(baseline.check, view_of_columns(columns, baseline={name: wanted}, planned_steps=planned)) == expected


@pytest.mark.parametrize(("step", "expected"), [(600, DOUBTFUL), (300, MISSED)])
def test_a_change_that_is_still_to_come_may_help(step: float, expected: Said) -> None:
    """While something was announced for later, nothing is sure; what came already has had its chance."""
    fields = {"baseline": {"val_loss": 1.3}, "planned_steps": 1000.0, "announced": (Announcement(step),)}
    assert said(baseline.check, view_of_columns({"val_loss": LEVEL}, **fields)) == expected


def test_a_baseline_of_a_metric_that_is_not_there_says_nothing() -> None:
    """A name that the run does not log is no failure of the run."""
    assert baseline.check(view_of_columns({"loss": falling()}, baseline={"val_loss": 1.3})) == ()


def test_a_miss_names_the_baseline_the_best_and_what_can_be_hoped_for() -> None:
    """Three figures, and what would take it back."""
    view = view_of_columns({"val_loss": every(20, flat(2.5, 20))}, baseline={"val_loss": 1.5}, planned_steps=1000)
    (finding,) = baseline.check(view)
    assert finding.text == (
        "val_loss will miss the baseline 1.5: its best level is 2.5, and even twice its present speed and a late drop "
        "of the learning rate would bring it no further than 2.5."
    )
    assert finding.until == "This would go away if val_loss came half-way from 2.5 to 1.5."
