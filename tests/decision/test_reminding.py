"""Which reminders are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trainwatch_core.decision.reminding import Reminding, due

ASKED = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
TERMS = Reminding(every=1200.0, most=2, escalate_after=1800.0, escalate_to=("U0DANA",))


@pytest.mark.parametrize(
    ("minutes", "names"),
    [
        (-5, []),
        (0, []),
        (19.9, []),
        (20, ["reminder/1"]),
        (29.9, ["reminder/1"]),
        (30, ["reminder/1", "escalation"]),
        (41, ["reminder/2", "escalation"]),
        (600, ["reminder/2", "escalation"]),
    ],
)
def test_few_reminders_come_one_after_the_other(minutes: float, names: list[str]) -> None:
    """At most two, the newest one only, and one escalation; a clock that was set back reminds of nothing."""
    assert [one.name for one in due(ASKED, ASKED + timedelta(minutes=minutes), TERMS)] == names


def test_only_the_escalation_calls_others() -> None:
    """Dana is called when nobody answers, not before."""
    calls = {one.name: one.calls for one in due(ASKED, ASKED + timedelta(minutes=45), TERMS)}
    assert calls == {"reminder/2": (), "escalation": ("U0DANA",)}


def test_nobody_is_called_whom_the_operator_did_not_name() -> None:
    """An empty list means nobody, and no reminders means none."""
    assert not due(ASKED, ASKED + timedelta(days=1), Reminding(most=0))
