"""A family of random healthy runs, and not one STOP: 300 in the suite, 10,000 under `make soak`."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from trainwatch_core.model.finding import Decision
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import Column, replay

DRAWS = int(os.environ.get("TRAINWATCH_DRAWS", "150"))
PARTS = 10
"""Of the draws, so that several processes can share them."""


@st.composite
def healthy(draw: st.DrawFn) -> dict[str, Column]:
    """A power law with noise (now and then heavy-tailed), warm-up, drops of the rate, evaluations, gradient norms."""
    rows = draw(st.integers(60, 500))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, floor = draw(st.floats(1.0, 12.0)), draw(st.floats(-2.0, 0.9))
    steps = np.arange(rows)
    base = floor + (start - floor) * (1 + steps / draw(st.floats(1, 60))) ** -draw(st.floats(0.2, 1.2))
    rate = _schedule(draw, rows)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(rows // 3, rows - 1))
        base[at:] -= draw(st.floats(0.02, 0.2)) * (start - floor) * (1 - np.exp(-(steps[at:] - at) / 10))
        rate[at:] *= 0.1
    width = draw(st.floats(0.002, 0.1)) * (start - floor)
    noise = width * rng.standard_t(draw(st.sampled_from([3, 5, 100])), rows)
    evals = {float(at): float(base[at] + 0.05 + rng.normal(0, width / 4)) for at in range(9, rows, 10)}
    scale = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    return {
        "train/loss": scale * (base + noise),
        "val_loss": {at: scale * each for at, each in evals.items()},
        "lr": rate,
        "grad_norm": rng.lognormal(0, 0.7, rows),
    }


def _schedule(draw: st.DrawFn, rows: int) -> np.ndarray:
    """Constant, cosine or linear, behind a warm-up of at most a tenth."""
    steps, warm = np.arange(rows), draw(st.integers(0, rows // 10))
    left = 1 - steps / rows
    shape = draw(st.sampled_from([np.ones(rows), (1 + np.cos(np.pi * steps / rows)) / 2, left]))
    return np.asarray(1e-3 * shape * np.where(steps < warm, (steps + 1) / max(1, warm), 1))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_healthy_run_is_stopped(part: int) -> None:
    """All shapes, in several rhythms, with and without a plan."""

    @seed(part)
    @settings(max_examples=max(1, DRAWS // PARTS), deadline=None, database=None)
    @given(healthy(), st.sampled_from([8, 12, 24]), st.booleans())
    def draw_some(columns: dict[str, Column], looks: int, planned: bool) -> None:  # noqa: FBT001  # drawn
        length = float(len(columns["train/loss"])) if planned else None
        for each in replay(columns, CHECKS, rounds=looks, planned_steps=length):
            assert each.verdict.decision is not Decision.STOP, each.verdict.reasons[0].text

    draw_some()
