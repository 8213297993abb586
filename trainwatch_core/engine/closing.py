"""How a stop came out, and the last words of a watch."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from trainwatch_core.decision.lifecycle import Event, move
from trainwatch_core.engine.looking import view_of
from trainwatch_core.engine.quieting import held_back
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow, Change, OutboxRow
from trainwatch_core.model.errors import ConflictError
from trainwatch_core.model.message import Body, FinalSummary, ProjectNote, StopOutcome, WriteBack
from trainwatch_core.model.round import Round, View
from trainwatch_core.model.run import RunKind
from trainwatch_core.model.stop import Execution, JobState, RequestState, StopRequest
from trainwatch_core.model.watch import EndReason, Watch
from trainwatch_core.report.summary import STOPPED_TAG, Finish, note, outcome_lines, summarise, tracker_note

_LOG = logging.getLogger(__name__)

_STATES = {
    JobState.GONE: RequestState.STOPPED,
    JobState.ALIVE: RequestState.FAILED,
    JobState.REPLACED: RequestState.STOPPED,
    JobState.UNKNOWN: RequestState.UNKNOWN,
}
_EVENTS = {
    RequestState.STOPPED: Event.STOP_CONFIRMED,
    RequestState.ALREADY_ENDED: Event.RUN_ENDED,
    RequestState.FAILED: Event.STOP_FAILED,
    RequestState.UNKNOWN: Event.OUTCOME_UNKNOWN,
}
LOOK_AGAIN = 60.0
"""Seconds until the next look after a stop that did not prove itself."""


class Closing:
    """Writes outcomes, final summaries and notes.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def outcome(
        self, request: StopRequest, execution: Execution, *, after_restart: bool = False, already_ended: bool = False
    ) -> None:
        """Store how a stop came out: outcome, FINAL_SUMMARY and note in one transaction."""
        world = self._world
        state = RequestState.ALREADY_ENDED if already_ended else _STATES[execution.probe.state]
        now = world.clock.now()

        def plan(watch: Watch) -> Change:
            done = replace(request, state=state, execution=execution)
            over = state in {RequestState.STOPPED, RequestState.ALREADY_ENDED}
            after = replace(
                watch,
                state=move(watch.state, _EVENTS[state]),
                ended_reason=self._reason(state) if over else None,
                next_round_at=None if over else now + timedelta(seconds=LOOK_AGAIN),
                lease_owner="",
                lease_until=None,
            )
            lines = outcome_lines(done, execution, now, after_restart=after_restart)
            said = [*(held_back(world, watch) if over else ())]
            said.append(
                (f"request/{request.id}/outcome", StopOutcome(watch.id, request.id, state, lines, loud=not over))
            )
            if over:
                said += self._last_words(watch, done, now)
            outbox = tuple(OutboxRow(f"{watch.id}/{key}", watch.id, body) for key, body in said)
            audit = AuditRow(now, request.decided_by or SYSTEM, str(state), watch.id, request.id, detail=lines[0])
            was = frozenset({request.state})
            return Change(after, request=done, request_was=was, outbox=outbox, audit=(audit,))

        try:
            change(world.store, request.watch_id, plan)
        except ConflictError:
            if not world.store.request(request.id).state.final:
                raise

    def _last_words(self, watch: Watch, request: StopRequest, now: datetime) -> list[tuple[str, Body]]:
        """FINAL_SUMMARY and, if a notes file is set, the note. No flaw in them may cost the outcome."""
        try:
            rounds = self._world.store.rounds(watch.id, limit=1)
            if rounds:
                last = rounds[-1]
                history, _ = self._world.store.history(watch.id, last.source.key)
                view = view_of(watch, history, last.info, last.source, now.timestamp())
                return self.farewell(watch, last, view, Finish(now, request=request))
        except Exception:  # noqa: BLE001  # see above
            _LOG.exception("the summary of %s could not be written", watch.id)
        lines = (("What happened", request.reason), ("Evidence", request.evidence or "none"))
        return [("summary", FinalSummary(watch.id, watch.run.short, f"{watch.run.short}: stopped, proven gone", lines))]

    def farewell(self, watch: Watch, last: Round, view: View, finish: Finish) -> list[tuple[str, Body]]:
        """FINAL_SUMMARY and, if a notes file is set, the note."""
        terms = self._world.terms
        summary = summarise(watch, last, view, replace(finish, price=terms.cost_per_hour, currency=terms.currency))
        said: list[tuple[str, Body]] = [("summary", summary)]
        if watch.context.notes_path:
            said.append(("note", self._note(watch, summary, finish.at)))
        stopped = finish.request is not None and finish.request.state is RequestState.STOPPED
        if stopped and self._world.write_back is not None and watch.run.kind is RunKind.WANDB:
            text = tracker_note(summary, finish.at)
            said.append(("tracker", WriteBack(watch.id, watch.run, STOPPED_TAG, text)))
        return said

    @staticmethod
    def _note(watch: Watch, summary: FinalSummary, at: datetime) -> ProjectNote:
        return ProjectNote(watch.id, watch.context.notes_path, note(summary, at))

    @staticmethod
    def _reason(state: RequestState) -> EndReason:
        return EndReason.STOP_CONFIRMED if state is RequestState.STOPPED else EndReason.RUN_ENDED
