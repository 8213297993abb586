"""A training loss that lies above where it began, and what excuses it."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import unlearned
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.finding import Weight
from trainwatch_core.testing.columns import NAN, STOP, Columns, Said, every, falling, flat, line, noisy, said, then
from trainwatch_core.testing.histories import view_of_columns

BEGAN = flat(2.3, 3)
LOST = then(BEGAN, noisy(6.0, 200))
ABOVE: Said = [("above", STOP)]

CASES: dict[str, tuple[Columns, Said]] = {
    "healthy": ({"loss": falling()}, []),
    "above its start": ({"loss": LOST}, ABOVE),
    "a first step too far": ({"loss": then(2.3, 30.0, 18.0, noisy(6.0, 200))}, ABOVE),
    "a lucky first sample": ({"loss": then(2.3, 4.9, 4.9, noisy(4.9, 200, 0.6))}, []),
    "a lucky first sample near zero": ({"loss": then(0.4, 4.5, line(4.4, 3.2, 30) + noisy(0, 30, 0.6))}, []),
    "a first step too far, noisy after it": ({"loss": then(2.3, 30.0, 18.0, noisy(9.0, 200, 3.0))}, ABOVE),
    "a lucky third sample": ({"loss": then(6.0, 6.0, 0.5, noisy(6.0, 200))}, []),
    "NaN first": ({"loss": then(flat(NAN, 5), LOST)}, ABOVE),
    "wanders about its start": ({"loss": noisy(2.3, 300)}, []),
    "a third above": ({"loss": then(BEGAN, noisy(3.0, 200))}, []),
    "above in the later half only": ({"loss": then(noisy(2.3, 150), noisy(6.0, 150))}, []),
    "falling again": ({"loss": then(BEGAN, line(9.0, 5.0, 200))}, []),
    "learned once": ({"loss": then(BEGAN, noisy(1.5, 40), noisy(6.0, 160))}, []),
    "too young": ({"loss": then(BEGAN, noisy(6.0, 16))}, []),
    "below zero": ({"loss": then(flat(-2.3, 3), noisy(6.0, 200))}, []),
    "a part falls (KL warm-up)": ({"loss": LOST, "recon_loss": falling(203)}, []),
    "a part rises, too": ({"loss": LOST, "recon_loss": LOST}, ABOVE),
    "evals get better (curriculum)": ({"loss": LOST, "val_loss": every(20, falling(10))}, []),
    "a score gets better": ({"loss": LOST, "val_acc": every(20, line(0.1, 0.6, 10))}, []),
    "evals get worse": ({"loss": LOST, "val_loss": every(20, line(2.3, 6.0, 10))}, ABOVE),
    "a score of unknown direction rises": ({"loss": LOST, "val_score": every(20, line(0.1, 0.6, 10))}, ABOVE),
    "reinforcement learning": ({"loss": LOST, "reward": noisy(0.0, 203)}, []),
    "an eval alone": ({"val_loss": LOST}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_loss_above_its_start_argues_for_stop_unless_something_excuses_it(case: str) -> None:
    """Three quarters above the start and the later half far above it: STOP. What learns elsewhere excuses it."""
    columns, expected = CASES[case]
    assert said(unlearned.check, view_of_columns(columns)) == expected


def test_a_run_that_was_announced_to_change_takes_no_part() -> None:
    """Before and after an announced change are two runs: the start of one is no measure of the other."""
    assert said(unlearned.check, view_of_columns({"loss": LOST}, announced=(Announcement(100.0),))) == []


def test_the_start_of_a_long_run_is_read_from_its_first_buckets() -> None:
    """What was paid at the start is known after the window has passed it."""
    (finding,) = unlearned.check(view_of_columns({"loss": then(noisy(2.3, 600), noisy(6.0, 8000))}))
    assert finding.numbers["start"] == pytest.approx(2.3, abs=0.1)
    assert finding.first_step == 0


def test_a_loss_above_its_start_is_told_with_both_levels() -> None:
    """The sentence names the start, the level and the step; it is soft."""
    (finding,) = unlearned.check(view_of_columns({"loss": then(BEGAN, flat(6.0, 200))}))
    assert finding.text == (
        "loss began at 2.3, and the median of its later half, up to step 202, is 6: nothing was ever learned."
    )
    assert finding.until == "This would go away if loss fell below 2.07."
    assert finding.weight is Weight.SOFT
