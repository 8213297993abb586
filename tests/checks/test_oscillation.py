"""A training loss that swings ever wider."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import oscillation
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.series import FloatArray
from trainwatch_core.testing.columns import WAIT, Columns, Said, falling, line, noisy, said
from trainwatch_core.testing.histories import view_of_columns

GROWING: Said = [("growing", WAIT)]


def swinging(first: float, last: float, rows: int = 240, level: float = 2.0) -> FloatArray:
    """Up and down every third sample, by an amount that grows geometrically."""
    beat = np.sin(2 * np.pi * np.arange(rows) / 3)
    return np.asarray(level + np.geomspace(first, last, rows) * beat)


CASES: dict[str, tuple[Columns, Said]] = {
    "ever wider": ({"loss": swinging(0.01, 0.9)}, GROWING),
    "ever wider while it falls": ({"loss": falling(240, noise=0.01) + swinging(0.01, 2.0) - 2}, GROWING),
    "wide from the start": ({"loss": swinging(0.5, 0.9)}, []),
    "three times as wide": ({"loss": swinging(0.2, 0.9)}, []),
    "ever wider, but narrow": ({"loss": swinging(0.0005, 0.05)}, []),
    "ever narrower": ({"loss": swinging(0.9, 0.01)}, []),
    "wider at once": ({"loss": np.concatenate([noisy(2, 180, 0.01), noisy(2, 60, 0.5)])}, []),
    "healthy": ({"loss": falling()}, []),
    "a straight line": ({"loss": line(3, 1, 240)}, []),
    "too young": ({"loss": swinging(0.01, 0.9, 50)}, []),
    "reinforcement learning": ({"loss": swinging(0.01, 0.9), "reward": noisy(0, 240)}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_swings_that_grow_from_stretch_to_stretch_argue_wait(case: str) -> None:
    """Only where each stretch is wider than the one before, and the last is wide beside the level."""
    columns, expected = CASES[case]
    assert said(oscillation.check, view_of_columns(columns)) == expected


def test_a_run_that_was_announced_to_change_may_swing() -> None:
    """A smaller batch or a higher rate was meant."""
    view = view_of_columns({"loss": swinging(0.01, 0.9)}, announced=(Announcement(100.0),))
    assert oscillation.check(view) == ()


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_swings_have_no_unit(scale: float) -> None:
    """Scaling the loss flips nothing."""
    assert said(oscillation.check, view_of_columns({"loss": scale * swinging(0.01, 0.9)})) == GROWING


def test_a_swing_is_told_before_and_now() -> None:
    """The sentence has both widths and the step where the first stretch ends."""
    (finding,) = oscillation.check(view_of_columns({"loss": swinging(0.01, 0.9)}))
    assert finding.text.startswith("loss swings ever wider: by 0.0")
    assert finding.numbers["now"] > 6 * finding.numbers["before"]
    assert finding.first_step == pytest.approx(62, abs=2)
