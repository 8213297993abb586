"""A loss scale that falls without end: fp16 has found no scale that works."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import loss_scale
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.series import FloatArray
from trainwatch_core.testing.columns import INF, NAN, STOP, WAIT, Said, flat, said, then
from trainwatch_core.testing.histories import Column, view_of_columns

FALLING_STOP: Said = [("falling", STOP)]
FALLING_WAIT: Said = [("falling", WAIT)]


def halved(start: float, times: int) -> FloatArray:
    """A scale and its halvings."""
    return np.asarray(start * 0.5 ** np.arange(times + 1))


CASES: dict[str, tuple[Column, Said]] = {
    "constant": (flat(65536.0, 300), []),
    "found at the start": (then(halved(65536.0, 8), flat(256.0, 50)), []),
    "halved and grown": ([1024.0, 512.0, 1024.0, 512.0, 256.0, 512.0] * 20, []),
    "still being found": (halved(65536.0, 12), []),
    "falls to nothing": (then(flat(1024.0, 50), halved(512.0, 20)), FALLING_STOP),
    "eight times, to 1/128": (halved(2.0, 8), FALLING_STOP),
    "eight times, to 1/64": (halved(4.0, 8), FALLING_WAIT),
    "seven times, to 1/128": (halved(1.0, 7), FALLING_WAIT),
    "five times, below 1": (halved(16.0, 5), FALLING_WAIT),
    "five times, to 1": (halved(32.0, 5), []),
    "four times, below 1": (halved(8.0, 4), []),
    "rose in the end": (then(halved(2.0, 12), 1.0), []),
    "level in the end": (then(halved(2.0, 12), 2.0**-11), []),
    "NaN in between": (then(halved(2.0, 4), NAN, INF, halved(2.0**-4, 4)), FALLING_STOP),
    "one value": ([0.5], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_loss_scale_is_gone_when_it_falls_again_and_again(case: str) -> None:
    """Eight halvings in a row to nearly nothing argue STOP, five below 1 WAIT; swinging is normal."""
    scale, expected = CASES[case]
    assert said(loss_scale.check, view_of_columns({"loss": flat(1.0, 9), "loss_scale": scale})) == expected


def test_a_fall_to_nothing_is_a_hard_failure_and_says_so() -> None:
    """The sentence counts the falls and names both ends; a scale that falls less is soft."""
    (finding,) = loss_scale.check(view_of_columns({"amp/scale": then(flat(2.0, 10), halved(1.0, 9))}))
    assert finding.text == (
        "amp/scale fell 10 times in a row, from 2 at step 9 to 0.001953: every step overflows and is skipped."
    )
    assert (finding.weight, finding.first_step) == (Weight.HARD, 9)
    (finding,) = loss_scale.check(view_of_columns({"amp/scale": halved(16.0, 5)}))
    assert finding.weight is Weight.SOFT


def test_other_scales_are_none_of_its_business() -> None:
    """A reward scale or the scale of an eval may fall as it likes."""
    assert said(loss_scale.check, view_of_columns({"reward_scale": halved(2.0, 20)})) == []
