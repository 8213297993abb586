"""A training loss that never moved, or moves no more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainwatch_core.checks import plateau
from trainwatch_core.testing.columns import STOP, WAIT, Columns, Said, every, falling, flat, line, noisy, said, then
from trainwatch_core.testing.histories import view_of_columns

GUESSING = noisy(math.log(10), 200, 0.01)
GUESSED = noisy(0.1, 200, 0.005)
STUCK: Said = [("stuck", WAIT)]
CHANCE_STOP: Said = [("chance", STOP)]
CHANCE_WAIT: Said = [("chance", WAIT)]

CASES: dict[str, tuple[Columns, float | None, Said]] = {
    "healthy": ({"loss": falling()}, None, []),
    "converged": ({"loss": then(falling(), noisy(1.1, 900))}, None, []),
    "too young": ({"loss": noisy(math.log(10), 29, 0.01)}, None, []),
    "stuck": ({"loss": GUESSING}, None, STUCK),
    "stuck, early in the plan": ({"loss": GUESSING}, 5000, []),
    "stuck, for half of the plan": ({"loss": GUESSING}, 500, STUCK),
    "fell to where it stays": ({"loss": then(9.0, 5.0, 3.0, GUESSING)}, None, []),
    "slow, but certain": ({"loss": line(2.4, 2.2, 200) + noisy(0, 200, 0.1)}, None, []),
    "slow, but certain, within the noise": ({"loss": line(2.36, 2.24, 600) + noisy(0, 600, 0.1)}, None, []),
    "certain, but next to nothing": ({"loss": line(2.305, 2.295, 200) + noisy(0, 200, 0.002)}, None, STUCK),
    "rises": ({"loss": then(noisy(2.0, 100, 0.01), noisy(2.6, 100, 0.01))}, None, []),
    "noise about nothing": ({"loss": noisy(0.1, 200, 0.1)}, None, []),
    "another loss falls": ({"loss": GUESSING, "loss_box": falling(200)}, None, []),
    "an eval gets better": ({"loss": GUESSING, "val_loss": every(10, falling(20))}, None, []),
    "chance": ({"loss": GUESSING, "acc": GUESSED}, 500, CHANCE_STOP),
    "chance without a plan": ({"loss": GUESSING, "acc": GUESSED}, None, CHANCE_WAIT),
    "chance, for a fifth of the plan": ({"loss": GUESSING, "acc": GUESSED}, 1000, CHANCE_WAIT),
    "chance after it fell there": ({"loss": then(line(9, 2.4, 15), GUESSING), "acc": GUESSED}, 500, CHANCE_STOP),
    "chance, but it fell there later": (
        {"loss": then(noisy(3.0, 60, 0.01), GUESSING[:140]), "acc": GUESSED},
        500,
        [],
    ),
    "chance beside something that learns": (
        {"loss": GUESSING, "acc": GUESSED, "loss_box": falling(200)},
        500,
        CHANCE_WAIT,
    ),
    "an error rate of a tenth": ({"loss": GUESSING, "val_error": GUESSED}, 500, STUCK),
    "far above any logarithm of a count": ({"loss": noisy(1e4, 200, 40.0), "acc": GUESSED}, 500, STUCK),
    "an accuracy that disagrees": ({"loss": GUESSING, "acc": noisy(0.3, 200, 0.005)}, 500, STUCK),
    "no logarithm of a count": ({"loss": noisy(2.25, 200, 0.01), "acc": GUESSED}, 500, STUCK),
    "frozen": ({"loss": then(falling(), flat(1.23456, 30))}, None, [("frozen", WAIT)]),
    "frozen from the start": ({"loss": flat(1.23456, 40)}, None, [("frozen", WAIT)]),
    "frozen, too young": ({"loss": flat(1.23456, 14)}, None, []),
    "frozen for fourteen samples": ({"loss": then(falling(noise=0.2), flat(1.23456, 14))}, None, []),
    "three digits": ({"loss": then(falling(), flat(1.23, 30))}, None, []),
    "zero": ({"loss": then(falling(), flat(0.0, 30))}, None, []),
    "came down and converged": ({"loss": then(noisy(1.5, 50, 0.2), noisy(0.6931, 60, 2e-4))}, None, []),
    "pinned": ({"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 2e-4))}, None, [("pinned", WAIT)]),
    "pinned, but for one batch": (
        {"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 2e-4), 0.9, noisy(0.6931, 5, 2e-4))},
        None,
        [("pinned", WAIT)],
    ),
    "as quiet as batches are": ({"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 0.02))}, None, []),
    "pinned above what it was": (
        {"loss": then(noisy(0.8, 50, 0.04), noisy(0.5, 20, 0.01), noisy(0.6931, 60, 2e-4))},
        None,
        [],
    ),
    "pinned by the digits of the log": ({"loss": then(np.round(noisy(0.9, 60, 0.02), 2), flat(0.8, 20))}, None, []),
    "pinned for ten samples": ({"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 10, 2e-4))}, None, []),
    "pinned, too young": ({"loss": then(noisy(0.8, 10, 0.04), noisy(0.6931, 19, 2e-4))}, None, []),
    "pinned beside a loss that falls": (
        {"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 2e-4)), "loss_box": falling(110)},
        None,
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plateau_stops_only_at_proven_chance_level(case: str) -> None:
    """Flat from the start, frozen or pinned argues WAIT; STOP needs ln k, 1/k and a quarter of a plan."""
    columns, planned, expected = CASES[case]
    assert said(plateau.check, view_of_columns(columns, planned_steps=planned)) == expected


LEVEL = then(falling(200), noisy(1.1, 600))
LOW = every(20, then(line(0.02, 0.1, 10), noisy(0.1, 30, 0.002)))
POOR: dict[str, tuple[Columns, Said]] = {
    "level and poor": ({"loss": LEVEL, "val_acc": LOW}, [("poor", WAIT)]),
    "level and good enough": ({"loss": LEVEL, "val_acc": every(20, noisy(0.6, 40, 0.002))}, []),
    "was better once": ({"loss": LEVEL, "val_acc": every(20, then(0.3, 0.3, noisy(0.1, 38, 0.002)))}, []),
    "the score rises": ({"loss": LEVEL, "val_acc": every(20, line(0.02, 0.2, 40))}, []),
    "the loss falls": ({"loss": line(3, 1, 800), "val_acc": LOW}, []),
    "too young": ({"loss": LEVEL[:480], "val_acc": every(20, noisy(0.1, 24, 0.002))}, []),
    "too few evals": ({"loss": LEVEL, "val_acc": every(80, noisy(0.1, 10, 0.002))}, []),
    "a score below zero": ({"loss": LEVEL, "val_r2": every(20, noisy(-0.1, 40, 0.002))}, []),
    "an error rate": ({"loss": LEVEL, "val_error": LOW}, []),
}


@pytest.mark.parametrize("case", POOR)
def test_level_at_a_poor_score_argues_for_wait(case: str) -> None:
    """A loss that moves no more is fine, unless the score beside it is level, too, and poor."""
    columns, expected = POOR[case]
    assert said(plateau.check, view_of_columns(columns)) == expected


REWARDS: dict[str, tuple[Columns, Said]] = {
    "level for a thousand episodes": ({"reward": noisy(-200, 1200, 1.0)}, [("unrewarded", WAIT)]),
    "level for some hundred": ({"reward": noisy(-200, 900, 1.0)}, []),
    "one better stretch": ({"reward": then(noisy(-200, 600, 1.0), noisy(-150, 50, 1.0), noisy(-200, 600, 1.0))}, []),
    "rising": ({"reward": line(-200, -20, 1200)}, []),
    "zero": ({"reward": flat(0.0, 1200)}, [("unrewarded", WAIT)]),
    "zero but once": ({"reward": then(flat(0.0, 600), flat(1.0, 20), flat(0.0, 600))}, []),
    "flat losses of agents": ({"loss": noisy(0.5, 200), "reward": noisy(0, 200)}, []),
}


@pytest.mark.parametrize("case", REWARDS)
def test_a_reward_that_never_moved_argues_for_wait(case: str) -> None:
    """Agents sit still for long before they learn; a thousand episodes at one level are worth a look."""
    columns, expected = REWARDS[case]
    assert said(plateau.check, view_of_columns(columns)) == expected


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"acc": GUESSED}, ", which is ln 10: pure guessing among 10 classes."), ({}, " between step 0 and 199.")],
)
def test_a_plateau_names_its_level_and_the_number_of_classes(columns: Columns, words: str) -> None:
    """The sentence says where the loss stands, since when, and what that level means where that is known."""
    (finding,) = plateau.check(view_of_columns({"loss": GUESSING, **columns}))
    assert finding.text.startswith("loss has not moved from 2.304 between step 0 and 199")
    assert finding.text.endswith(words)
    assert finding.numbers["level"] == pytest.approx(math.log(10), abs=0.01)
