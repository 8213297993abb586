"""A training loss that rose and stays up, and what explains a rise."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import divergence
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.finding import Weight
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

UP = then(falling(), noisy(2.5, 100))
EPOCHS = np.floor(line(0, 39.9, 400))
SHIFT: Said = [("shift", STOP)]
WAITS: Said = [("shift", WAIT)]
EXPLAINED: Said = [("explained", WAIT)]
HARMLESS: Said = [("harmless", CONTINUE)]
RUNAWAY: Said = [("runaway", STOP)]
AWAY = then(falling(), np.geomspace(2, 1e30, 12))
LUCKY = then(noisy(5.0, 10, 0.1), flat(3.9, 3), noisy(5.0, 55, 0.1))
"""Too short for wide medians: the best three samples are the best, and all that follows is higher."""

CASES: dict[str, tuple[Columns, Said]] = {
    "healthy": ({"loss": falling()}, []),
    "very noisy": ({"loss": falling(noise=0.5)}, []),
    "level": ({"loss": noisy(2.3, 300)}, []),
    "too young": ({"loss": falling(10)}, []),
    "up and stays": ({"loss": UP}, SHIFT),
    "below zero": ({"loss": -10 + UP}, SHIFT),
    "huge": ({"loss": 1e6 * UP}, SHIFT),
    "a few lucky samples early": ({"loss": LUCKY}, []),
    "just up": ({"loss": then(falling(), noisy(9, 3))}, []),
    "a little up, never learned": ({"loss": then(noisy(2.3, 200, 0.01), noisy(2.6, 100, 0.01))}, []),
    "far up, never learned": ({"loss": then(noisy(2.3, 200, 0.01), noisy(3.5, 100, 0.01))}, SHIFT),
    "a tenth of the progress": ({"loss": then(line(100, 1, 300), noisy(10, 100))}, []),
    "within its noise": ({"loss": then(line(12, 10, 300) + noisy(0, 300, 1.0), noisy(11.5, 100, 1.0))}, []),
    "fell, and is level since": ({"loss": then(falling(), np.geomspace(9, 3, 40), noisy(3, 120))}, SHIFT),
    "falling again": ({"loss": then(falling(), np.geomspace(6, 1.6, 60))}, EXPLAINED),
    "falling again, too slowly": ({"loss": then(falling(), line(2.9, 2.85, 100) + noisy(0, 100, 0.005))}, SHIFT),
    "evals hold": ({"loss": UP, "val_loss": every(20, falling(20, noise=0.01))}, EXPLAINED),
    "a score holds": ({"loss": UP, "val_acc": every(20, then(line(0.1, 0.8, 15), flat(0.8, 5)))}, EXPLAINED),
    "evals follow": ({"loss": UP, "val_loss": every(20, then(falling(15), noisy(2.5, 5)))}, SHIFT),
    "one eval since": ({"loss": UP, "val_loss": every(80, falling(4, noise=0.01))}, SHIFT),
    "one eval before": ({"loss": UP, "val_loss": {290: 1.3, 320: 1.3, 350: 1.3, 380: 1.3}}, SHIFT),
    "rate raised within its range": (
        {"loss": UP, "lr": then(flat(1e-2, 150), flat(1e-3, 150), flat(1e-2, 100))},
        HARMLESS,
    ),
    "rate raised beyond its range": ({"loss": UP, "lr": then(flat(1e-3, 300), flat(1e-1, 100))}, SHIFT),
    "rate raised by a fifth": (
        {"loss": UP, "lr": then(flat(1e-2, 150), flat(1e-3, 150), flat(1.2e-3, 100))},
        SHIFT,
    ),
    "rate lowered": ({"loss": UP, "lr": then(flat(1e-2, 300), flat(1e-3, 100))}, SHIFT),
    "another loss falls": ({"loss": UP, "loss_box": falling(400, 5, 0.1, 0.001)}, HARMLESS),
    "another loss rises, too": ({"loss": UP, "loss_box": UP}, SHIFT),
    "another loss falls, but was lower": (
        {"loss": UP, "loss_box": then(falling(300), line(3.0, 2.8, 100))},
        SHIFT,
    ),
    "epochs began again": ({"loss": UP, "epoch": then(EPOCHS[:300], EPOCHS[:100])}, HARMLESS),
    "epochs go on": ({"loss": UP, "epoch": EPOCHS}, SHIFT),
    "another counter began again": ({"loss": UP, "batch": then(line(0, 299, 300), line(0, 99, 100))}, SHIFT),
    "shallow beside its progress": ({"loss": then(line(20, 1, 400), noisy(5, 44))}, WAITS),
    "shallow beside its level": ({"loss": then(line(12, 10, 400), noisy(11.5, 44, 0.01))}, WAITS),
    "shallow, for a while": ({"loss": then(falling(400), noisy(1.4, 44))}, WAITS),
    "shallow, for long": ({"loss": then(falling(400), noisy(1.4, 80))}, SHIFT),
    "deep, for a while": ({"loss": then(falling(400), noisy(2.5, 44))}, SHIFT),
    "runs away": ({"loss": AWAY}, RUNAWAY),
    "runs away to the largest float": ({"loss": then(falling(), flat(1e308, 8))}, RUNAWAY),
    "four samples of running away": ({"loss": then(falling(), np.geomspace(1e3, 1e30, 4))}, []),
    "runs away, too young": ({"loss": then(falling(9), flat(1e6, 6))}, []),
    "runs away to NaN": ({"loss": then(AWAY[:308], NAN)}, []),
    "five times where it began": ({"loss": then(line(1000, 1, 300), flat(5000, 8))}, []),
    "runs away, but is falling": ({"loss": then(falling(), np.geomspace(1e6, 1e2, 30))}, EXPLAINED),
    "runs away beside a loss that falls": ({"loss": AWAY, "loss_box": falling(312, 5, 0.1, 0.0)}, []),
    "reinforcement learning": ({"train/loss": UP, "rollout/ep_rew_mean": falling()}, []),
    "players": ({"d_loss": UP, "g_loss": UP}, []),
    "an eval alone": ({"val_loss": UP}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_divergence_is_a_rise_that_stays_and_has_no_explanation(case: str) -> None:
    """A lasting rise argues STOP; what was meant to happen is a word, and what may end well argues WAIT."""
    columns, expected = CASES[case]
    assert said(divergence.check, view_of_columns(columns)) == expected


@pytest.mark.parametrize(
    ("step", "expected"), [(300, HARMLESS), (285, HARMLESS), (312, HARMLESS), (100, SHIFT), (390, SHIFT)]
)
def test_a_rise_that_somebody_announced_is_harmless(step: float, expected: Said) -> None:
    """An announcement counts between the best and the rise, told roughly; one of another time explains nothing."""
    view = view_of_columns({"loss": UP}, announced=(Announcement(step, "harder data"),))
    assert said(divergence.check, view) == expected


@pytest.mark.parametrize(("planned", "expected"), [(4000, EXPLAINED), (None, EXPLAINED), (375, SHIFT)])
def test_a_rise_that_falls_again_must_get_far_in_what_is_left(planned: float | None, expected: Said) -> None:
    """The forecast reaches to the end of the plan, or over as many steps as were seen."""
    columns = {"loss": then(falling(), line(6, 5.5, 60) + noisy(0, 60, 0.01))}
    assert said(divergence.check, view_of_columns(columns, planned_steps=planned)) == expected


def test_a_long_plan_makes_a_shallow_rise_last_longer() -> None:
    """What is long depends on the plan where there is one; a deep rise is believed at once."""
    shallow = {"loss": then(falling(400), noisy(1.4, 80))}
    assert said(divergence.check, view_of_columns(shallow, planned_steps=2000)) == WAITS
    assert said(divergence.check, view_of_columns({"loss": UP}, planned_steps=4000)) == SHIFT


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"lr": then(flat(1e-2, 150), flat(1e-3, 150), flat(1e-2, 100))}, "lr was raised from 0.001 to 0.01, within"),
        ({"loss_box": falling(400, 5, 0.1, 0.001)}, "but loss_box is still falling"),
        ({"epoch": then(EPOCHS[:300], EPOCHS[:100])}, "but epoch went back to 0 at step 300"),
        ({"val_loss": every(20, falling(20, noise=0.01))}, "but val_loss holds at"),
    ],
)
def test_what_explains_a_rise_is_said_with_it(columns: Columns, words: str) -> None:
    """The reason stands beside the rise."""
    (finding,) = divergence.check(view_of_columns({"loss": UP, **columns}))
    assert words in finding.text


def test_divergence_is_placed_where_it_began() -> None:
    """The onset is within a few samples of the step at which the loss rose."""
    (finding,) = divergence.check(view_of_columns({"loss": UP}))
    assert finding.first_step == pytest.approx(300, abs=12)
    assert finding.numbers["best"] < 1.4
    assert finding.numbers["now"] == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_rise_is_the_same_rise_at_every_scale(scale: float) -> None:
    """Scaling the loss flips nothing."""
    assert said(divergence.check, view_of_columns({"loss": scale * UP})) == SHIFT


def test_running_away_is_hard() -> None:
    """A loss that runs away needs no patience but that of a second look."""
    (finding,) = divergence.check(view_of_columns({"loss": AWAY}))
    assert finding.weight is Weight.HARD
