"""Evals that get worse while the training loss falls."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import overfit
from trainwatch_core.testing.columns import (
    CONTINUE,
    NAN,
    STOP,
    WAIT,
    Columns,
    Said,
    every,
    falling,
    flat,
    line,
    noisy,
    said,
    then,
)
from trainwatch_core.testing.histories import view_of_columns

TRAIN = falling(800, 3, 0.0, 0.01)
DOWN = falling(15, noise=0.01)
FAR = every(20, then(DOWN, line(1.8, 4, 25)))
NEAR = every(20, then(DOWN, line(1.75, 2.3, 25)))
WORSE_STOP: Said = [("worse", STOP)]
WORSE_WAIT: Said = [("worse", WAIT)]

CASES: dict[str, tuple[Columns, float | None, Said]] = {
    "healthy": ({"loss": TRAIN, "val_loss": every(20, falling(40))}, 1000, []),
    "far worse": ({"loss": TRAIN, "val_loss": FAR}, 1000, WORSE_STOP),
    "worse": ({"loss": TRAIN, "val_loss": NEAR}, 1000, WORSE_STOP),
    "without a plan": ({"loss": TRAIN, "val_loss": FAR}, None, WORSE_WAIT),
    "far, for a sixth of the plan": ({"loss": TRAIN, "val_loss": FAR}, 3000, WORSE_STOP),
    "near, for a sixth of the plan": ({"loss": TRAIN, "val_loss": NEAR}, 3000, WORSE_WAIT),
    "far, for a sixteenth of the plan": ({"loss": TRAIN, "val_loss": FAR}, 8000, WORSE_WAIT),
    "worse, but level since": ({"loss": TRAIN, "val_loss": every(20, then(DOWN, noisy(3, 25, 0.1)))}, 1000, WORSE_WAIT),
    "training does not fall": ({"loss": noisy(1.0, 800), "val_loss": FAR}, 1000, WORSE_WAIT),
    "no training loss": ({"val_loss": FAR}, 1000, WORSE_WAIT),
    "a score improves": (
        {"loss": TRAIN, "val_loss": FAR, "val_acc": every(20, line(0.3, 0.8, 40))},
        1000,
        WORSE_WAIT,
    ),
    "an error rate improves": (
        {"loss": TRAIN, "val_loss": FAR, "val_error": every(20, line(0.8, 0.3, 40))},
        1000,
        WORSE_WAIT,
    ),
    "a score of few readings": (
        {"loss": TRAIN, "val_loss": FAR, "val_acc": every(200, [0.3, 0.3, 0.3, 0.3])},
        1000,
        WORSE_WAIT,
    ),
    "a score past its best": (
        {"loss": TRAIN, "val_loss": FAR, "val_acc": every(20, then(line(0.3, 0.8, 15), line(0.8, 0.5, 25)))},
        1000,
        WORSE_STOP,
    ),
    "a score of unknown direction": (
        {"loss": TRAIN, "val_loss": FAR, "val_score": every(20, line(0.3, 0.8, 40))},
        1000,
        WORSE_STOP,
    ),
    "another eval": (
        {"loss": TRAIN, "val_loss": every(20, falling(40)), "val_loss_old": FAR},
        1000,
        [("aside", CONTINUE)],
    ),
    "coming back": (
        {"loss": TRAIN, "val_loss": every(20, then(DOWN, line(4, 2.5, 25)))},
        1000,
        [("aside", CONTINUE)],
    ),
    "a fifth of the gain": ({"loss": TRAIN, "val_loss": every(20, then(DOWN, line(1.75, 1.95, 25)))}, 1000, []),
    "a third of the level, little of the gain": (
        {"loss": TRAIN, "val_loss": every(20, then(line(10, 1.6, 15), line(1.6, 2.2, 25)))},
        1000,
        [],
    ),
    "below zero, for a sixth of the plan": (
        {"loss": TRAIN, "val_loss": every(20, then(DOWN - 5, line(-3.3, -2.4, 25)))},
        3000,
        WORSE_WAIT,
    ),
    "little of the level": (
        {"loss": TRAIN, "val_loss": every(20, then(10 + DOWN, line(11.8, 12.8, 25)))},
        1000,
        [],
    ),
    "within the spread of the evals": (
        {"loss": TRAIN, "val_loss": every(20, then(noisy(1.7, 15, 0.4), noisy(2.2, 25, 0.4)))},
        1000,
        [],
    ),
    "too few since the best": (
        {"loss": TRAIN, "val_loss": every(20, then(falling(36, noise=0.01), line(2, 4, 4)))},
        1000,
        [("rising", WAIT)],
    ),
    "NaN": ({"loss": TRAIN, "val_loss": every(20, then(DOWN, flat(NAN, 25)))}, 1000, []),
}


@pytest.mark.parametrize("case", CASES)
def test_overfitting_stops_only_with_a_plan_and_when_nothing_speaks_for_it(case: str) -> None:
    """STOP needs a plan, a rise that goes on, a training loss that falls, and no score that still improves."""
    columns, planned, expected = CASES[case]
    assert said(overfit.check, view_of_columns(columns, planned_steps=planned)) == expected


FEW: dict[str, tuple[Columns, Said]] = {
    "three worse in a row": ({"loss": TRAIN, "val_loss": every(100, [3, 2, 2.2, 2.4, 2.6])}, [("rising", WAIT)]),
    "three evals in all": ({"loss": TRAIN, "val_loss": every(100, [2, 2.4, 2.8])}, []),
    "two": ({"loss": TRAIN, "val_loss": every(100, [3, 2, 2.4, 2.6])}, []),
    "one better in between": ({"loss": TRAIN, "val_loss": every(100, [3, 2, 2.8, 2.4, 2.5, 2.6, 2.7])}, []),
    "a tenth above the best": ({"loss": TRAIN, "val_loss": every(100, [3, 2, 2.05, 2.1, 2.2])}, []),
    "training does not fall": ({"loss": noisy(1.0, 800), "val_loss": every(100, [3, 2, 2.2, 2.4, 2.6])}, []),
    "another eval": (
        {"loss": TRAIN, "val_loss": every(100, [3, 2, 1.9, 1.8]), "val_loss_old": every(100, [3, 2, 2.2, 2.4, 2.6])},
        [],
    ),
}


@pytest.mark.parametrize("case", FEW)
def test_of_few_evals_three_worse_in_a_row_are_worth_a_look(case: str) -> None:
    """With an eval an epoch, waiting for ten is waiting for ever: three in a row argue WAIT."""
    columns, expected = FEW[case]
    assert said(overfit.check, view_of_columns(columns, planned_steps=1000)) == expected


def test_overfitting_is_told_with_its_best_and_where_that_was() -> None:
    """The sentence names best, now and how many evals; what would take it back is half-way."""
    columns: Columns = {"loss": TRAIN, "val_loss": every(20, then(line(3, 1, 15), line(1, 3, 25)))}
    (finding,) = overfit.check(view_of_columns(columns, planned_steps=1000))
    assert finding.text.startswith("val_loss became worse: from its best 1.0")
    assert finding.first_step == pytest.approx(300, abs=20)
    assert finding.last_step == 800
    assert "half" not in finding.until
    assert finding.until.startswith("This would go away if val_loss came back to ")
