"""How a forecast is said."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.forecast.outlook import Forecast
from trainwatch_core.forecast.words import Reach, reach, say_final, say_forecast
from trainwatch_core.model.roles import Goal


def ending(low: float, middle: float, high: float, goal: Goal = Goal.MINIMIZE) -> Forecast:
    """A forecast for step 90,000 that ends like this."""
    steps = np.array([41_200.0, 90_000.0])
    fan = [np.array([2.4, end]) for end in (middle, low, high)]
    return Forecast("val_loss", goal, steps, fan[0], fan[1], fan[2], now=2.4, share=0.46)


def test_it_is_one_sentence_with_what_it_is_held_against() -> None:
    """Where it ends, between what, when; then baseline and target, each with how it stands."""
    said = say_forecast(ending(2.27, 2.31, 2.38), {"val_loss": 2.3, "val_acc": 0.7}, {"val_loss": 2.1})
    assert said == (
        "val_loss will end near 2.31 (2.27 to 2.38) at step 90,000; "
        "baseline 2.3: within reach; target 2.1: out of reach"
    )
    assert say_forecast(ending(2.27, 2.31, 2.38), {"val_loss": float("nan")}, {}).endswith("at step 90,000")


@pytest.mark.parametrize(
    ("goal", "wanted", "expected"),
    [
        (Goal.MINIMIZE, 3.1, Reach.MET),
        (Goal.MINIMIZE, 2.5, Reach.OPEN),
        (Goal.MINIMIZE, 1.9, Reach.MISSED),
        (Goal.MAXIMIZE, 1.9, Reach.MET),
        (Goal.MAXIMIZE, 2.5, Reach.OPEN),
        (Goal.MAXIMIZE, 3.1, Reach.MISSED),
    ],
)
def test_the_whole_interval_must_be_as_good_or_as_bad(goal: Goal, wanted: float, expected: Reach) -> None:
    """A value within the interval is within reach, whichever way the metric should go."""
    assert reach(ending(2.0, 2.4, 3.0, goal), wanted) is expected


@pytest.mark.parametrize(
    ("final", "words"),
    [
        ((2.27, 2.3149, 2.38), ("2.27", "2.31", "2.38")),
        ((2.3141, 2.3144, 2.3148), ("2.3141", "2.3144", "2.3148")),
        ((0.0, 0.0, 0.0), ("0", "0", "0")),
        ((1e-9, 2e-9, 3e-5), ("1e-9", "2e-9", "3e-5")),
    ],
)
def test_as_many_digits_as_it_takes_to_tell_the_edges_apart(
    final: tuple[float, float, float], words: tuple[str, str, str]
) -> None:
    """A narrow interval is not said as three times the same number."""
    assert say_final(ending(*final)) == words
