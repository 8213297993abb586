"""NaN and infinity: sure in the training loss, a reason to look elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import nan
from trainwatch_core.model.finding import Weight
from trainwatch_core.testing.columns import (
    CONTINUE,
    INF,
    NAN,
    STOP,
    WAIT,
    Columns,
    Said,
    every,
    falling,
    flat,
    line,
    said,
    then,
)
from trainwatch_core.testing.histories import view_of_columns

STRAY = ("stray", CONTINUE)
NORM_GONE = then(falling(290), flat(NAN, 10))
NORM_GONE_FOR_THREE = then(falling(297), flat(NAN, 3))

CASES: dict[str, tuple[Columns, Said]] = {
    "healthy": ({"loss": falling()}, []),
    "one that came back": ({"loss": then(falling(), NAN, 1.2)}, [STRAY]),
    "nine of ten, all along": ({"loss": np.where(np.arange(300) % 10 == 0, falling(), NAN)}, []),
    "the last one": ({"loss": then(falling(), NAN)}, [("trailing", WAIT)]),
    "four": ({"loss": then(falling(), flat(INF, 4))}, [("trailing", WAIT)]),
    "five": ({"loss": then(falling(), flat(NAN, 5))}, [("persistent", STOP)]),
    "negative infinity": ({"loss": then(falling(), flat(-INF, 9))}, [("persistent", STOP)]),
    "from the first sample": ({"loss": flat(NAN, 6)}, [("persistent", STOP)]),
    "three of a sparse log": ({"loss": then(falling(15), flat(NAN, 3))}, [("persistent", STOP)]),
    "came back after as many": ({"loss": then(falling(60), flat(NAN, 4), falling(60), flat(NAN, 6))}, []),
    "longer than what came back": (
        {"loss": then(falling(60), flat(NAN, 4), falling(60), flat(NAN, 9))},
        [("persistent", STOP)],
    ),
    "two evals": ({"loss": falling(), "val_loss": every(20, [1.0, 1.1, NAN, NAN])}, [("trailing", WAIT)]),
    "one eval": ({"loss": falling(), "val_loss": every(20, [1.0, 1.1, NAN])}, []),
    "gradients": ({"loss": falling(), "grad_norm": NORM_GONE}, [("trailing", WAIT)]),
    "written as the last mean": (
        {"loss": then(falling(290), flat(1.234, 10)), "grad_norm": NORM_GONE},
        [("trailing", WAIT), ("hidden", STOP)],
    ),
    "the last mean three times": (
        {"loss": then(falling(297), flat(1.234, 3)), "grad_norm": NORM_GONE_FOR_THREE},
        [],
    ),
    "0.0 three times": (
        {"loss": then(falling(297), flat(0.0, 3)), "grad_norm": NORM_GONE_FOR_THREE},
        [("hidden", STOP)],
    ),
    "0.0 twice": (
        {"loss": then(falling(298), flat(0.0, 2)), "grad_norm": then(falling(298), flat(NAN, 2))},
        [],
    ),
    "0.0 and a norm": ({"loss": then(falling(297), flat(0.0, 3)), "grad_norm": falling()}, []),
    "a loss that moves beside no norm": ({"loss": falling(), "grad_norm": NORM_GONE}, [("trailing", WAIT)]),
    "one player": ({"d_loss": falling(), "g_loss": then(falling(), flat(NAN, 9))}, [("trailing", WAIT)]),
    "both players": (
        {"d_loss": flat(NAN, 9), "g_loss": flat(NAN, 9)},
        [("persistent", STOP), ("persistent", STOP)],
    ),
    "a part of the loss": ({"loss": falling(), "loss_box": then(falling(), flat(NAN, 9))}, [("trailing", WAIT)]),
    "a measure of speed": ({"loss": falling(), "steps_per_sec": flat(NAN, 300)}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_nan_is_only_sure_as_a_streak_at_the_end_of_the_training_loss(case: str) -> None:
    """F-W05: a lasting streak argues STOP, a short one or one elsewhere WAIT, one that came back nothing."""
    columns, expected = CASES[case]
    assert said(nan.check, view_of_columns(columns)) == expected


def test_nan_in_the_training_loss_names_value_step_and_last_number() -> None:
    """The sentence says since when, how often, and what the last number was."""
    (finding,) = nan.check(view_of_columns({"loss": then(line(3, 2, 101), flat(NAN, 8))}))
    assert finding.text == "loss is NaN in 8 samples in a row, since step 101; the last number was 2."
    assert finding.weight is Weight.HARD
    assert finding.first_step == 101
    assert finding.until == "This would go away if loss were a number again."
