"""The Notifier of Slack: one message of the outbox, delivered once as far as anybody can."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime

from bot.blocks.answers import word_message
from bot.blocks.card import card_message
from bot.blocks.catchup import catchup_message
from bot.blocks.limits import Message, clipped, message, said
from bot.blocks.question import question_message
from bot.blocks.reminder import reminder_message
from bot.blocks.report import notice_message, outcome_message, report_message, summary_message
from bot.blocks.words import Setting
from bot.ids import Place
from bot.notifier.failures import AllLockedOutError, GoneError, LockedOutError, LostReplyError
from bot.notifier.outages import Outages
from bot.notifier.pace import Method, Pace
from bot.notifier.standing import Standing, mark, picture_name
from bot.notifier.threads import Threads
from bot.notifier.web import Web
from bot.texts import text
from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import DeliveryError, TurnError
from trainwatch_core.model.message import (
    Body,
    Card,
    Catchup,
    FinalSummary,
    Notice,
    Picture,
    PictureMissing,
    Report,
    StopOutcome,
    StopQuestion,
    StopReminder,
)
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Store

_LOG = logging.getLogger(__name__)
_PATIENT, _VERY_PATIENT = 20.0, 240.0
"""Seconds that a picture may wait with a question behind it, which cannot wait, and without one."""
_LOOKS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each look whether Slack has shared a picture."""


