"""Steps that take many times longer than they used to."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import pace
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.round import View
from trainwatch_core.model.series import FloatArray, History, Rows
from trainwatch_core.testing.columns import NAN, WAIT, Said, flat, said, then
from trainwatch_core.testing.histories import NOON, view_of_columns

SLOW: Said = [("slow", WAIT)]


def paced(seconds: FloatArray, every: float = 10.0) -> View:
    """A loss that is logged every so many steps, each taking so many seconds."""
    times = NOON + np.concatenate([[0.0], np.cumsum(seconds * every)])
    rows = Rows.of(list(every * np.arange(len(times))), [1.0] * len(times), list(times))
    return view_of_columns({}, history=History().extend({"loss": rows}))


CASES: dict[str, tuple[FloatArray, Said]] = {
    "steady": (flat(2.0, 100), []),
    "ten times slower": (then(flat(2.0, 100), flat(20.0, 8)), SLOW),
    "three times slower": (then(flat(2.0, 100), flat(6.0, 50)), []),
    "slow for three samples": (then(flat(2.0, 100), flat(20.0, 3)), []),
    "one long pause": (then(flat(2.0, 100), 5000.0, flat(2.0, 5)), []),
    "ten times slower, and still fast": (then(flat(0.01, 100), flat(0.1, 20)), []),
    "fast, then slow": (then(flat(0.01, 100), flat(2.0, 20)), SLOW),
    "faster": (then(flat(20.0, 100), flat(2.0, 20)), []),
    "times unknown": (then(flat(2.0, 10), flat(NAN, 30)), []),
    "too young": (then(flat(2.0, 15), flat(20.0, 8)), []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pace_that_collapsed_argues_wait(case: str) -> None:
    """Medians of intervals: pauses are no collapse, and larger batches are none."""
    seconds, expected = CASES[case]
    assert said(pace.check, paced(seconds)) == expected


def test_a_slow_step_is_told_with_the_usual_one() -> None:
    """Both durations, the factor, and where it began."""
    (finding,) = pace.check(paced(then(flat(2.0, 100), flat(20.0, 8))))
    assert finding.text == "A step takes 20 s since step 1,000, 10 times the usual 2 s."
    assert finding.until == "This would go away if a step took less than 10 s again."


def test_a_change_that_was_announced_may_cost_time() -> None:
    """Longer sequences from there on were meant."""
    view = view_of_columns(
        {}, history=paced(then(flat(2.0, 100), flat(20.0, 8))).history, announced=(Announcement(995.0),)
    )
    assert pace.check(view) == ()
