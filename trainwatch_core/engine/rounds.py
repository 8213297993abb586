"""A round, from the claim to the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from trainwatch_core.decision.cadence import next_interval, until_unmuted
from trainwatch_core.decision.ending import alarm
from trainwatch_core.decision.rounds import Outlook, Telling, plan_round, wants_stop
from trainwatch_core.engine.closing import Closing
from trainwatch_core.engine.looking import Look, judge, look
from trainwatch_core.engine.outdating import withdraw_outdated
from trainwatch_core.engine.proposing import Proposal, propose
from trainwatch_core.engine.quieting import held_back, hush
from trainwatch_core.engine.retry import change
from trainwatch_core.engine.world import World
from trainwatch_core.model.change import Change, OutboxRow
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import Body, Notice, Picture
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import JobState, RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.report.compose import Setting, compose, run_name
from trainwatch_core.report.missing import missing_lines
from trainwatch_core.report.summary import Finish
from trainwatch_core.report.understood import role_line

PAST = 60
"""Rounds that gates look back on. Patience is counted in a handful of them."""
SETTLE = 15.0
"""Seconds until the next look when the job is gone but rows came just now: it ends if nothing moves any more."""
_LOOKS = frozenset({WatchState.ACTIVE, WatchState.STOP_PENDING})


class Rounds:
    """Carries rounds out.

    Args:
        world: What the engine works with.
        closing: How a watch is closed when its run has ended.
    """

    def __init__(self, world: World, closing: Closing) -> None:
        self._world = world
        self._closing = closing

    def run(self, watch_id: str) -> Round | None:
        """Look once at a watch that this process has claimed; None if it has not (any more)."""
        world = self._world
        watch = world.store.watch(watch_id)
        if watch.lease_owner != world.owner or watch.state not in _LOOKS:
            return None
        past = world.store.rounds(watch_id, limit=PAST)
        seen = look(world, watch, past)
        world.reach("round.looked")
        if seen.end is None:
            withdraw_outdated(world, watch)
        made: list[Round] = []

        def plan(now: Watch) -> Change | None:
            if now.lease_owner != world.owner or now.state not in _LOOKS or now.round_count != watch.round_count:
                return None
            pending = self._pending(now)
            made.append(judge(now, past, seen))
            planned = self._plan(now, made[-1], seen, past[-1] if past else None, pending)
            # Somebody asked for a look while this one was under way: what they mean to see may have come since.
            asked = now.next_round_at != watch.next_round_at and planned.watch.next_round_at is not None
            if not asked:
                return planned
            return replace(planned, watch=replace(planned.watch, next_round_at=seen.at, asked_at=now.asked_at))

        committed = change(world.store, watch_id, plan)
        world.reach("round.committed")
        return made[-1] if committed is not None and made else None

    def postpone(self, watch_id: str, why: str) -> None:
        """Give a claim back after a round that broke: this watch waits, the others go on."""
        world = self._world

        def plan(watch: Watch) -> Change | None:
            if watch.lease_owner != world.owner or watch.state not in _LOOKS:
                return None
            at = world.clock.now() + timedelta(seconds=max(watch.context.interval, watch.policy.min_interval))
            notice = Notice(
                watch.id, f"A check could not be carried out: {why}. I try again at the next one.", loud=True
            )
            row = OutboxRow(f"{watch.id}/broken/{watch.round_count}/{why[:60]}", watch.id, notice)
            return Change(replace(watch, next_round_at=at, lease_owner="", lease_until=None), outbox=(row,))

        change(world.store, watch_id, plan)

    def _pending(self, watch: Watch) -> StopRequest | None:
        open_ones = self._world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
        return open_ones[-1] if open_ones else None

    def _plan(
        self, watch: Watch, round_: Round, seen: Look, previous: Round | None, pending: StopRequest | None
    ) -> Change:
        world = self._world
        past = world.store.rounds(watch.id, limit=PAST)
        next_in = next_interval(round_.verdict, past, watch.context.interval, watch.policy)
        next_in = min(next_in, until_unmuted(watch, round_.at))
        if seen.end is None and seen.job is not None and seen.job.state is JobState.GONE:
            next_in = min(next_in, SETTLE)
        ended = seen.end.how if seen.end else ""
        notes = (*seen.notes, *(self._introduction(watch, seen) if previous is None else ()))
        next_at = None if ended else round_.at + timedelta(seconds=next_in)
        report = compose(round_, seen.view, Setting(watch, previous, notes, next_at, ended))
        proposal = Proposal()
        if seen.end is None and wants_stop(watch, round_.verdict):
            proposal = propose(world, watch, round_, seen, report)
        if proposal.obstacle:
            report = replace(report, reason=(*report.reason, proposal.obstacle))
        telling = Telling(
            report=report,
            picture=self._picture(watch, round_, seen, previous),
            question=proposal.question,
            obstacle=proposal.obstacle,
            stopping_since=self._stopping_since(round_) if proposal.obstacle else 0,
            farewell=self._farewell(watch, round_, seen),
            story=held_back(world, watch) if seen.end is not None else (),
        )
        outlook = Outlook(
            *(telling, next_in, seen.segment, seen.beside, proposal.request, pending, seen.end),
            previous=previous,
            hushed=hush(world, watch) is not None,
        )
        planned = plan_round(watch, round_, outlook)
        called = self._call(watch, round_, past) if seen.end is None else ()
        return replace(planned, outbox=(*planned.outbox, *called))

    def _introduction(self, watch: Watch, seen: Look) -> tuple[str, ...]:
        """What the first report says beside its numbers: how the metrics are read, and what nobody told."""
        told = watch.context.launch or watch.context.stop_command
        launch = "" if told or seen.end is not None else self._world.guess(watch, seen.view.info)
        return tuple(line for line in (role_line(seen.view), *missing_lines(watch, seen.view, launch)) if line)

    @staticmethod
    def _call(watch: Watch, round_: Round, past: Sequence[Round]) -> tuple[OutboxRow, ...]:
        """The message to a person about a run that is silent; its key is that of the silence, so it is sent once."""
        lasting = alarm(round_.findings, [before.findings for before in past])
        if lasting is None or lasting.rounds > PAST:  # it was told when it began
            return ()
        begun = round_.number + 1 - lasting.rounds
        return (OutboxRow(f"{watch.id}/stale/{begun}", watch.id, Notice(watch.id, lasting.words, loud=True)),)

    def _stopping_since(self, round_: Round) -> int:
        """The first round of the unbroken row of STOP verdicts that ends here, however long it is."""
        limit = PAST
        while True:
            past = self._world.store.rounds(round_.watch_id, limit=limit)
            row = list(takewhile(lambda before: before.verdict.decision is Decision.STOP, reversed(past)))
            if len(row) < limit:
                return row[-1].number if row else round_.number
            limit *= 2

    def _farewell(self, watch: Watch, round_: Round, seen: Look) -> tuple[tuple[str, Body], ...]:
        if seen.end is None:
            return ()
        return tuple(self._closing.farewell(watch, round_, seen.view, Finish(round_.at, how=seen.end.how)))

    @staticmethod
    def _picture(watch: Watch, round_: Round, seen: Look, previous: Round | None) -> Picture | None:
        mark = previous.last_step if previous else None
        name = run_name(round_.info.name, watch)
        spec = compose_chart(seen.view, round_.verdict, last_check_step=mark, run_name=name)
        return Picture(watch.id, round_.number, spec.title, spec.alt_text) if spec is not None else None
