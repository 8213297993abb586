"""Which rounds are posted at once, which are held back, and which nobody asked to hear of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Moment
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.round import Round
from trainwatch_core.model.watch import Posts, Watch, WatchState


def hushed_until(watch: Watch, now: datetime, quiet: QuietHours | None) -> datetime | None:
    """Until when ordinary rounds of a watch are held back, by a snooze or by quiet hours; None if they are not.

    A watch that has ended has no ordinary rounds any more: what was held back of it is told.
    """
    if watch.state is WatchState.ENDED:
        return None
    snoozed = watch.snoozed_until if watch.snoozed_until is not None and watch.snoozed_until > now else None
    ends = [moment for moment in (snoozed, quiet.ends_at(now) if quiet is not None else None) if moment is not None]
    return max(ends, default=None)


def worth_telling(watch: Watch, round_: Round, previous: Round | None) -> bool:
    """Whether a person who wants to hear of changes only hears of an ordinary round."""
    if watch.context.rounds is Posts.ALL or previous is None:
        return True
    return round_.verdict.decision is not previous.verdict.decision or bool(news(round_, previous))


def news(round_: Round, previous: Round | None) -> tuple[str, ...]:
    """What a round saw that the one before did not: new anomalies, and recoveries, one sentence each."""
    known = {finding.key for finding in previous.findings} if previous is not None else set()
    bad = [f.text for f in round_.findings if f.argues_for is not Decision.CONTINUE and f.key not in known]
    was_well = {finding.key for finding in _recovered(previous)} if previous is not None else set()
    return (*bad, *(f.text for f in _recovered(round_) if f.key not in was_well))


def story(rounds: Sequence[Round]) -> tuple[Moment, ...]:
    """What happened in a row of rounds, beginning with the second: news, and decisions that changed without any."""
    moments = []
    for previous, round_ in pairwise(rounds):
        said = news(round_, previous)
        if not said and round_.verdict.decision is not previous.verdict.decision:
            said = (round_.verdict.reasons[0].text,)
        moments += [Moment(round_.at, round_.verdict.decision, text) for text in said]
    return tuple(moments)


def _recovered(round_: Round) -> list[Finding]:
    return [finding for finding in round_.verdict.reasons if finding.weight is Weight.RECOVERED]
