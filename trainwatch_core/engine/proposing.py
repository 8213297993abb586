"""A stop is proposed: job and command frozen, evidence kept first, then asked for or announced."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from trainwatch_core.decision.authority import who_may_approve
from trainwatch_core.decision.automatic import obstacle, overdrawn
from trainwatch_core.decision.identity import require_known
from trainwatch_core.decision.rounds import onset
from trainwatch_core.decision.stops import fingerprint
from trainwatch_core.engine.looking import Look
from trainwatch_core.engine.voting import needed
from trainwatch_core.engine.world import World
from trainwatch_core.model.errors import PaintError, StopRefusedError, StorageError, TrainwatchError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import Report, StopQuestion
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest
from trainwatch_core.model.watch import Mode, Watch
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.report.compose import run_name, safe
from trainwatch_core.report.dossier import dossier
from trainwatch_core.report.missing import launch_line


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stop request, or why there is none.

    Attributes:
        request: None if a stop cannot be asked for.
        question: What is asked; None with it.
        obstacle: Why there is none; empty if there is one.
    """

    request: StopRequest | None = None
    question: StopQuestion | None = None
    obstacle: str = ""


def propose(world: World, watch: Watch, round_: Round, seen: Look, report: Report) -> Proposal:
    """Freeze a stop of the watch's job: identity, exact command, evidence."""
    name = run_name(round_.info.name, watch)
    try:
        plan = plan_now(world, watch)
    except TrainwatchError as error:
        if not (watch.context.launch or watch.context.stop_command):
            why = launch_line(watch, world.guess(watch, round_.info))
            return Proposal(obstacle=f"I would stop {name}, but cannot. {why}")
        return Proposal(obstacle=f"I would stop {name}, but cannot: {safe(str(error))}")
    request = draft(world, watch, plan, safe(round_.verdict.reasons[0].text), round_)
    request = replace(request, onset_step=onset(round_.findings))
    try:
        request = replace(request, evidence=keep(world, watch, round_, seen, report, request))
    except StorageError as error:
        return Proposal(obstacle=f"I would stop {name}, but do not without evidence: {safe(str(error))}")
    alone, fallback = _alone(world, watch, round_, request)
    if alone:
        request = replace(request, execute_after=round_.at + timedelta(seconds=world.terms.auto_grace))
    return Proposal(request, _question(world, watch, round_, request, fallback))


def draft(world: World, watch: Watch, plan: StopPlan, reason: str, round_: Round | None = None) -> StopRequest:
    """A request that waits, of a round or, without one, by the hand of a person."""
    request_id, number = secrets.token_hex(16), round_.number if round_ is not None else 0
    return StopRequest(
        id=request_id,
        watch_id=watch.id,
        round_number=number,
        state=RequestState.PENDING,
        plan=plan,
        fingerprint=fingerprint(request_id, watch.id, number, plan, approvals=needed(world, watch)),
        reason=reason,
        created_at=round_.at if round_ is not None else world.clock.now(),
    )


def plan_now(world: World, watch: Watch) -> StopPlan:
    """What a stop of the watch's job would do now.

    Raises:
        StopRefusedError: If no way to stop it is known, or the job is another one than at registration.
        JobNotFoundError: If the job is gone.
    """
    stopper = world.stopper(watch)
    if stopper is None:
        raise StopRefusedError(
            "Nobody told how to stop it",
            where=f"watch {watch.id}",
            todo=f"Say how it was launched: trainwatch edit {watch.id} --launch KIND:[HOST/]TARGET",
        )
    identity = stopper.identify()
    require_known(watch.identity, identity)
    return stopper.plan(identity)


def _alone(world: World, watch: Watch, round_: Round, request: StopRequest) -> tuple[bool, str]:
    if watch.context.mode is not Mode.AUTO:
        return False, ""
    budget = world.terms.budget
    why = obstacle(round_.verdict, request.plan, budget)
    why = why or overdrawn(request, world.store.requests(), round_.at, budget)
    return why is None, why or ""


def _question(world: World, watch: Watch, round_: Round, request: StopRequest, fallback: str) -> StopQuestion:
    saw = [safe(f.text) for f in round_.verdict.reasons if f.argues_for is Decision.STOP][:3]
    before = world.store.requests(watch_id=watch.id)[-1:]
    put_off = [each for each in before if each.ask_again_at is not None]
    if fallback:
        saw.append(f"Automatic mode is on, but I ask: {fallback}.")
    return StopQuestion(
        watch_id=watch.id,
        request_id=request.id,
        run=run_name(round_.info.name, watch),
        saw=tuple(saw),
        would_change=safe(round_.verdict.would_change),
        plan=request.plan,
        fingerprint=request.fingerprint[:8],
        execute_after=request.execute_after,
        ttl=world.terms.approval_ttl,
        evidence=request.evidence,
        approvals=needed(world, watch),
        approvers=who_may_approve(watch, world.rules),
        put_off_by=put_off[0].decided_by if put_off else None,
        put_off_at=put_off[0].decided_at if put_off else None,
    )


def keep(world: World, watch: Watch, round_: Round, seen: Look, report: Report, request: StopRequest) -> str:
    """Keep what speaks for a stop; returns where.

    Raises:
        StorageError: If it cannot be kept.
    """
    files = {name: text.encode() for name, text in dossier(watch, round_, seen.view, seen.tail, report).items()}
    files["request.json"] = json.dumps(
        {"request": request.id, "fingerprint": request.fingerprint, "reason": request.reason}, indent=2
    ).encode()
    spec = compose_chart(seen.view, round_.verdict, last_check_step=None, run_name=run_name(round_.info.name, watch))
    if spec is not None:
        try:
            files["loss.png"] = world.painter.paint(spec)
        except PaintError as error:
            files["loss.png.txt"] = f"The picture could not be drawn: {error}\n".encode()
    return world.locker.keep(f"{watch.run.short}-round-{round_.number}-{request.id[:8]}", files)
