"""Learning rates: invalid, zero, parked near zero, jumped; ordinary schedules are none of these."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.checks import learning_rate
from trainwatch_core.testing.columns import NAN, STOP, WAIT, Said, cosine, falling, flat, line, said, then
from trainwatch_core.testing.histories import Column, view_of_columns

CASES: dict[str, tuple[Column, float | None, Said]] = {
    "cosine": (cosine(300), 300, []),
    "cosine without a plan": (cosine(300), None, []),
    "warm-up": (then(line(1e-6, 1e-3, 50), cosine(300)), 1000, []),
    "restarts": (np.tile(cosine(100), 3), 300, []),
    "constant": (flat(1e-3, 300), 300, []),
    "NaN": (then(falling(50), flat(NAN, 10)), None, [("invalid", STOP)]),
    "negative": (flat(-1e-3, 50), None, [("invalid", STOP)]),
    "parked at zero": (then(cosine(200), flat(0.0, 300)), 1000, [("parked", STOP)]),
    "parked at zero for a tenth": (then(cosine(200), flat(0.0, 110)), 1000, [("parked", STOP)]),
    "parked at zero for less": (then(cosine(200), flat(0.0, 80)), 1000, []),
    "parked at zero near the end": (then(cosine(200), flat(0.0, 300)), 550, []),
    "parked at zero for a tenth, less to come": (then(cosine(450), flat(0.0, 180)), 1000, []),
    "parked low for a tenth": (then(cosine(200), flat(5e-7, 150)), 1000, []),
    "parked low for a quarter": (then(cosine(200), flat(5e-7, 260)), 1000, [("parked", STOP)]),
    "parked low for a quarter, a fifth to come": (then(cosine(550), flat(5e-7, 260)), 1000, []),
    "parked without a plan": (then(cosine(200), flat(0.0, 300)), None, []),
    "zero": (flat(0.0, 150), 1000, [("zero", STOP)]),
    "zero without a plan": (flat(0.0, 150), None, [("zero", WAIT)]),
    "too young": (flat(0.0, 5), 1000, []),
    "jumped": (then(flat(1e-3, 100), flat(1e-1, 10)), None, [("jump", WAIT)]),
    "jumped and back": (then(flat(1e-3, 100), flat(1e-1, 10), flat(1e-3, 10)), None, []),
}


@pytest.mark.parametrize("case", CASES)
def test_learning_rates_stop_only_when_they_can_teach_nothing_more(case: str) -> None:
    """NaN, zero and parked near zero with much of the plan left argue STOP; ordinary schedules say nothing."""
    rates, planned, expected = CASES[case]
    assert said(learning_rate.check, view_of_columns({"lr": rates}, planned_steps=planned)) == expected
