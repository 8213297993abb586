"""What listeners work with, and the one way in which each of them answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from bot.actors import Actors, Claim
from bot.blocks.answers import problem_message, refusal_message, word_message
from bot.blocks.fields import View
from bot.blocks.limits import Block, Message
from bot.blocks.words import Setting
from bot.ids import Place
from bot.texts import text
from trainwatch_core.bootstrap import Choices
from trainwatch_core.config import Settings
from trainwatch_core.decision.authority import Refusal, Verb, authorize
from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.errors import NotAllowedError, TrainwatchError
from trainwatch_core.model.message import Card
from trainwatch_core.model.watch import Watch

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)


class Soon(Protocol):
    """Has a worker do what a person waits for."""

    def __call__(self, work: Callable[[], _T], late: Callable[[_T], object], /) -> _T | None:
        """What came of the work; None if it takes longer than Slack waits, and then `late` is told."""


class RefusedError(NotAllowedError):
    """A refusal that knows who could."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.reason)


@dataclass(frozen=True, slots=True)
class Desk:
    """What listeners work with. Everything that needs the network is a call that is made `later`, by a worker.

    Attributes:
        engine: The engine.
        settings: As configured.
        setting: Zone and approvers, for messages.
        actors: Who is who.
        watch_at: The watch whose card stands at a place.
        question_at: Where the question of a request (watch id, request id) stands; None until Slack has said so.
        card_at: Where the card of a watch stands; None until Slack has said so.
        card: The card of a watch as it is now.
        link: The address of a watch's thread.
        shared: Whether a channel is shared with another workspace, or nobody knows; asked of Slack.
        refresh: Brings the card and the questions of a watch up to date.
        knock: Makes the engine look now.
        whisper: Channel, user, message, thread, `response_url` of a click: seen by that user only.
        react: An emoji on a message.
        unfurl: What stands below links of a message: where, and blocks for each address.
        silence: From when until when Slack was not heard lately; None if it was.
        later: Hands work to a worker.
        soon: Has a worker do what a person waits for, and returns what came of it; None if it takes longer than Slack
            waits, and then the second callable is told.
        open_form: Opens a form, by Slack's leave (`trigger_id`); returns its id.
        update_form: Puts another form in the place of one that is open.
        replace: Puts a message in the place of one that one person sees, by the `response_url` of a click on it.
        show_home: Shows a person's home.
        choices: Projects and runs to choose from.
        me: User id of the bot.
        registering: One registration at a time, so that a command that arrives twice registers once.
    """

    engine: Engine
    settings: Settings
    setting: Setting
    actors: Actors
    watch_at: Callable[[Place], str | None]
    question_at: Callable[[str, str], Place | None]
    card_at: Callable[[str], Place | None]
    card: Callable[[Watch], Card]
    link: Callable[[Watch], str]
    shared: Callable[[str], bool]
    refresh: Callable[[str], None]
    knock: Callable[[], None]
    whisper: Callable[[str, str, Message, str | None, str], None]
    react: Callable[[Place, str], None]
    unfurl: Callable[[Place, Mapping[str, Sequence[Block]]], None]
    silence: Callable[[], tuple[datetime, datetime] | None]
    later: Callable[[Callable[[], None]], None]
    soon: Soon
    open_form: Callable[[str, View], str]
    update_form: Callable[[str, View], None]
    replace: Callable[[str, Message], None]
    show_home: Callable[[str, View], None]
    choices: Choices
    me: str
    registering: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, claim: Claim, verb: Verb, watch: Watch | None, *, request_id: str = "") -> Actor:
        """The actor behind a claim, if they may do this.

        Raises:
            NotAllowedError: If not, or if they cannot be verified; audited.
        """
        try:
            actor = self.actors.claimed(claim)
            refusal = authorize(actor, verb, watch, self.engine.world.rules)
            if refusal is not None:
                raise RefusedError(refusal)
            # Slack is asked last, and only about people whom the operator has named.
            return actor if verb is Verb.SEE else self.actors.verified(claim)
        except NotAllowedError as error:
            now = self.engine.world.clock.now()
            who = Actor(ActorKind.SLACK, claim.user[:40], claim.team[:40])
            ident = watch.id if watch is not None else ""
            row = AuditRow(now, who, str(verb), ident, request_id, allowed=False, detail=str(error))
            self.engine.world.store.audit(row)
            raise

    def posting_card(self, watch_id: str, channel: str) -> bool:
        """Whether the card of an open watch is on its way into a channel, and may be seen there already."""
        watches = self.engine.world.store.watches()
        return any(w.id == watch_id and w.channel == channel for w in watches) and self.card_at(watch_id) is None

    def answer(self, work: Callable[[], Message | None]) -> Message | None:
        """What a person is told: the answer of some work, or in words why it was not done."""
        try:
            return work()
        except RefusedError as error:
            return refusal_message(error.refusal)
        except TrainwatchError as error:
            return problem_message(error)
        except Exception:  # noqa: BLE001  # a person who pressed a button gets an answer, whatever happens here
            _LOG.exception("a request of Slack failed")
            return word_message(text("went-wrong"))
