"""Gradient norms are a reason to look, never to stop."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import gradient
from trainwatch_core.testing.columns import CONTINUE, INF, WAIT, Said, falling, flat, noisy, said, then
from trainwatch_core.testing.histories import Column, view_of_columns

CASES: dict[str, tuple[Column, Said]] = {
    "healthy": (falling(), []),
    "heavy tails": (np.random.default_rng(1).lognormal(0, 1, 300), []),
    "exploding": (then(falling(), flat(500.0, 8)), [("exploding", WAIT)]),
    "a few large ones": (then(falling(), flat(500.0, 3)), [("record", CONTINUE)]),
    "a record": (then(noisy(1, 300, 0.1), 60.0, noisy(1, 4, 0.1)), [("record", CONTINUE)]),
    "a record of long ago": (then(noisy(1, 300, 0.1), 60.0, noisy(1, 40, 0.1)), []),
    "no record": (then(noisy(1, 300, 0.1), 60.0, noisy(1, 40, 0.1), 90.0), []),
    "always clipped": (then(noisy(0.8, 30), flat(1.0, 48), 0.7, 0.9), [("clipped", CONTINUE)]),
    "clipped, but too few to say so": (flat(1.0, 47), []),
    "four times a quiet norm": (then(noisy(1, 300, 0.02), 5.0, noisy(1, 4, 0.02)), []),
    "half clipped": (np.tile([1.0, 0.7], 150), []),
    "clipped at another height before": (then(flat(2.0, 100), flat(1.0, 60)), []),
    "vanishing": (then(falling(), flat(1e-6, 8)), [("vanishing", WAIT)]),
    "zero from the start": (flat(0.0, 300), [("zero", WAIT)]),
    "infinite": (then(falling(), flat(INF, 3)), []),
    "too young": (falling(10), []),
}


@pytest.mark.parametrize("case", CASES)
def test_gradient_norms_argue_for_wait_at_most(case: str) -> None:
    """Far above or far below the usual for several samples argues WAIT; heavy tails do not; the rest is a word."""
    norms, expected = CASES[case]
    assert said(gradient.check, view_of_columns({"grad_norm": norms})) == expected
