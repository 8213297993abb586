"""Scores that lost what they had gained, and outputs that all become the same."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import collapse
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.roles import Goal
from trainwatch_core.testing.columns import (
    CONTINUE,
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

WORSE_STOP: Said = [("worse", STOP)]
WORSE_WAIT: Said = [("worse", WAIT)]
TRAIN_FALLS, TRAIN_LEVEL = falling(800, 3, 0.0, 0.01), noisy(1.0, 800)
UP, DOWN = line(0.1, 0.9, 20), noisy(0.1, 20, 0.01)
GONE = every(20, then(UP, DOWN))

CASES: dict[str, tuple[Columns, float | None, Said]] = {
    "healthy": ({"loss": TRAIN_LEVEL, "val_acc": every(20, line(0.1, 0.9, 40))}, None, []),
    "all lost": ({"loss": TRAIN_LEVEL, "val_acc": GONE}, None, WORSE_STOP),
    "all lost, without a training loss": ({"val_acc": GONE}, None, WORSE_STOP),
    "all lost, training still falls": ({"loss": TRAIN_FALLS, "val_acc": GONE}, None, WORSE_WAIT),
    "an error rate": ({"val_error": every(20, then(line(0.9, 0.1, 20), noisy(0.9, 20, 0.01)))}, None, WORSE_STOP),
    "half lost": ({"val_acc": every(20, then(UP, noisy(0.5, 20, 0.01)))}, None, WORSE_WAIT),
    "little lost": ({"val_acc": every(20, then(UP, noisy(0.85, 20, 0.01)))}, None, []),
    "most of the gain, little of the level": (
        {"val_acc": every(20, then(line(0.7, 0.9, 20), noisy(0.72, 20, 0.01)))},
        None,
        WORSE_WAIT,
    ),
    "little of the gain, much of the level": (
        {"reward": then(line(-1000, 100, 50), noisy(60, 50, 0.5))},
        None,
        [],
    ),
    "all lost, a training score": ({"loss": TRAIN_FALLS, "train_acc": GONE}, None, WORSE_STOP),
    "within its noise": ({"val_acc": every(20, then(noisy(0.6, 20, 0.1), noisy(0.4, 20, 0.1)))}, None, []),
    "lost just now": ({"val_acc": every(20, then(line(0.1, 0.9, 36), noisy(0.1, 4, 0.01)))}, None, []),
    "lost for less than an eighth": ({"val_acc": GONE}, 4000, WORSE_WAIT),
    "coming back": ({"val_acc": every(20, then(UP, line(0.1, 0.45, 20)))}, None, [("aside", CONTINUE)]),
    "its best was early": ({"reward": then(noisy(50.0, 10), noisy(1.0, 190))}, None, WORSE_WAIT),
    "its best was early, planned": ({"reward": then(noisy(50.0, 10), noisy(1.0, 190))}, 400, WORSE_WAIT),
    "learned little beside its noise": (
        {"reward": then(noisy(40.0, 60, 8.0), noisy(60.0, 60, 8.0), noisy(5.0, 80, 8.0))},
        None,
        WORSE_WAIT,
    ),
    "learned little beside its noise, planned": (
        {"reward": then(noisy(40.0, 60, 8.0), noisy(60.0, 60, 8.0), noisy(5.0, 80, 8.0))},
        400,
        WORSE_STOP,
    ),
    "worse than ever": (
        {"reward": then(noisy(100.0, 50, 0.1), line(100.0, 101.0, 50), noisy(92.0, 60, 0.1))},
        None,
        WORSE_WAIT,
    ),
    "worse than ever, by little": (
        {"reward": then(noisy(100.0, 50, 0.05), line(100.0, 100.5, 50), noisy(98.0, 60, 0.05))},
        None,
        [],
    ),
    "worse than ever, within its noise": ({"reward": then(noisy(100.0, 100, 3.0), noisy(93.0, 60, 3.0))}, None, []),
    "never gained, lost a little": ({"reward": then(flat(100.0, 50), flat(92.0, 60))}, None, []),
    "gained and lost a little": (
        {"reward": then(noisy(90.0, 50, 0.1), line(90.0, 100.0, 50), noisy(91.0, 60, 0.1))},
        None,
        [],
    ),
    "as at the start": (
        {"reward": then(noisy(100.0, 50, 0.1), line(100.0, 101.0, 50), noisy(100.0, 60, 0.1))},
        None,
        [],
    ),
    "returns below zero": (
        {"reward": then(noisy(-400, 50, 5), noisy(-10, 50, 5), noisy(-400, 60, 5))},
        None,
        WORSE_STOP,
    ),
    "an old task is forgotten": (
        {"val_acc": every(20, line(0.1, 0.9, 40)), "val_acc_old": GONE},
        None,
        WORSE_WAIT,
    ),
    "an old task is half forgotten": (
        {"val_acc": every(20, line(0.1, 0.9, 40)), "val_acc_old": every(20, then(UP, noisy(0.5, 20, 0.01)))},
        None,
        [("aside", CONTINUE)],
    ),
    "another training score": ({"reward": line(0.0, 9.0, 800), "train_acc_old": GONE}, None, []),
    "unknown direction": ({"val_score": GONE}, None, []),
    "too few": ({"val_acc": every(20, [0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])}, None, []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_collapse_stops_only_when_most_is_lost_for_long(case: str) -> None:
    """STOP needs most of the gain and half of the level gone for long; less, earlier or doubtful argues WAIT."""
    columns, planned, expected = CASES[case]
    assert said(collapse.check, view_of_columns(columns, planned_steps=planned)) == expected


@pytest.mark.parametrize(("low_for", "argues_for"), [(20, WAIT), (80, STOP)])
def test_a_return_that_swings_deep_is_no_collapse_until_it_has_lasted(low_for: int, argues_for: Decision) -> None:
    """Returns of healthy agents swing to a fifth and come back: only an eighth of the run down there counts."""
    rng = np.random.default_rng(5)
    climbing = np.linspace(0, 100, 200) + rng.normal(0, 3, 200)
    sinking = np.linspace(100, 60, 100) + rng.normal(0, 3, 100)
    column = then(climbing, sinking, flat(15.0, low_for) + rng.normal(0, 3, low_for))
    view = view_of_columns({"reward": column}, goals={"reward": Goal.MAXIMIZE})
    assert said(collapse.check, view) == [("worse", argues_for)]


SPREADS: dict[str, tuple[Columns, Said]] = {
    "of embeddings": ({"embedding_std": then(noisy(0.5, 60), noisy(1e-4, 40, 1e-5))}, [("spread", WAIT)]),
    "of outputs": ({"train/output_variance": then(noisy(0.5, 60), flat(0.0, 40))}, [("spread", WAIT)]),
    "a tenth left": ({"embedding_std": then(noisy(0.5, 60), noisy(0.05, 40, 1e-3))}, []),
    "just one value": ({"embedding_std": then(noisy(0.5, 99), 1e-4)}, []),
    "zero from the start": ({"embedding_std": flat(0.0, 100)}, []),
    "a norm": ({"embedding_norm": then(noisy(0.5, 60), noisy(1e-4, 40, 1e-5))}, []),
    "small from the start": ({"embedding_std": noisy(1e-4, 100, 1e-5)}, []),
    "of something else": ({"reward_std": then(noisy(0.5, 60), noisy(1e-4, 40, 1e-5))}, []),
    "too few": ({"embedding_std": [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]}, []),
}


@pytest.mark.parametrize("case", SPREADS)
def test_outputs_that_become_all_the_same_argue_for_wait(case: str) -> None:
    """The spread of embeddings, features or outputs at a fiftieth of its usual size."""
    columns, expected = SPREADS[case]
    assert said(collapse.check, view_of_columns(columns)) == expected


def test_a_collapse_is_told_in_the_scores_own_direction() -> None:
    """Best and now are the values that were logged, not those turned round."""
    (finding,) = collapse.check(view_of_columns({"val_acc": every(20, then(line(0.1, 0.9, 20), flat(0.1, 20)))}))
    assert finding.numbers["best"] > 0.8
    assert finding.numbers["now"] == pytest.approx(0.1)
    assert "to 0.1 at step 800" in finding.text
