"""A stop that a person asks for in chat: the same question, the same approval, the same proof as any other."""

from __future__ import annotations

from dataclasses import replace

from trainwatch_core.decision.authority import Verb, who_may_approve
from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.engine.by_hand import with_evidence
from trainwatch_core.engine.proposing import draft, plan_now
from trainwatch_core.engine.voting import needed
from trainwatch_core.engine.watches import Watches
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import run_name, safe


class Asking:
    """Asks for stops that no verdict asks for.

    Args:
        world: What the engine works with.
        watches: Who may do what with a watch.
    """

    def __init__(self, world: World, watches: Watches) -> None:
        self._world = world
        self._watches = watches

    def ask(self, watch_id: str, actor: Actor) -> StopRequest:
        """Ask whether to stop a run because a person wants it. Nothing is approved by that: it is a question.

        Raises:
            NotAllowedError: If the actor may not stop it; audited.
            StopRefusedError: If no way to stop the job is known, or it is another job.
            JobNotFoundError: If the job is gone.
            ConflictError: If a question waits already, a stop is under way, or the watch has ended.
        """
        world = self._world
        watch = world.store.watch(watch_id)
        self._watches.require(actor, Verb.STOP, watch)
        move(watch.state, Event.STOP_REQUESTED)  # says at once why not, before the job is looked for
        plan = plan_now(world, watch)
        drafted = draft(world, watch, plan, f"{actor.name} asked for it.")
        request = with_evidence(world, watch, drafted)
        question = self._question(watch, request, actor)

        def proposed(row: Watch) -> Change:
            after = replace(row, state=move(row.state, Event.STOP_REQUESTED))
            asked = OutboxRow(f"{watch_id}/request/{request.id}/question", watch_id, question)
            audit = AuditRow(
                request.created_at, actor, str(Verb.STOP), watch_id, request.id, detail=request.fingerprint
            )
            return Change(after, request=request, outbox=(asked,), audit=(audit,))

        self._watches.changed(watch_id, proposed)
        return request

    def _question(self, watch: Watch, request: StopRequest, actor: Actor) -> StopQuestion:
        world = self._world
        rounds = world.store.rounds(watch.id, limit=1)
        saw = [f"{actor.name} asks to stop it."]
        if rounds:
            saw.append(safe(f"My last check says {rounds[-1].verdict.decision}: {rounds[-1].verdict.reasons[0].text}"))
        return StopQuestion(
            watch_id=watch.id,
            request_id=request.id,
            run=run_name(rounds[-1].info.name if rounds else "", watch),
            saw=tuple(saw),
            would_change="",
            plan=request.plan,
            fingerprint=request.fingerprint[:8],
            execute_after=None,
            ttl=world.terms.approval_ttl,
            evidence=request.evidence,
            approvals=needed(world, watch),
            approvers=who_may_approve(watch, world.rules),
        )
