"""A metric beside the same metric of other runs at the same step."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import comparison
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.testing.columns import CONTINUE, WAIT, Columns, Said, every, falling, flat, line, noisy, said, then
from trainwatch_core.testing.histories import history_of, view_of_columns

FELL = falling(400, noise=0.01)
BEHIND: Said = [("behind", WAIT)]
LEVEL: Said = [("level", CONTINUE)]
GAP = then(flat(0.0, 100), flat(0.4, 300))


def beside(own: Columns, *others: Columns, **fields: object) -> Said:
    """What is said of a run beside others."""
    runs = {f"lab/vision/r{at}": history_of(other) for at, other in enumerate(others)}
    return said(comparison.check, view_of_columns(own, baseline_runs=runs, **fields))


CASES: dict[str, tuple[Columns, Columns, Said]] = {
    "the same recipe": ({"loss": FELL}, {"loss": falling(400, noise=0.011)}, LEVEL),
    "behind": ({"loss": FELL + GAP}, {"loss": FELL}, BEHIND),
    "ahead": ({"loss": FELL - GAP}, {"loss": FELL}, LEVEL),
    "closing": (
        {"loss": FELL + then(flat(0, 100), line(0.6, 0.1, 300))},
        {"loss": FELL},
        [("closing", CONTINUE)],
    ),
    "closing too slowly": ({"loss": FELL + then(flat(0, 100), line(0.6, 0.5, 300))}, {"loss": FELL}, BEHIND),
    "behind for a short while": ({"loss": FELL + (np.arange(400) > 370) * 0.4}, {"loss": FELL}, [("behind", CONTINUE)]),
    "behind, and level again": ({"loss": FELL + (np.arange(400) < 300) * 0.4}, {"loss": FELL}, LEVEL),
    "a hundredth behind": ({"loss": 1.01 * FELL}, {"loss": FELL}, LEVEL),
    "within the noise": ({"loss": 1.03 * noisy(1.0, 400, 0.3)}, {"loss": flat(1.0, 400)}, LEVEL),
    "the other run is longer": ({"loss": (FELL + GAP)[:300]}, {"loss": FELL}, BEHIND),
    "no common steps": ({"loss": FELL}, {"loss": {1000.0 + at: 1.0 for at in range(40)}}, []),
    "no common metric": ({"loss": FELL}, {"train_loss": FELL}, []),
    "the other one has three values": ({"loss": FELL}, {"loss": {0.0: 3.0, 200.0: 1.0, 399.0: 1.0}}, []),
    "the other one is too young": ({"loss": FELL}, {"loss": flat(1.0, 7)}, []),
    "a score is better when higher": (
        {"loss": FELL, "val_acc": every(20, line(0.1, 0.5, 20))},
        {"loss": FELL, "val_acc": every(20, line(0.1, 0.8, 20))},
        BEHIND,
    ),
    "an eval loss speaks for the training loss": (
        {"loss": FELL + GAP, "val_loss": every(20, FELL[::20])},
        {"loss": FELL, "val_loss": every(20, FELL[::20])},
        LEVEL,
    ),
    "a score of unknown direction": (
        {"val_score": every(20, line(0.1, 0.5, 20))},
        {"val_score": every(20, line(0.1, 0.8, 20))},
        [],
    ),
    "players": ({"d_loss": FELL + GAP, "g_loss": FELL}, {"d_loss": FELL, "g_loss": FELL}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_gap_that_lasts_and_does_not_close_argues_wait(case: str) -> None:
    """Wider than two seeds differ, for long, and without a trend towards the other run."""
    own, other, expected = CASES[case]
    assert beside(own, other) == expected


def test_without_runs_of_comparison_nothing_is_said() -> None:
    """Nobody asked."""
    assert comparison.check(view_of_columns({"loss": FELL})) == ()


def test_several_runs_count_by_their_median() -> None:
    """One lucky seed among three is no measure; one without the metric does not count."""
    seeds: tuple[Columns, ...] = (
        {"loss": FELL},
        {"loss": FELL + GAP},
        {"loss": FELL + GAP},
        {"x": FELL},
    )
    assert beside({"loss": FELL + GAP}, *seeds) == LEVEL
    assert beside({"loss": FELL + GAP}, *seeds[:1]) == BEHIND


def test_a_long_plan_lets_a_gap_close_slowly() -> None:
    """What is left of the plan is the time that it has."""
    own = {"loss": FELL + then(flat(0, 100), line(0.6, 0.5, 300))}
    assert beside(own, {"loss": FELL}, planned_steps=4000.0) == [("closing", CONTINUE)]
    assert beside(own, {"loss": FELL}, planned_steps=420.0) == BEHIND


def test_the_metrics_that_define_success_are_compared() -> None:
    """In place of those that the roles name."""
    own: Columns = {"loss": FELL, "val_loss": every(20, FELL[::20]), "val_acc": every(20, line(0.1, 0.5, 20))}
    other: Columns = {**own, "val_acc": every(20, line(0.1, 0.8, 20))}
    assert beside(own, other, key_metrics=("val_loss",)) == LEVEL
    assert beside(own, other, key_metrics=("val_acc",)) == BEHIND


def test_a_gap_before_an_announced_change_does_not_count() -> None:
    """From the change on, the runs are compared anew."""
    own = {"loss": FELL + (np.arange(400) < 370) * 0.4}
    assert beside({"loss": FELL + GAP}, {"loss": FELL}, announced=(Announcement(395.0),)) == []
    assert beside(own, {"loss": FELL}, announced=(Announcement(371.0),)) == LEVEL


def test_a_gap_is_told_with_its_size_and_its_step() -> None:
    """What, how much, beside which run, since when."""
    runs = {"lab/vision/r1": history_of({"loss": flat(2.0, 400)})}
    own = {"loss": flat(2.0, 400) + GAP}
    (finding,) = comparison.check(view_of_columns(own, baseline_runs=runs))
    assert finding.text == (
        "loss is 0.4 (20.0 %) worse than lab/vision/r1 at the same step, since step 103; the gap is not closing."
    )
    assert finding.until == "This would go away if loss came within 0.04 of lab/vision/r1."


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_gap_has_no_unit(scale: float) -> None:
    """Scaling both runs flips nothing."""
    assert beside({"loss": scale * (FELL + GAP)}, {"loss": scale * FELL}) == BEHIND
