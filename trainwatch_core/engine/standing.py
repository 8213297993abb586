"""How watches stand: one at a glance, and the day of all of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from trainwatch_core.engine.looking import view_of
from trainwatch_core.engine.quieting import hush
from trainwatch_core.engine.world import World
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import Card, FinalSummary
from trainwatch_core.model.round import Round, SourceStatus, View
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import EndReason, Watch, WatchState
from trainwatch_core.ports import Store
from trainwatch_core.report.card import compose_card
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.report.compose import run_name
from trainwatch_core.report.digest import Digest, Entry, Saving, compose_digest
from trainwatch_core.report.multiples import MOST_PANELS, Multiple, MultiplesSpec, compose_multiples
from trainwatch_core.report.summary import bests

_LOG = logging.getLogger(__name__)
_ENDINGS = frozenset({"end", str(RequestState.STOPPED), str(RequestState.ALREADY_ENDED)})
"""Verbs of the audit by which a watch comes to its end."""
_BLIND = 200
"""Rounds in which the beginning of a blindness is looked for."""
_BESTS = 2
"""Best values that are told of a run."""


class Standing:
    """Tells how watches stand, from what is stored: nobody is asked anew.

    Args:
        world: What the engine works with.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def card(self, watch: Watch) -> Card:
        """The card of a watch as it is now."""
        seen = self._seen(watch)
        if seen is None:
            return compose_card(watch, None, (), quiet_until=hush(self._world, watch))
        return compose_card(watch, *seen, proven_at(self._world.store, watch), quiet_until=hush(self._world, watch))

    def day(self, since: datetime, *, mine: Callable[[Watch], bool], link: Callable[[Watch], str]) -> Digest:
        """The digest: all open watches, and what ended or was answered since a moment.

        Args:
            since: Aware.
            mine: Which watches are told of.
            link: The address of a watch's thread; empty if it has none.
        """
        world, entries = self._world, []
        ended = {row.watch_id for row in world.store.audited(since=since) if row.allowed and row.verb in _ENDINGS}
        for watch in world.store.watches(ended=True):
            try:
                over = watch.state is WatchState.ENDED
                if mine(watch) and (not over or watch.id in ended or self._looked_at(watch) >= since):
                    entries.append(self._entry(watch, link(watch), over=over))
            except TrainwatchError:
                # One sick watch never harms another.
                _LOG.exception("watch %s is missing in the digest", watch.id)
        asked = [request for request in world.store.requests() if _answered(request) >= since]
        terms = world.terms
        return compose_digest(entries, asked, Saving(0.0, terms.cost_per_hour, terms.currency))

    def pictured(self, digest: Digest) -> MultiplesSpec | None:
        """The picture of a digest; None if nothing of it can be drawn."""
        multiples = [self._multiple(entry) for entry in digest.worst_first[:MOST_PANELS]]
        return compose_multiples(multiples, digest)

    def _entry(self, watch: Watch, link: str, *, over: bool) -> Entry:
        seen = self._seen(watch)
        best = tuple(bests(seen[0])[:_BESTS]) if seen is not None else ()
        return Entry(self.card(watch), link, best, self._last_words(watch) if over else None)

    def _multiple(self, entry: Entry) -> Multiple:
        watch = self._world.store.watch(entry.card.watch_id)
        seen = self._seen(watch)
        if seen is None:
            return Multiple(entry.card, None)
        view, rounds = seen
        name = run_name(rounds[-1].info.name, watch)
        return Multiple(entry.card, compose_chart(view, rounds[-1].verdict, last_check_step=None, run_name=name))

    def _seen(self, watch: Watch) -> tuple[View, tuple[Round, ...]] | None:
        """What is known of a run, and its last two rounds, of a blind one more; None before the first one."""
        rounds = self._world.store.rounds(watch.id, limit=2)
        if not rounds:
            return None
        last = rounds[-1]
        if last.source.status is SourceStatus.UNREACHABLE:
            rounds = self._world.store.rounds(watch.id, limit=_BLIND)
        history, _ = self._world.store.history(watch.id, last.source.key)
        return view_of(watch, history, last.info, last.source, last.at.timestamp()), tuple(rounds)

    def _looked_at(self, watch: Watch) -> datetime:
        rounds = self._world.store.rounds(watch.id, limit=1)
        return rounds[-1].at if rounds else watch.created_at

    def _last_words(self, watch: Watch) -> FinalSummary | None:
        rows = self._world.store.outbox(watch.id)
        return next((row.body for row in rows if isinstance(row.body, FinalSummary)), None)


def proven_at(store: Store, watch: Watch) -> datetime | None:
    """When the job of a watch was proven gone; None if it was not."""
    if watch.ended_reason is not EndReason.STOP_CONFIRMED:
        return None
    rows = store.audited(watch_id=watch.id)
    return next((row.at for row in reversed(rows) if row.verb == RequestState.STOPPED), None)


def _answered(request: StopRequest) -> datetime:
    """When a request was answered; one that waits was asked just now, as far as the day is concerned."""
    return request.decided_at or request.created_at
