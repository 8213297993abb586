"""Automatic mode: when trainwatch may act alone, and when it falls back to asking (FAULTS.md P5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainwatch_core.decision.authority import Verb
from trainwatch_core.model.actor import SYSTEM, Actor
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Mode

MASS_WINDOW = timedelta(minutes=10)
"""Stops proposed within this time count as one wave: likely our fault or the data's."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much automatic mode may do.

    Attributes:
        hard_only: Whether only hard failures count.
        per_hour: Automatic stops an hour.
        per_day: Automatic stops a day.
        mass_stop: So many proposals within MASS_WINDOW break the automatic.
    """

    hard_only: bool
    per_hour: int
    per_day: int
    mass_stop: int


def obstacle(verdict: Verdict, plan: StopPlan, budget: Budget) -> str | None:
    """Why a person must be asked about this verdict and plan; None if trainwatch may act alone, budget allowing.

    Args:
        verdict: The STOP verdict.
        plan: What would be done.
        budget: How much it may do.
    """
    hard = any(f.weight is Weight.HARD and f.argues_for is Decision.STOP for f in verdict.reasons)
    if not plan.verify or plan.identity is None:
        return "nothing could prove that the job is gone"
    if budget.hard_only and not hard:
        return "automatic mode is set to act on hard failures only"
    return None


def overdrawn(request: StopRequest, others: Sequence[StopRequest], now: datetime, budget: Budget) -> str | None:
    """Why a person must be asked although the verdict would do: budget, a wave of stops, doubt about the job.

    Asked when a stop is announced and again right before it: others may have joined the wave meanwhile.

    Args:
        request: The stop in question.
        others: All stop requests of the store; this one may be among them.
        now: Aware, UTC.
        budget: How much may be done.
    """
    rest = [other for other in others if other.id != request.id]
    acted = [r.decided_at for r in rest if r.decided_by == SYSTEM and _ran(r) and r.decided_at is not None]
    wave = {r.watch_id for r in rest if abs(request.created_at - r.created_at) <= MASS_WINDOW} | {request.watch_id}
    reason = None
    if sum(now - moment <= timedelta(hours=1) for moment in acted) >= budget.per_hour:
        reason = f"the budget of {budget.per_hour} automatic stops an hour is used up"
    elif sum(now - moment <= timedelta(days=1) for moment in acted) >= budget.per_day:
        reason = f"the budget of {budget.per_day} automatic stops a day is used up"
    elif len(wave) >= budget.mass_stop:
        reason = f"{len(wave)} watches want to stop within ten minutes, which points at us or at the data"
    elif any(r.state is RequestState.UNKNOWN for r in rest if r.plan.identity == request.plan.identity):
        reason = "an earlier stop of this job came out unknown"
    return reason


AGREES = "agrees to automatic mode"
"""Detail of the audit row of somebody who wants a watch to be automatic, while others must agree."""


def agreed(rows: Sequence[AuditRow], now: datetime, within: float) -> frozenset[Actor]:
    """Who agreed to automatic mode lately, and was not taken back since by a word for asking.

    Args:
        rows: The audit of the watch, oldest first.
        now: Aware, UTC.
        within: Seconds for which a word counts.
    """
    found: set[Actor] = set()
    for row in rows:
        if row.allowed and row.verb == Verb.GO_AUTOMATIC and row.detail.startswith(AGREES):
            if now - row.at <= timedelta(seconds=within):
                found.add(row.actor)
        elif row.allowed and row.detail == mode_told(Mode.ASK):
            found.clear()
    return frozenset(found)


def mode_told(mode: Mode) -> str:
    """Detail of the audit row of who tells a watch its mode."""
    return f"mode {mode}"


def _ran(request: StopRequest) -> bool:
    return request.state in {
        RequestState.APPROVED,
        RequestState.EXECUTING,
        RequestState.STOPPED,
        RequestState.FAILED,
        RequestState.UNKNOWN,
    }
