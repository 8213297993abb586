"""The forecast argues for WAIT at most, and only where a person's value will be missed by far."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.checks.forecast import check
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.roles import Goal
from trainwatch_core.testing.histories import Column, view_of_columns

EVALS = np.arange(10.0, 400.0, 15.0)
VAL_LOSS = {step: 2 + 4 * (step / 30 + 1) ** -0.6 for step in EVALS}  # 2.86 now, 2.49 at step 1,000
VAL_ACC = {step: 0.8 - 0.6 * (step / 30 + 1) ** -0.6 for step in EVALS}  # 0.67 now, 0.73 at step 1,000


def findings(columns: Mapping[str, Column], **fields: object) -> tuple[Finding, ...]:
    """What the check says of a run of 1,000 planned steps."""
    return check(view_of_columns(columns, **{"planned_steps": 1000.0, **fields}))


def test_a_forecast_is_said_with_its_interval() -> None:
    """One finding, which argues for nothing and carries its figures."""
    (found,) = findings({"val_loss": VAL_LOSS}, baseline={"val_loss": 2.5})
    assert (found.code, found.argues_for, found.weight) == ("end", Decision.CONTINUE, Weight.INFO)
    assert found.text.startswith("val_loss will end near 2.5")
    assert found.text.endswith("at step 1,000; baseline 2.5: within reach.")
    assert found.numbers["low"] < found.numbers["forecast"] < found.numbers["high"]
    assert found.numbers["end"] == 1000.0


@pytest.mark.parametrize(
    ("metric", "held", "expected"),
    [
        ("val_loss", {"baseline": {"val_loss": 1.9}}, ("missed", Decision.WAIT)),
        ("val_loss", {"target": {"val_loss": 1.9}}, ("missed", Decision.WAIT)),
        ("val_loss", {"baseline": {"val_loss": 2.35}}, ("end", Decision.CONTINUE)),
        ("val_loss", {"baseline": {"val_loss": 2.6}}, ("end", Decision.CONTINUE)),
        ("val_acc", {"baseline": {"val_acc": 0.9}}, ("missed", Decision.WAIT)),
        ("val_acc", {"baseline": {"val_acc": 0.74}}, ("end", Decision.CONTINUE)),
        ("val_acc", {"baseline": {"val_acc": 0.6}}, ("end", Decision.CONTINUE)),
        ("val_loss", {"baseline": {"val_loss": 1.9}, "planned_steps": 1600.0}, ("end", Decision.CONTINUE)),
    ],
    ids=["far", "target far", "just missed", "met", "score far", "score in reach", "score met", "too early"],
)
def test_it_waits_only_for_a_value_that_is_missed_by_far(
    metric: str, held: dict[str, object], expected: tuple[str, Decision]
) -> None:
    """The whole interval on the wrong side is not enough; it has to be far from it, and the plan well under way."""
    (found,) = findings({metric: {"val_loss": VAL_LOSS, "val_acc": VAL_ACC}[metric]}, **held)
    assert (found.code, found.argues_for) == expected


def test_a_miss_says_what_would_change_it() -> None:
    """Half-way from where it is to what was wanted."""
    (found,) = findings({"val_loss": VAL_LOSS}, baseline={"val_loss": 1.9})
    assert "baseline 1.9: out of reach" in found.text
    assert found.until.startswith("This would go away if val_loss came half-way from 2.8")
    assert found.until.endswith(" to 1.9.")


def test_why_there_is_none_is_said_to_who_asked() -> None:
    """A person who named a metric hears why nothing is foretold of it; others are not bothered."""
    early = {step: value for step, value in VAL_LOSS.items() if step < 150}
    (found,) = findings({"val_loss": early}, baseline={"val_loss": 2.5})
    assert (found.code, found.argues_for) == ("unknown", Decision.CONTINUE)
    assert found.text == "Where val_loss will end cannot be told: 14 % of the plan is seen, it takes 20 %."
    assert findings({"val_loss": early}) == ()
    assert findings({"val_loss": VAL_LOSS}, planned_steps=None) == ()


@given(
    st.lists(st.floats(-3, 3), min_size=8, max_size=60),
    st.floats(-10, 10),
    st.floats(-1e6, 1e6),
    st.floats(1.05, 6),
    st.sampled_from(list(Goal)),
)
@settings(deadline=None, max_examples=300)
def test_it_never_argues_for_stop(ripple: list[float], fall: float, wanted: float, plan: float, goal: Goal) -> None:
    """Whatever the curve and whatever is wanted: CONTINUE or WAIT, at most one finding."""
    curve = fall / (1 + np.arange(len(ripple)) / 5) + 0.1 * np.array(ripple)
    fields = {"goals": {"score": goal}, "key_metrics": ("score",), "baseline": {"score": wanted}}
    found = check(view_of_columns({"score": curve}, planned_steps=plan * len(ripple), **fields))
    assert len(found) <= 1
    assert all(finding.argues_for <= Decision.WAIT for finding in found)
