"""The digest goes out once a day, whatever dies or runs twice: the audit says which days are done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.blocks.digest import digest_message
from bot.blocks.limits import clipped
from bot.blocks.words import Setting
from bot.ids import EVENT_TYPE, Place, in_slack
from bot.notifier.notifier import wait_for
from bot.notifier.standing import mark
from bot.notifier.web import Web
from bot.texts import say_day
from trainwatch_core.decision.daily import last_due, moment_before
from trainwatch_core.engine.standing import Standing
from trainwatch_core.engine.world import World
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.errors import DeliveryError, TrainwatchError
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.digest import Digest

_LOG = logging.getLogger(__name__)
VERB, PICTURE = "digest", "digest_picture"
CATCH_UP = timedelta(hours=6)
"""So late is a digest still sent that was missed while nobody ran."""
_LONGEST = timedelta(days=7)
"""A digest after a longer silence tells of so much only."""
_HOPELESS = 600.0
"""Seconds until the next attempt where somebody must do something first: invite the bot, name another channel."""
_PICTURES = 3
"""Attempts to send a picture."""


@dataclass(frozen=True, slots=True)
class _Day:
    """A digest that is due: its day, its moment, and the moment from which on it tells."""

    day: date
    due: datetime
    since: datetime
    done: frozenset[str]

    @property
    def key(self) -> str:
        return f"{self.day:%Y-%m-%d}"

    @property
    def title(self) -> str:
        return say_day(self.day)


class DailyDigest:
    """Tells a channel about the day: the text, then its picture in the thread below it.

    Args:
        world: The watches, and which days are done.
        web: Slack.
        channel: Where.
        setting: The zone of the day, and the names of people.
        at: Local time.
        link: The address of a watch's thread.
    """

    def __init__(  # what a digest is made of
        self, world: World, web: Web, channel: str, *, setting: Setting, at: time, link: Callable[[Watch], str]
    ) -> None:
        self._world = world
        self._standing = Standing(world)
        self._web = web
        self._channel = channel
        self._setting = setting
        self._at = at
        self._link = link
        # The clock of the day and the slow knock may come at the same moment.
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._attempts = 0

    def knock(self) -> bool:
        """Send the digest if it is due and not sent; returns whether it was sent. Harmless if it comes too often.

        Of several processes on one database one sends it: it holds the name while it looks, posts and notes.
        """
        with self._lock, self._world.exclusive("digest") as mine:
            clock = self._world.clock
            if not mine or clock.monotonic() < self._not_before:
                return False
            now = clock.now()
            today = self._today(now)
            if now - today.due >= CATCH_UP or {VERB, PICTURE} <= today.done:
                return False
            try:
                return self._send(today, now)
            except DeliveryError as error:
                pause = wait_for(error, _HOPELESS if error.permanent else 0.0)
                self._not_before = clock.monotonic() + pause
                _LOG.warning("the digest of %s was not delivered, I try again: %s", today.key, error)
                return False

    def _today(self, now: datetime) -> _Day:
        day, due = last_due(now, self._at, self._setting.zone)
        rows = [row for row in self._world.store.audited(since=now - _LONGEST) if row.verb in {VERB, PICTURE}]
        before = [row.at for row in rows if row.verb == VERB and row.detail < f"{day:%Y-%m-%d}"]
        since = max(before, default=moment_before(day, self._at, self._setting.zone))
        return _Day(day, due, since, frozenset(row.verb for row in rows if row.detail == f"{day:%Y-%m-%d}"))

    def _send(self, today: _Day, now: datetime) -> bool:
        """Send what is missing; returns whether the text was.

        Raises:
            DeliveryError: If it was not delivered, or nobody knows.
        """
        digest = self._standing.day(today.since, mine=lambda watch: in_slack(watch.channel), link=self._link)
        fresh = VERB not in today.done
        stood = self._stands(today)
        if fresh:
            told = digest_message(digest, today.title, self._setting)
            place = stood or self._web.post(self._channel, told, thread_ts=None, key=mark(f"{VERB}/{today.key}"))
            self._note(VERB, today, now)
        elif stood is None:  # somebody deleted it
            self._note(PICTURE, today, now)
            return False
        else:
            place = stood
        self._picture(today, digest, place, now)
        return fresh

    def _picture(self, today: _Day, digest: Digest, place: Place, now: datetime) -> None:
        """Send the picture, unless it stands there; the text is out, so nothing of this may be raised."""
        name = f"trainwatch-digest-{today.key}.png"
        self._attempts += 1
        try:
            standing = [file.get("name") for m in self._web.replies(place, oldest="0") for file in m.get("files") or []]
            spec = self._standing.pictured(digest)
            if spec is not None and name not in standing:
                picture = self._world.painter.paint_multiples(spec)
                title = clipped(spec.title)
                self._web.upload(self._channel, picture, filename=name, title=title, thread_ts=place.ts)
        except TrainwatchError as error:
            _LOG.warning("the picture of the digest of %s was not delivered: %s", today.key, error)
            told = error.retry_after if isinstance(error, DeliveryError) else None
            self._not_before = self._world.clock.monotonic() + (told or 0.0)
            if self._attempts < _PICTURES:
                return
        self._attempts = 0
        self._note(PICTURE, today, now)

    def _note(self, verb: str, today: _Day, now: datetime) -> None:
        self._world.store.audit(AuditRow(now, SYSTEM, verb, detail=today.key))

    def _stands(self, today: _Day) -> Place | None:
        """Where it stands in Slack: a process may have posted it and died before it could note that."""
        wanted = mark(f"{VERB}/{today.key}")
        oldest = f"{(today.due - timedelta(hours=1)).timestamp():.6f}"
        for entry in self._web.history(self._channel, oldest=oldest):
            metadata = entry.get("metadata") or {}
            key = (metadata.get("event_payload") or {}).get("key")
            if metadata.get("event_type") == EVENT_TYPE and key == wanted:
                return Place(self._channel, str(entry.get("ts", "")))
        return None
