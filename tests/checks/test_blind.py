"""What cannot be seen is said, and is never bad by itself."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import blind
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.round import SourceReport, SourceStatus
from trainwatch_core.testing.columns import WAIT, Columns
from trainwatch_core.testing.histories import NOON, view_of_columns


def test_unreachable_is_blind_and_not_bad() -> None:
    """F-W01: an outage argues WAIT, says for how long and why, and cannot argue for more."""
    source = SourceReport(SourceStatus.UNREACHABLE, failures=("The server said 503.",), since=NOON - 3720)
    (finding,) = blind.check(view_of_columns({}, source=source))
    assert (finding.argues_for, finding.weight) == (WAIT, Weight.BLIND)
    assert finding.text == "Nothing could be read for 62 min: The server said 503."


@pytest.mark.parametrize(
    ("columns", "code"),
    [({}, "empty"), ({"loss": [2.0]}, "early"), ({"foo": [1.0] * 9}, "unjudged"), ({"loss": [3.0, 2.0, 1.0]}, None)],
)
def test_too_little_to_see_is_said(columns: Columns, code: str | None) -> None:
    """No metric, too few samples and no known metric are findings of their own."""
    assert [finding.code for finding in blind.check(view_of_columns(columns))] == ([code] if code else [])
