"""The Notifier of Slack: one message of the outbox, delivered once as far as anybody can."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from datetime import datetime

from bot.blocks.answers import word_message
from bot.blocks.card import card_message
from bot.blocks.limits import Message, clipped, message, said
from bot.blocks.question import question_message
from bot.blocks.report import notice_message, outcome_message, report_message, summary_message
from bot.blocks.words import Setting
from bot.ids import EVENT_TYPE, Place
from bot.notifier.failures import GoneError, LostReplyError
from bot.notifier.pace import Pace
from bot.notifier.threads import Threads
from bot.notifier.web import Web
from bot.texts import text
from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import DeliveryError
from trainwatch_core.model.message import (
    Body,
    Card,
    FinalSummary,
    Notice,
    Picture,
    Report,
    StopOutcome,
    StopQuestion,
)
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Store

_LOG = logging.getLogger(__name__)
_PATIENT = 20.0
"""Seconds that a picture may wait: what stands behind it in the thread may be a question that cannot."""
_SLACK = 5.0
"""Seconds by which Slack's clock and ours may differ."""


class SlackNotifier:
    """Posts the messages of watches into the threads of their cards.

    Args:
        web: Slack.
        setting: Zone and approvers.
        now: Wall clock.
        monotonic: Seconds.
        operator_channel: Told what cannot be told where it belongs; None for nobody.
    """

    def __init__(
        self,
        web: Web,
        setting: Setting,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        operator_channel: str | None = None,
    ) -> None:
        self._web = web
        self.setting = setting
        self._now = now
        self._operator_channel = operator_channel
        self._born = now()
        self._sent: dict[str, dict[str, str]] = {}
        self._unsure: set[str] = set()
        self.pace = Pace(monotonic)

    def open(self, store: Store, threads: Threads) -> None:
        """Learn where watches, requests and receipts are kept: the store opens after the notifier was made."""
        self._store = store
        self._threads = threads

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Post one message, unless it stands there already.

        Raises:
            DeliveryError: If it was not posted, or nobody knows.
        """
        watch = self._store.watch(body.watch_id)
        root = None if isinstance(body, Card) else self._threads.root(watch.id)
        known = self._already(key, body, watch, root)
        if known is not None:
            _LOG.info("message %s stands in Slack already", key)
            place: Place | None = Place(watch.channel, known)
        else:
            place = self._place(key, body, picture, watch, root)
        if place is None:
            return Receipt(f"{watch.channel}/file", self._now())
        if place.channel == watch.channel:
            self._threads.learn(watch.id, key, place)
        return Receipt(str(place), self._now())

    def _place(self, key: str, body: Body, picture: bytes | None, watch: Watch, root: Place | None) -> Place | None:
        """Put a message where it belongs; None for a picture, which Slack gives no place at once."""
        self._take_turn(body, watch)
        try:
            if isinstance(body, Picture):
                self._upload(body, picture or b"", watch, root)
                return None
            return self._post(key, self._message(body), watch, root)
        except GoneError as error:
            if isinstance(body, Picture) or self._operator_channel in {None, watch.channel}:
                raise
            return self._tell_operator(key, self._message(body), watch, error)
        except LostReplyError:
            self._unsure.add(watch.id)
            raise
        except DeliveryError as error:
            if error.retry_after is not None:
                self.pace.close(watch.channel, error.retry_after)
            _give_up_if_late(body, error)
            raise

    def _take_turn(self, body: Body, watch: Watch) -> None:
        """Wait for the turn of a message. That is no word of Slack's: the channel stays open for what is urgent."""
        try:
            self.pace.take(watch.channel, urgent=self._urgent(body))
        except DeliveryError as error:
            _give_up_if_late(body, error)
            raise

    def _urgent(self, body: Body) -> bool:
        """Whether somebody waits for it: questions and outcomes, and what stands before a question in its thread."""
        if isinstance(body, StopQuestion | StopOutcome):
            return True
        if not isinstance(body, Report | Picture):
            return False
        asked = self._store.requests(watch_id=body.watch_id, states={RequestState.PENDING})
        return any(request.round_number == body.round_number for request in asked)

    def _post(self, key: str, told: Message, watch: Watch, root: Place | None) -> Place:
        thread = root.ts if root is not None else None
        return self._web.post(watch.channel, told, thread_ts=thread, key=mark(key))

    def _upload(self, body: Picture, picture: bytes, watch: Watch, root: Place | None) -> None:
        self._web.upload(
            watch.channel,
            picture,
            filename=picture_name(body),
            title=clipped(body.title),
            thread_ts=root.ts if root is not None else None,
        )

    def _tell_operator(self, key: str, told: Message, watch: Watch, error: GoneError) -> Place:
        assert self._operator_channel is not None  # noqa: S101  # asked by the caller
        _LOG.warning("watch %s cannot be told in %s: %s", watch.id, watch.channel, error)
        self.pace.take(self._operator_channel, urgent=True)
        # Without buttons: whoever decides does so where the question belongs, or on the host.
        blocks = [said([text("undeliverable", channel=watch.channel, error=str(error))])]
        blocks += [block for block in told.blocks if block["type"] != "actions"]
        return self._web.post(self._operator_channel, message(told.text, blocks), thread_ts=None, key=mark(key))

    def _message(self, body: Body) -> Message:
        setting = self.setting
        match body:
            case Card():
                told = card_message(body, setting)
            case Report():
                told = report_message(body, setting)
            case StopQuestion():
                told = question_message(body, self._store.request(body.request_id), setting)
            case StopOutcome():
                told = outcome_message(body, setting)
            case FinalSummary():
                told = summary_message(body)
            case Notice():
                told = notice_message(body, setting)
            case _:
                told = word_message(str(getattr(body, "text", "")))
        return told

    def _already(self, key: str, body: Body, watch: Watch, root: Place | None) -> str | None:
        """Where the message stands already: a process died, or a reply was lost, between post and receipt."""
        fresh = watch.created_at >= self._born
        if watch.id not in self._unsure and (fresh or watch.id in self._sent):
            return self._sent.get(watch.id, {}).pop(self._mark(key, body), None)
        self._sent[watch.id] = self._standing(watch, root)
        self._unsure.discard(watch.id)
        return self._sent[watch.id].pop(self._mark(key, body), None)

    def _standing(self, watch: Watch, root: Place | None) -> dict[str, str]:
        """Marks of our messages in Slack of which no receipt is known, with their timestamps."""
        if root is None:
            messages = self._web.history(watch.channel, oldest=f"{watch.created_at.timestamp() - _SLACK:.6f}")
        else:
            messages = self._web.replies(root, oldest=self._threads.newest(watch.id))
        found = {}
        for entry in messages:
            metadata = entry.get("metadata") or {}
            if entry.get("bot_id") and metadata.get("event_type") == EVENT_TYPE:
                found[str((metadata.get("event_payload") or {}).get("key", ""))] = str(entry.get("ts", ""))
            for file in entry.get("files") or []:
                found[str(file.get("name", ""))] = str(entry.get("ts", ""))
        return found

    @staticmethod
    def _mark(key: str, body: Body) -> str:
        return picture_name(body) if isinstance(body, Picture) else mark(key)


def _give_up_if_late(body: Body, error: DeliveryError) -> None:
    """A picture that would have to wait long is given up."""
    if isinstance(body, Picture) and (error.retry_after or 0.0) > _PATIENT:
        raise DeliveryError(str(error), permanent=True) from error


def mark(key: str) -> str:
    """What a message is found again by: of one length, and without the words that keys may have in them."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def picture_name(body: Picture) -> str:
    """The file name of a picture: ours alone, nothing of a run's name is in it."""
    return f"trainwatch-{body.watch_id}-{body.round_number:06d}.png"


def wait_for(error: DeliveryError, otherwise: float) -> float:
    """Seconds to wait after an error."""
    told = error.retry_after
    return told if told is not None and math.isfinite(told) else otherwise
