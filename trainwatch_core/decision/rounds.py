"""What a round wants written: the watch's next state, the round, a stop request, the messages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trainwatch_core.decision.ending import Ending
from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.decision.posting import worth_telling
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Segment
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Body, Notice, Picture, Report, StopOutcome, StopQuestion
from trainwatch_core.model.round import Round, SourceStatus
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import EndReason, Watch, WatchState


@dataclass(frozen=True, slots=True)
class Telling:
    """The messages that a round may have to send, composed beforehand.

    Attributes:
        report: Always sent.
        picture: Sent after it; None if there is nothing to draw.
        question: Sent if a stop is asked for.
        obstacle: Why a stop cannot even be asked for; empty if it can, or if there is no need.
        stopping_since: The first round of the unbroken row of STOP verdicts; an obstacle is alarmed about once in it.
        farewell: FINAL_SUMMARY and note, by their keys, if the run has ended.
        story: What was held back until now, by its key: told before the last words.
    """

    report: Report
    picture: Picture | None = None
    question: StopQuestion | None = None
    obstacle: str = ""
    stopping_since: int = 0
    farewell: tuple[tuple[str, Body], ...] = ()
    story: tuple[tuple[str, Body], ...] = ()


def with_ending(verdict: Verdict, end: Ending | None) -> Verdict:
    """The verdict of the last round: a run that is over is not stopped any more."""
    if end is None:
        return verdict
    return Verdict(end.finding.argues_for, (end.finding, *verdict.reasons))


def muted(verdict: Verdict, watch: Watch, now: datetime) -> Verdict:
    """The verdict with its STOP held back while the watch is muted after a decline."""
    until = watch.muted_until
    if verdict.decision is not Decision.STOP or until is None or until <= now:
        return verdict
    minutes = max(1, round((until - now).total_seconds() / 60))
    held = f"Somebody chose to keep it running: no stop is asked for the next {minutes} min."
    return replace(verdict, decision=Decision.WAIT, held_back=(*verdict.held_back, held))


def wants_stop(watch: Watch, verdict: Verdict) -> bool:
    """Whether this verdict asks for a stop that nobody has asked for yet."""
    return verdict.decision is Decision.STOP and watch.state is WatchState.ACTIVE


def recovered(pending: StopRequest | None, round_: Round) -> bool:
    """Whether a pending request has lost its ground: something was seen, and nothing of it argues for STOP.

    What a person asked for by hand rests on that person's word, not on what is seen.
    """
    if pending is None or pending.state is not RequestState.PENDING or pending.by_hand:
        return False
    seen = round_.source.status is not SourceStatus.UNREACHABLE
    blind = any(finding.weight is Weight.BLIND for finding in round_.findings)
    return seen and not blind and all(f.argues_for is not Decision.STOP for f in round_.findings)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What follows from a round.

    Attributes:
        telling: What to say.
        next_in: Seconds until the next look.
        segment: New history of the source that answered; None if none did.
        beside: New history of the runs that it is held against.
        request: A new stop request; None if none is asked for.
        pending: The request that waits for an answer; None if none does.
        end: How the run ended; None if it goes on.
        previous: The round before; None if this is the first one.
        hushed: Whether ordinary rounds are held back now.
    """

    telling: Telling
    next_in: float
    segment: Segment | None = None
    beside: tuple[Segment, ...] = ()
    request: StopRequest | None = None
    pending: StopRequest | None = None
    end: Ending | None = None
    previous: Round | None = None
    hushed: bool = False


def plan_round(watch: Watch, round_: Round, outlook: Outlook) -> Change:
    """The Change of one round.

    Args:
        watch: As claimed.
        round_: As judged.
        outlook: What follows from it.
    """
    end = outlook.end
    change = _asking(watch, round_, outlook) or _withdrawing(watch, round_, outlook) or Change(watch)
    state = change.watch.state if end is None else move(change.watch.state, Event.RUN_ENDED)
    after = replace(
        watch,
        state=state,
        round_count=round_.number,
        next_round_at=None if end is not None else round_.at + timedelta(seconds=outlook.next_in),
        lease_until=None,
        lease_owner="",
        asked_at=None,
        ended_reason=EndReason.RUN_ENDED if end is not None else watch.ended_reason,
    )
    outbox = _outbox(watch, round_, outlook, change.outbox)
    return replace(change, watch=after, round=round_, segment=outlook.segment, beside=outlook.beside, outbox=outbox)


