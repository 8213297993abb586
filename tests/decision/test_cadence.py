"""When trainwatch looks again."""

from __future__ import annotations

import pytest

from trainwatch_core.decision.cadence import next_interval
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import Round, SourceReport, SourceStatus
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Policy
from trainwatch_core.testing.histories import round_of, view_of_columns

CONTINUE, WAIT, STOP = Decision.CONTINUE, Decision.WAIT, Decision.STOP
POLICY = Policy()

HEALTHY = Verdict(CONTINUE, (Finding("progress", "moving", CONTINUE, Weight.INFO, "Falling."),))
SUSPICIOUS = Verdict(WAIT, (Finding("spike", "up", WAIT, Weight.SOFT, "It jumped."),))
STOPPING = Verdict(STOP, (Finding("nan", "persistent", STOP, Weight.HARD, "NaN."),))
SILENT = Verdict(WAIT, (Finding("stale", "silent", WAIT, Weight.BLIND, "No new values."),))
AWAY = Verdict(WAIT, (Finding("blind", "unreachable", WAIT, Weight.BLIND, "Nothing could be read."),))


def rounds(*statuses: SourceStatus) -> list[Round]:
    """Past rounds with these answers."""
    view = view_of_columns({"loss": [1.0, 2.0]}, source=SourceReport(SourceStatus.WANDB_OK))
    away = view_of_columns({}, source=SourceReport(SourceStatus.UNREACHABLE))
    looks = [away if status is SourceStatus.UNREACHABLE else view for status in statuses]
    return [round_of(number, look, [], AWAY) for number, look in enumerate(looks, 1)]


@pytest.mark.parametrize(
    ("verdict", "interval", "seconds"),
    [
        (HEALTHY, 1800, 1800),
        (SUSPICIOUS, 1800, 600),
        (SUSPICIOUS, 3, 3),
        (STOPPING, 1800, 1800),
        (SILENT, 1800, 1800),
        (AWAY, 1800, 1800),
        (HEALTHY, 0.01, 1.0),
    ],
)
def test_it_looks_sooner_only_while_suspicious(verdict: Verdict, interval: float, seconds: float) -> None:
    """Sooner for an anomaly that is not worth a stop; not for blindness, not for a stop, never below the floor."""
    assert next_interval(verdict, [], interval, POLICY) == seconds


@pytest.mark.parametrize(("before", "factor"), [(0, 1), (1, 2), (2, 4), (3, 4), (50, 4)])
def test_a_source_that_is_away_is_asked_less_and_less(before: int, factor: int) -> None:
    """F-W02: each outage in a row doubles the wait, up to four times the set interval."""
    past = rounds(*[SourceStatus.UNREACHABLE] * before)
    assert next_interval(AWAY, past, 1800, POLICY) == 1800 * factor


def test_an_answer_in_between_ends_the_back_off() -> None:
    """Only outages in a row count."""
    past = rounds(SourceStatus.UNREACHABLE, SourceStatus.UNREACHABLE, SourceStatus.WANDB_OK)
    assert next_interval(AWAY, past, 1800, POLICY) == 1800
