"""Metrics that are better than anybody can believe."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import too_good
from trainwatch_core.testing.columns import WAIT, Columns, Said, every, falling, flat, line, said, then
from trainwatch_core.testing.histories import view_of_columns

BASELINE = {"val_loss": 2.0, "val_acc": 0.5, "zero": 0.0, "below_loss": -2.0}
BEYOND: Said = [("beyond", WAIT)]
PERFECT: Said = [("perfect", WAIT)]

CASES: dict[str, tuple[Columns, Said]] = {
    "healthy": ({"val_loss": every(20, falling(20))}, []),
    "a tenth of the baseline": ({"val_loss": every(20, flat(0.2, 20))}, []),
    "a hundredth of it": ({"val_loss": every(20, flat(0.02, 20))}, BEYOND),
    "exactly 0": ({"val_loss": every(20, flat(0.0, 20))}, BEYOND),
    "two readings": ({"val_loss": every(20, then(flat(1.0, 18), flat(0.02, 2)))}, []),
    "too few readings": ({"val_loss": every(20, flat(0.02, 2))}, []),
    "below zero": ({"val_loss": every(20, flat(-0.02, 20))}, []),
    "a baseline below zero": ({"below_loss": every(20, flat(0.001, 20))}, []),
    "no baseline": ({"test_loss": every(20, flat(0.0, 20))}, []),
    "a score": ({"val_acc": every(20, flat(0.001, 20))}, []),
    "right from the first eval": ({"val_acc": every(20, flat(1.0, 5))}, PERFECT),
    "right in two evals": ({"val_acc": every(20, flat(1.0, 2))}, []),
    "right after two evals": ({"val_acc": every(20, then(0.5, 0.8, flat(1.0, 5)))}, PERFECT),
    "right after three evals": ({"val_acc": every(20, then(0.5, 0.7, 0.8, flat(1.0, 5)))}, []),
    "right late in the plan": ({"val_acc": every(100, then(0.5, 0.8, flat(1.0, 5)))}, []),
    "nearly right": ({"val_acc": every(20, flat(0.999, 5))}, []),
    "one mistake": ({"val_acc": every(20, then(flat(1.0, 5), 0.9))}, []),
    "right in the end": ({"val_acc": every(20, then(line(0.5, 0.99, 30), flat(1.0, 5)))}, []),
    "a training score": ({"train_acc": every(20, flat(1.0, 5))}, []),
    "an error rate of 1": ({"val_error": every(20, flat(1.0, 5))}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_too_good_to_be_true_argues_for_wait(case: str) -> None:
    """Many times better than the baseline, or without a mistake from the start: a look, never a stop."""
    columns, expected = CASES[case]
    assert said(too_good.check, view_of_columns(columns, baseline=BASELINE, planned_steps=1000)) == expected


def test_without_a_plan_only_the_first_readings_are_too_early() -> None:
    """Nobody knows what is early in a run of unknown length, but the first eval is."""
    later = {"val_acc": every(20, then(0.5, 0.8, flat(1.0, 5)))}
    assert said(too_good.check, view_of_columns(later)) == []
    assert said(too_good.check, view_of_columns({"val_acc": every(20, flat(1.0, 5))})) == PERFECT


def test_a_score_that_was_always_right_since_the_window_began_may_have_learned_before_it() -> None:
    """What lies in buckets is not known value by value, so nothing is said of the start."""
    values = then(line(0.5, 0.9, 500), flat(1.0, 6000))
    assert said(too_good.check, view_of_columns({"val_acc": values})) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.02, "val_loss is 0.02, 100 times better than the baseline 2: "),
        (1e-300, "val_loss is 1e-300, 1e9 times better than the baseline 2: "),
        (0.0, "val_loss is exactly 0, and the baseline is 2: "),
    ],
)
def test_what_is_too_good_says_where_to_look(value: float, words: str) -> None:
    """The sentence names value, baseline and the usual cause."""
    (finding,) = too_good.check(view_of_columns({"val_loss": every(20, flat(value, 9))}, baseline=BASELINE))
    assert finding.text.startswith(words)
    assert finding.text.endswith("look whether the eval data has leaked into the training.")
