"""Gradient norms are a reason to look, never to stop."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import gradient
from trainwatch_core.testing.columns import INF, WAIT, Said, falling, flat, said, then
from trainwatch_core.testing.histories import Column, view_of_columns

CASES: dict[str, tuple[Column, Said]] = {
    "healthy": (falling(), []),
    "heavy tails": (np.random.default_rng(1).lognormal(0, 1, 300), []),
    "exploding": (then(falling(), flat(500.0, 8)), [("exploding", WAIT)]),
    "a few large ones": (then(falling(), flat(500.0, 3)), []),
    "vanishing": (then(falling(), flat(1e-6, 8)), [("vanishing", WAIT)]),
    "zero from the start": (flat(0.0, 300), [("zero", WAIT)]),
    "infinite": (then(falling(), flat(INF, 3)), []),
    "too young": (falling(10), []),
}


@pytest.mark.parametrize("case", CASES)
def test_gradient_norms_argue_for_wait_at_most(case: str) -> None:
    """Far above or far below the usual for several samples argues WAIT; heavy tails do not."""
    norms, expected = CASES[case]
    assert said(gradient.check, view_of_columns({"grad_norm": norms})) == expected
