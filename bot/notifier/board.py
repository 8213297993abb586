"""Messages that are edited in place: cards and questions always show what durably is.

Level-triggered: what a message should show follows from the rows, and is sent when it differs from what was sent last.
So nothing is lost over a crash, and many changes become one edit.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from bot.blocks.card import card_message
from bot.blocks.limits import Message
from bot.blocks.question import question_message
from bot.blocks.words import Setting
from bot.ids import Place, in_slack
from bot.notifier.failures import GoneError
from bot.notifier.notifier import wait_for
from bot.notifier.pace import Method, Pace
from bot.notifier.threads import Threads
from bot.notifier.web import Web
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.standing import Standing, proven_at
from trainwatch_core.model.errors import DeliveryError
from trainwatch_core.model.message import Card
from trainwatch_core.model.watch import Watch, WatchState

_LOG = logging.getLogger(__name__)
_RECENT = timedelta(days=1)
_LATER = 5.0
_SOMEBODY_WAITS = frozenset({WatchState.STOP_PENDING, WatchState.STOPPING})


class Board:
    """Keeps cards and questions true.

    Args:
        engine: The engine.
        web: Slack.
        threads: Where the messages stand.
        setting: Zone and approvers.
        pace: Slack's limits.
        monotonic: Seconds.
    """

    def __init__(
        self,
        engine: Engine,
        web: Web,
        threads: Threads,
        setting: Setting,
        pace: Pace,
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = engine.world.store
        self._standing = Standing(engine.world)
        self._clock = engine.world.clock
        self._web = web
        self._threads = threads
        self._setting = setting
        self._monotonic = monotonic
        self._pace = pace
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._shown: dict[Place, str] = {}
        self._not_before: dict[str, float] = {}
        self._known: set[str] = set()
        self._queue: dict[str, None] = {}

    def card(self, watch: Watch) -> Card:
        """The card of a watch as it is now."""
        return self._standing.card(watch)

    def recall(self) -> None:
        """After a start: look at watches that ended lately too, their last edits may be missing."""
        now = self._clock.now()
        for watch in self._store.watches(ended=True):
            rounds = self._store.rounds(watch.id, limit=1)
            if in_slack(watch.channel) and now - (rounds[-1].at if rounds else watch.created_at) < _RECENT:
                self._known.add(watch.id)

    def sweep(self) -> None:
        """Bring what changed up to date; a watch that ended is looked at until its last edits are made."""
        open_ones = {watch.id: watch for watch in self._store.watches() if in_slack(watch.channel)}
        changed: dict[str, bool] = {}
        for watch_id in {**open_ones, **dict.fromkeys(self._known)}:
            watch = open_ones.get(watch_id) or self._store.watch(watch_id)
            if self._seen.get(watch_id) != watch.version:
                changed[watch_id] = watch.state in _SOMEBODY_WAITS
            elif watch_id not in open_ones:
                self._known.discard(watch_id)
        self._known |= open_ones.keys()
        # In the order in which they changed, those with a stop first; which cards wait longest is remembered.
        self._queue = {**{w: None for w in self._queue if w in changed}, **dict.fromkeys(changed)}
        for watch_id in sorted(self._queue, key=lambda w: not changed[w]):
            if not changed[watch_id] and self._pace.wait(Method.UPDATE, "") > 0:
                break  # what cannot be sent need not be made
            self.refresh(watch_id)

    def refresh(self, watch_id: str) -> None:
        """Bring the card and the questions of a watch up to date; tried again later if Slack does not take it."""
        with self._lock:
            if self._not_before.get(watch_id, 0.0) > self._monotonic():
                return
            watch = self._store.watch(watch_id)
            root = self._threads.root(watch_id)
            if root is None:
                return
            try:
                self._questions(watch)
                self._edit(root, card_message(self.card(watch), self._setting))
            except DeliveryError as error:
                self._not_before[watch_id] = self._monotonic() + wait_for(error, _LATER)
                return
            self._seen[watch_id] = watch.version

    def _questions(self, watch: Watch) -> None:
        for request in self._store.requests(watch_id=watch.id)[-3:]:
            found = self._threads.question(watch.id, request.id)
            if found is not None:
                told = question_message(found[0], request, self._setting, over_at=proven_at(self._store, watch))
                self._edit(found[1], told, urgent=True)

    def _edit(self, place: Place, told: Message, *, urgent: bool = False) -> None:
        print_ = hashlib.sha256(json.dumps(told.blocks, sort_keys=True).encode()).hexdigest()
        if self._shown.get(place) == print_:
            return
        self._pace.take(Method.UPDATE, place.channel, urgent=urgent)
        try:
            self._web.update(place, told)
        except GoneError as error:
            # Somebody deleted it, perhaps. The other messages of its watch are edited all the same.
            _LOG.warning("a message cannot be edited: %s", error)
        except DeliveryError as error:
            if error.retry_after is not None:
                self._pace.close(Method.UPDATE, place.channel, error.retry_after)
            raise
        self._shown[place] = print_
