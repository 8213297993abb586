"""Evals that stopped coming, or that repeat themselves to the last digit."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import evaluation
from trainwatch_core.testing.columns import (
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

STILL = then(falling(280), noisy(1.2, 120))
FROZEN = every(20, then(falling(14), flat(1.23456, 6)))
FROZEN_WAIT: Said = [("constant", WAIT)]

CASES: dict[str, tuple[Columns, float | None, Said]] = {
    "healthy": ({"loss": STILL, "val_loss": every(20, falling(20))}, 1000, []),
    "missing": ({"loss": falling(800), "val_loss": every(20, falling(20))}, 1000, [("missing", WAIT)]),
    "a score is missing": ({"loss": falling(800), "val_acc": every(20, falling(20))}, 1000, [("missing", WAIT)]),
    "three gaps late": ({"loss": falling(460), "val_loss": every(20, falling(20))}, 1000, []),
    "too few to know their rhythm": ({"loss": falling(800), "val_loss": every(20, falling(5))}, 1000, []),
    "frozen": ({"loss": STILL, "val_loss": FROZEN}, 1000, [("constant", STOP)]),
    "frozen without a plan": ({"loss": STILL, "val_loss": FROZEN}, None, FROZEN_WAIT),
    "frozen at the end of the plan": ({"loss": STILL, "val_loss": FROZEN}, 450, FROZEN_WAIT),
    "frozen for a short part of the plan": ({"loss": STILL, "val_loss": FROZEN}, 2000, FROZEN_WAIT),
    "frozen in five evals": (
        {"loss": STILL, "val_loss": every(20, then(falling(15), flat(1.23456, 5)))},
        700,
        FROZEN_WAIT,
    ),
    "the same in four evals": (
        {"loss": STILL, "val_loss": every(20, then(falling(16), flat(1.23456, 4)))},
        1000,
        [],
    ),
    "training falls: an old checkpoint is read": ({"loss": line(3, 1, 400), "val_loss": FROZEN}, 1000, FROZEN_WAIT),
    "no training loss": ({"val_loss": FROZEN}, 1000, FROZEN_WAIT),
    "three digits": ({"loss": STILL, "val_loss": every(20, then(falling(14), flat(1.23, 6)))}, 1000, []),
    "never another value": ({"loss": STILL, "val_loss": every(20, flat(1.23456, 20))}, 1000, []),
    "a score at 0": ({"loss": STILL, "val_acc": every(20, then(line(0.5, 0.9, 14), flat(0, 6)))}, 1000, FROZEN_WAIT),
    "a converged score": ({"loss": STILL, "val_acc": every(20, then(line(0.5, 0.9, 14), flat(0.9123, 6)))}, 1000, []),
    "too few": ({"loss": STILL[:180], "val_loss": every(20, then(falling(3), flat(1.23456, 6)))}, 1000, []),
    "NaN": ({"loss": STILL, "val_loss": every(20, then(falling(14), flat(NAN, 6)))}, 1000, []),
}


@pytest.mark.parametrize("case", CASES)
def test_evals_that_stand_still_stop_only_when_the_weights_do(case: str) -> None:
    """Missing and repeated evals argue WAIT; STOP needs an eval loss and a training loss that moves no more."""
    columns, planned, expected = CASES[case]
    assert said(evaluation.check, view_of_columns(columns, planned_steps=planned)) == expected


@pytest.mark.parametrize(("planned", "words"), [(1000, ": the weights do not change any more."), (None, ".")])
def test_a_frozen_eval_is_told_with_its_value_and_its_first_step(planned: float | None, words: str) -> None:
    """The sentence says which value, how often, since when, and what it means where that is sure."""
    (finding,) = evaluation.check(view_of_columns({"loss": STILL, "val_loss": FROZEN}, planned_steps=planned))
    assert finding.text == f"val_loss is exactly 1.235 in 6 readings in a row since step 300{words}"
    assert finding.first_step == 300