class SlackNotifier:
    """Posts the messages of watches into the threads of their cards.

    Args:
        web: Slack.
        setting: Zone and approvers.
        now: Wall clock.
        monotonic: Seconds.
        sleep: Waits so many seconds.
        operator_channel: Told what cannot be told where it belongs; None for nobody.
    """

    def __init__(
        self,
        web: Web,
        setting: Setting,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
        operator_channel: str | None = None,
    ) -> None:
        self._web = web
        self.setting = setting
        self._now = now
        self._sleep = sleep
        self._operator_channel = operator_channel
        self._standing = Standing(web, born=now())
        self._outages = Outages()
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
        if isinstance(body, PictureMissing):
            return self._note_what_is_missing(body, watch)
        root = None if isinstance(body, Card) else self._threads.root(watch.id)
        known = self._standing.find(key, body, watch, root, newest=self._threads.newest)
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

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """Ask the limits. That is no word of Slack's: the channel stays open for what is urgent.

        Raises:
            TurnError: If the turn of a message has not come.
            DeliveryError: If it is a picture that would have to wait long.
        """
        channel = self._store.watch(body.watch_id).channel
        try:
            self.pace.take(_method_of(body), channel, urgent=urgent)
        except TurnError as error:
            self._give_up_if_late(body, error)
            raise

    def _place(self, key: str, body: Body, picture: bytes | None, watch: Watch, root: Place | None) -> Place | None:
        """Put a message where it belongs; None for a picture of which Slack does not say where it stands."""
        try:
            place = self._put(key, body, picture, watch, root)
        except GoneError as error:
            return self._instead(key, body, watch, error)
        except LostReplyError:
            self._standing.doubt(watch.id)
            raise
        except LockedOutError as error:
            self._locked_out(body, watch, error)
            raise
        except DeliveryError as error:
            if error.retry_after is not None:
                self.pace.close(_method_of(body), watch.channel, error.retry_after)
            self._give_up_if_late(body, error)
            raise
        if self._outages.ends(watch.channel):
            self.tell_operator(text("works-again", channel=watch.channel))
        return place

    def _put(self, key: str, body: Body, picture: bytes | None, watch: Watch, root: Place | None) -> Place | None:
        if isinstance(body, Picture):
            return self._upload(body, picture or b"", watch, root)
        return self._post(key, self._message(body), watch, root)

    def _instead(self, key: str, body: Body, watch: Watch, error: GoneError) -> Place:
        """Say it to the operator: the first message that meets the closed door, then only what somebody must know."""
        if isinstance(body, Picture) or self._operator_channel in {None, watch.channel}:
            raise error
        news = self._outages.begins(watch.channel)
        if not (news or _matters(body)):
            raise error
        _LOG.warning("watch %s cannot be told in %s: %s", watch.id, watch.channel, error)
        try:
            return self._pass_on(key, self._message(body), watch, error)
        except DeliveryError:
            if news:
                self._outages.ends(watch.channel)  # nobody was told yet
            raise

    def _locked_out(self, body: Body, watch: Watch, error: LockedOutError) -> None:
        """Knock no more for a while; say once what is missing, where the token still serves for that."""
        wait = error.retry_after or 0.0
        if isinstance(error, AllLockedOutError):
            self.pace.close_all(wait)
            return
        if self._outages.begins(f"scope/{_method_of(body)}"):
            self.tell_operator(f"{error}")
        if isinstance(body, Picture):
            raise DeliveryError(str(error), permanent=True) from error
        self.pace.close(_method_of(body), watch.channel, wait)

    def _note_what_is_missing(self, body: PictureMissing, watch: Watch) -> Receipt:
        """Edit the report: it says that it has no picture, and why."""
        key = f"{watch.id}/round/{body.round_number}/report"
        place = self._threads.at(watch.id, key)
        row = next((row for row in self._store.outbox(watch.id) if row.key == key), None)
        if place is None or row is None or not isinstance(row.body, Report):
            raise DeliveryError(text("report-not-there"), where=key, permanent=True)
        self.pace.take(Method.UPDATE, place.channel, urgent=True)
        self._web.update(place, report_message(row.body, self.setting, missing=body.why))
        return Receipt(str(place), self._now())

    def _post(self, key: str, told: Message, watch: Watch, root: Place | None) -> Place:
        thread = root.ts if root is not None else None
        return self._web.post(watch.channel, told, thread_ts=thread, key=mark(key))

    def _upload(self, body: Picture, picture: bytes, watch: Watch, root: Place | None) -> Place | None:
        thread = root.ts if root is not None else None
        file = self._web.upload(
            watch.channel, picture, filename=picture_name(body), title=clipped(body.title), thread_ts=thread
        )
        return self._shared(file, watch.channel)

    def _shared(self, file: str, channel: str) -> Place | None:
        """Look where Slack has put a picture: it says yes at once, and shares it later or never."""
        for pause in _LOOKS:
            self._sleep(pause)
            try:
                ts = self._web.shared(file, channel)
            except DeliveryError as error:
                # Not known is not failed: a second picture would be worse than one without a receipt.
                _LOG.info("where picture %s stands is not known: %s", file, error)
                return None
            if ts is not None:
                return Place(channel, ts)
        raise DeliveryError(text("picture-not-shown"), where=file, permanent=True)

    def _pass_on(self, key: str, told: Message, watch: Watch, error: GoneError) -> Place:
        assert self._operator_channel is not None  # noqa: S101  # asked by the caller
        self.pace.take(Method.POST, self._operator_channel, urgent=True)
        # Without buttons: whoever decides does so where the question belongs, or on the host.
        blocks = [said([text("undeliverable", channel=watch.channel, error=str(error))])]
        blocks += [block for block in told.blocks if block["type"] != "actions"]
        return self._web.post(self._operator_channel, message(told.text, blocks), thread_ts=None, key=mark(key))

    def tell_operator(self, line: str) -> None:
        """A line to whoever runs the bot; that it cannot be said holds nothing up."""
        if self._operator_channel is None:
            return
        try:
            self.pace.take(Method.POST, self._operator_channel, urgent=True)
            told = mark(f"operator/{self._now().isoformat()}/{line}")
            self._web.post(self._operator_channel, word_message(line), thread_ts=None, key=told)
        except DeliveryError as error:
            _LOG.warning("the operator could not be told: %s", error)

    def _message(self, body: Body) -> Message:
        setting = self.setting
        match body:
            case Card():
                told = card_message(body, setting)
            case Report():
                told = report_message(body, setting)
            case StopQuestion():
                told = question_message(body, self._store.request(body.request_id), setting)
            case StopReminder():
                told = reminder_message(body, setting, self._threads.address(body.watch_id, body.request_id))
            case Catchup():
                told = catchup_message(body, setting)
            case StopOutcome():
                told = outcome_message(body, setting)
            case FinalSummary():
                told = summary_message(body, setting)
            case Notice():
                told = notice_message(body, setting)
            case _:
                told = word_message(str(getattr(body, "text", "")))
        return told

    def _give_up_if_late(self, body: Body, error: DeliveryError) -> None:
        """A picture that would have to wait long is given up: what stands behind it may be a question."""
        if not isinstance(body, Picture):
            return
        asked = self._store.requests(watch_id=body.watch_id, states={RequestState.PENDING})
        behind = any(request.round_number == body.round_number for request in asked)
        if (error.retry_after or 0.0) > (_PATIENT if behind else _VERY_PATIENT):
            raise DeliveryError(str(error), permanent=True) from error


def _method_of(body: Body) -> Method:
    return Method.FILE if isinstance(body, Picture) else Method.POST


def _matters(body: Body) -> bool:
    """Whether somebody must know it, wherever it can be said."""
    loud = isinstance(body, Notice) and body.loud
    return loud or isinstance(body, StopQuestion | StopReminder | StopOutcome | FinalSummary)


def wait_for(error: DeliveryError, otherwise: float) -> float:
    """Seconds to wait after an error."""
    told = error.retry_after
    return told if told is not None and math.isfinite(told) else otherwise
