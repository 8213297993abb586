"""Which rounds are posted, held back, or not worth a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from trainwatch_core.decision.posting import hushed_until, news, story, worth_telling
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.round import Round, SourceReport, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Posts, Watch, WatchState
from trainwatch_core.testing.store_samples import sample_watch

NOW = datetime(2026, 6, 1, 21, 0, tzinfo=UTC)
NIGHT = QuietHours(time(20), time(6), UTC)
MORNING = datetime(2026, 6, 2, 6, tzinfo=UTC)
WELL = Finding("trend", "healthy", Decision.CONTINUE, Weight.INFO, "Loss falls.")
SPIKE = Finding("spike", "spike", Decision.WAIT, Weight.SOFT, "Loss jumped.", "loss")
BACK = Finding("spike", "spike", Decision.CONTINUE, Weight.RECOVERED, "Loss is back.", "loss")
DEAD = Finding("nan", "nan", Decision.STOP, Weight.HARD, "Loss is NaN.", "loss")


def watch(
    snoozed: datetime | None = None, state: WatchState = WatchState.ACTIVE, posts: Posts = Posts.CHANGES
) -> Watch:
    """A watch that is told of changes only."""
    sample = sample_watch()
    return replace(sample, snoozed_until=snoozed, state=state, context=replace(sample.context, rounds=posts))


def looked(*findings: Finding, number: int = 1) -> Round:
    """A round with these findings; the first one is the reason."""
    said = Verdict(findings[0].argues_for, findings)
    return Round(
        "w1", number, NOW + timedelta(minutes=number), said, findings, SourceReport(SourceStatus.WANDB_OK), RunInfo()
    )


@pytest.mark.parametrize(
    ("snoozed", "quiet", "until"),
    [
        (None, None, None),
        (NOW, None, None),  # it is over
        (NOW + timedelta(hours=1), None, NOW + timedelta(hours=1)),
        (None, NIGHT, MORNING),
        (NOW + timedelta(hours=1), NIGHT, MORNING),
        (MORNING + timedelta(hours=1), NIGHT, MORNING + timedelta(hours=1)),
    ],
)
def test_a_snooze_and_quiet_hours_hold_rounds_back_until_both_are_over(
    snoozed: datetime | None, quiet: QuietHours | None, until: datetime | None
) -> None:
    """The later end counts."""
    assert hushed_until(watch(snoozed), NOW, quiet) == until


def test_nothing_of_a_watch_that_has_ended_is_held_back() -> None:
    """It has no ordinary rounds any more."""
    assert hushed_until(watch(MORNING, WatchState.ENDED), NOW, NIGHT) is None


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ((WELL,), (WELL,), False),
        ((WELL,), (SPIKE,), True),
        ((SPIKE,), (SPIKE,), False),
        ((SPIKE,), (SPIKE, DEAD), True),  # the same decision, something new
        ((SPIKE,), (BACK,), True),
        ((BACK,), (BACK,), False),
        ((SPIKE,), (WELL,), True),  # the decision changed
    ],
)
def test_who_wants_changes_hears_of_news_recoveries_and_another_decision(
    before: tuple[Finding, ...],
    now: tuple[Finding, ...],
    told: bool,  # noqa: FBT001  # a parameter
) -> None:
    """And of nothing else; who wants all hears all, and everybody hears of the first look."""
    assert worth_telling(watch(), looked(*now), looked(*before)) is told
    assert worth_telling(watch(posts=Posts.ALL), looked(*now), looked(*before)) is True
    assert worth_telling(watch(), looked(*now), None) is True


def test_news_are_sentences_of_what_was_not_there_before() -> None:
    """New anomalies first, then recoveries."""
    assert news(looked(DEAD, BACK), looked(SPIKE)) == ("Loss is NaN.", "Loss is back.")
    assert news(looked(SPIKE), looked(SPIKE)) == ()


def test_the_story_of_a_night_names_each_change_once() -> None:
    """With its moment, and the reason where a decision changed without any news."""
    rounds = [
        looked(*f, number=n) for n, f in enumerate([(WELL,), (SPIKE,), (SPIKE,), (BACK,), (WELL,), (SPIKE, DEAD)])
    ]
    told = story([*rounds, looked(WELL, number=6)])
    assert [(m.at.minute, m.decision, m.text) for m in told] == [
        (1, Decision.WAIT, "Loss jumped."),
        (3, Decision.CONTINUE, "Loss is back."),
        (5, Decision.WAIT, "Loss jumped."),
        (5, Decision.WAIT, "Loss is NaN."),
        (6, Decision.CONTINUE, "Loss falls."),
    ]