def _asking(watch: Watch, round_: Round, outlook: Outlook) -> Change | None:
    """The part of a Change that asks for a stop; None if none is asked for."""
    request = outlook.request
    if request is None:
        return None
    after = replace(watch, state=move(watch.state, Event.STOP_REQUESTED))
    return Change(after, request=request, audit=(_audit(round_, "propose", request, request.reason),))


def _withdrawing(watch: Watch, round_: Round, outlook: Outlook) -> Change | None:
    """The part of a Change that withdraws a request which lost its ground; None if none did."""
    pending, ended = outlook.pending, outlook.end is not None
    if pending is None or not (ended or recovered(pending, round_)):
        return None
    state = RequestState.ALREADY_ENDED if ended else RequestState.SUPERSEDED
    words = "The run ended by itself" if ended else "The run recovered"
    lines = (f"{words}: the stop request {pending.id[:8]} is withdrawn. Nothing was stopped.",)
    said = OutboxRow(
        f"{watch.id}/request/{pending.id}/outcome", watch.id, StopOutcome(watch.id, pending.id, state, lines)
    )
    return Change(
        watch if ended else replace(watch, state=move(watch.state, Event.SUPERSEDED)),
        request=replace(pending, state=state, decided_by=SYSTEM, decided_at=round_.at),
        request_was=frozenset({"pending"}),
        outbox=(said,),
        audit=(_audit(round_, str(state), pending, words),),
    )


def _outbox(watch: Watch, round_: Round, outlook: Outlook, outcomes: tuple[OutboxRow, ...]) -> tuple[OutboxRow, ...]:
    """Text first, picture second, then what a person must act on, the last words last."""
    telling, request = outlook.telling, outlook.request
    rows = [OutboxRow(f"{watch.id}/{key}", watch.id, body) for key, body in telling.story]
    ordinary = _ordinary(watch, round_, outlook, outcomes)
    if not ordinary or worth_telling(watch, round_, outlook.previous):
        report = [
            (f"round/{round_.number}/report", telling.report),
            (f"round/{round_.number}/picture", telling.picture),
        ]
        held = ordinary and outlook.hushed
        rows += [OutboxRow(f"{watch.id}/{key}", watch.id, body, held=held) for key, body in report if body is not None]
    said: list[tuple[str, Body]] = []
    if request is not None and telling.question is not None:
        said.append((f"request/{request.id}/question", telling.question))
    elif telling.obstacle:
        # One alarm for a row of STOP verdicts: the reports repeat it, the alarm need not.
        said.append((f"obstacle/{telling.stopping_since}", Notice(watch.id, telling.obstacle, loud=True)))
    rows += [OutboxRow(f"{watch.id}/{key}", watch.id, body) for key, body in said]
    rows += [*outcomes, *(OutboxRow(f"{watch.id}/{key}", watch.id, body) for key, body in telling.farewell)]
    return tuple(rows)


def _ordinary(watch: Watch, round_: Round, outlook: Outlook, outcomes: tuple[OutboxRow, ...]) -> bool:
    """Whether nobody waits for this round: it is neither first nor last, not asked for, and asks for nothing."""
    alarms = bool(outlook.telling.obstacle) and outlook.telling.stopping_since == round_.number
    wanted = watch.asked_at is not None or outlook.previous is None or outlook.end is not None
    return not (outlook.request is not None or alarms or wanted or outcomes)


def _audit(round_: Round, verb: str, request: StopRequest, detail: str) -> AuditRow:
    return AuditRow(round_.at, SYSTEM, verb, round_.watch_id, request.id, detail=detail)


def onset(findings: tuple[Finding, ...]) -> float | None:
    """The step at which the strongest trouble began; None if nothing has a place on the axis."""
    bad = [f for f in findings if f.argues_for is not Decision.CONTINUE and f.first_step is not None]
    if not bad:
        return None
    worst = max(f.argues_for for f in bad)
    return min(f.first_step for f in bad if f.argues_for is worst and f.first_step is not None)
