"""The digest goes out once a day, also over restarts: the audit says which days are done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from bot.blocks.digest import digest_message
from bot.ids import EVENT_TYPE, in_slack
from bot.notifier.notifier import wait_for
from bot.notifier.standing import mark
from bot.notifier.web import Web
from bot.texts import day as say_day
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.errors import DeliveryError, TrainwatchError
from trainwatch_core.model.message import Card, FinalSummary
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.ports import Clock, Store
from trainwatch_core.report.digest import Entry, compose_digest

_LOG = logging.getLogger(__name__)
VERB = "digest"
_DAY = timedelta(days=1)
CATCH_UP = timedelta(hours=6)
"""So late is a digest still sent that was missed while nobody ran."""
_HOPELESS = 600.0
"""Seconds until the next attempt where somebody must do something first: invite the bot, name another channel."""


class DailyDigest:
    """Tells a channel about the day.

    Args:
        store: The watches, and which days are done.
        clock: Time.
        web: Slack.
        channel: Where.
        zone: Of the day.
        at: Local time, `HH:MM`.
        card: The card of a watch as it is now.
        link: The address of a watch's thread.
    """

    def __init__(  # noqa: PLR0913  # what a digest is made of
        self,
        store: Store,
        clock: Clock,
        web: Web,
        channel: str,
        *,
        zone: tzinfo,
        at: str,
        card: Callable[[Watch], Card],
        link: Callable[[Watch], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._web = web
        self._channel = channel
        self._zone = zone
        self._at = at
        self._card = card
        self._link = link
        # The clock of the day and the slow knock may come at the same moment.
        self._lock = threading.Lock()
        self._not_before = 0.0

    def knock(self) -> bool:
        """Send the digest if it is due and not sent; returns whether it was sent. Harmless if it comes too often."""
        with self._lock:
            now = self._clock.now()
            due = self._due(now)
            day = f"{due:%Y-%m-%d}"
            early = self._clock.monotonic() < self._not_before
            return not (early or now - due >= CATCH_UP or self._done(day, now)) and self._send(day, due, now)

    def _due(self, now: datetime) -> datetime:
        """The last moment at which a digest was due, local time: before midnight's digest it is yesterday's."""
        local = now.astimezone(self._zone)
        hour, minute = map(int, self._at.split(":"))
        due = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return due if due <= local else due - _DAY

    def _send(self, day: str, due: datetime, now: datetime) -> bool:
        try:
            if not self._stands(day, now):
                told = digest_message(compose_digest(self._entries(now)), say_day(due))
                self._web.post(self._channel, told, thread_ts=None, key=mark(f"{VERB}/{day}"))
        except DeliveryError as error:
            pause = wait_for(error, _HOPELESS if error.permanent else 0.0)
            self._not_before = self._clock.monotonic() + pause
            _LOG.warning("the digest of %s was not delivered, I try again: %s", day, error)
            return False
        self._store.audit(AuditRow(now, SYSTEM, VERB, detail=day))
        return True

    def _done(self, day: str, now: datetime) -> bool:
        rows = self._store.audited(since=now - 2 * _DAY)
        return any(row.verb == VERB and row.detail == day for row in rows)

    def _stands(self, day: str, now: datetime) -> bool:
        """Whether a process posted it and died before it could note that."""
        oldest = f"{(now - CATCH_UP).timestamp():.6f}"
        keys = [
            ((entry.get("metadata") or {}).get("event_payload") or {}).get("key")
            for entry in self._web.history(self._channel, oldest=oldest)
            if (entry.get("metadata") or {}).get("event_type") == EVENT_TYPE
        ]
        return mark(f"{VERB}/{day}") in keys

    def _entries(self, now: datetime) -> list[Entry]:
        entries = []
        for watch in self._store.watches(ended=True):
            if not in_slack(watch.channel):
                continue
            over = watch.state is WatchState.ENDED
            if over and not self._recent(watch, now):
                continue
            try:
                summary = self._last_words(watch) if over else None
                entries.append(Entry(self._card(watch), self._link(watch), summary))
            except TrainwatchError:
                _LOG.exception("watch %s is missing in the digest", watch.id)
        return entries

    def _recent(self, watch: Watch, now: datetime) -> bool:
        rounds = self._store.rounds(watch.id, limit=1)
        return now - (rounds[-1].at if rounds else watch.created_at) < _DAY

    def _last_words(self, watch: Watch) -> FinalSummary | None:
        return next((row.body for row in self._store.outbox(watch.id) if isinstance(row.body, FinalSummary)), None)
