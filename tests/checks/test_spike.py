"""Spikes: a reason to look, and their end is worth a word."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import spike
from trainwatch_core.testing.columns import CONTINUE, WAIT, Columns, Said, falling, flat, noisy, said, then
from trainwatch_core.testing.histories import view_of_columns

CASES: dict[str, tuple[Columns, Said]] = {
    "healthy": ({"loss": falling()}, []),
    "very noisy": ({"loss": falling(noise=0.3)}, []),
    "two samples up": ({"loss": then(falling(), 6.0, 6.0)}, [("up", WAIT)]),
    "one sample up": ({"loss": then(falling(), 6.0)}, []),
    "up and back": ({"loss": then(falling(), 6.0, 5.0, noisy(1.1, 5))}, [("recovered", CONTINUE)]),
    "too young": ({"loss": then(falling(10), 60.0, 60.0)}, []),
    "nothing beside its level": ({"loss": then(flat(2.0, 50), 2.001, 2.001)}, []),
    "reinforcement learning": ({"loss": then(falling(), 6.0, 6.0), "reward": falling()}, []),
    "an eval": ({"val_loss": then(falling(), 6.0, 6.0)}, []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_spike_argues_for_wait_and_its_end_is_said(case: str) -> None:
    """Two of the last three samples far above: WAIT. Back again: recovered. Noise and one sample: nothing."""
    columns, expected = CASES[case]
    assert said(spike.check, view_of_columns(columns)) == expected


def test_a_spike_of_an_earlier_look_is_not_announced_again() -> None:
    """Only samples that are new to this look can have recovered in it."""
    view = view_of_columns({"loss": then(falling(), 6.0, 5.0, noisy(1.1, 20))}, new_rows=10)
    assert spike.check(view) == ()
