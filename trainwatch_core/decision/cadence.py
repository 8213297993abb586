"""When to look again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.round import Round, SourceStatus
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Policy, Watch

MAX_BACK_OFF = 4
"""Times the set interval: a source that is down all night is still asked every two hours (of 30 minutes)."""
UNREACHABLE = ("blind", "unreachable")
"""Check and code of the finding that nothing answered."""


def next_interval(verdict: Verdict, past: Sequence[Round], interval: float, policy: Policy) -> float:
    """Seconds until the next look.

    The set interval; sooner only while something looks wrong but is not worth a stop; later, doubling each time, while
    no source answers.

    Args:
        verdict: Of this round.
        past: The rounds before it, oldest first.
        interval: Seconds, as the person set it.
        policy: The gates.
    """
    seconds = interval
    if any((reason.check, reason.code) == UNREACHABLE for reason in verdict.reasons):
        seconds = interval * min(MAX_BACK_OFF, 2 ** _unreachable_before(past))
    elif _suspicious(verdict):
        seconds = min(interval, policy.suspicious_interval)
    return max(seconds, policy.min_interval)


def until_unmuted(watch: Watch, now: datetime) -> float:
    """Seconds until a question may be asked again that somebody has put off or declined; infinite if none was.

    Then there is a look, so that what was promised for that moment does not come an interval later.
    """
    left = (watch.muted_until - now).total_seconds() if watch.muted_until is not None else 0.0
    return max(left, watch.policy.min_interval) if left > 0 else math.inf


def _suspicious(verdict: Verdict) -> bool:
    return verdict.decision is Decision.WAIT and any(
        reason.argues_for is not Decision.CONTINUE and reason.weight is not Weight.BLIND for reason in verdict.reasons
    )


def _unreachable_before(past: Sequence[Round]) -> int:
    count = 0
    for round_ in reversed(past[-MAX_BACK_OFF:]):
        if round_.source.status is not SourceStatus.UNREACHABLE:
            break
        count += 1
    return count
