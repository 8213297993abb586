"""Buttons and menus: of the card, and of the question "Stop it?"."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.blocks.answers import people_message
from bot.blocks.explain import Explained, explain_message
from bot.blocks.limits import Message, said
from bot.ids import REQUEST_ID, WATCH_ID, Action, Choice, Place
from bot.listeners.desk import Desk
from bot.listeners.form import open_edit
from bot.listeners.parsing import Word
from bot.listeners.payloads import claim_at, text_at, value_at
from bot.listeners.verbs import newest, obey
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.voting import needed, votes
from trainwatch_core.model.errors import ConflictError, InvalidInputError, NotFoundError
from trainwatch_core.model.numbers import say
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch

_CARD = {Action.CHECK_NOW: Word.CHECK, Action.PAUSE: Word.PAUSE, Action.RESUME: Word.RESUME}

Body = Mapping[str, Any]
Ack = Callable[..., Any]


def register(app: App, desk: Desk) -> None:
    """Listen to every button."""

    def listen(action: Action, work: Callable[[Desk, Body], Message | None]) -> None:
        @app.action(action)
        def pressed(ack: Ack, body: Body) -> None:
            told = desk.answer(lambda: work(desk, body))
            # Only now: a click that was acknowledged is never delivered again.
            ack()
            if told is not None:
                desk.later(lambda: _tell(desk, body, told))

    for action, word in _CARD.items():
        listen(action, lambda desk, body, word=word: _card(desk, body, word, value_at(body)))  # type: ignore[misc]  # bound now
    listen(Action.MENU, _menu)
    listen(Action.APPROVE, lambda desk, body: _decide(desk, body, approve=True))
    listen(Action.KEEP, lambda desk, body: _decide(desk, body, approve=False))
    listen(Action.LATER, lambda desk, body: _decide(desk, body, approve=False, put_off=True))
    listen(Action.EXPLAIN, _explain)


def _tell(desk: Desk, body: Body, told: Message) -> None:
    """Tell who pressed, where they pressed: a question stands in a thread, a card in the channel."""
    place, thread = _place(body), text_at(body, "message", "thread_ts")
    user, url = text_at(body, "user", "id"), text_at(body, "response_url")
    desk.whisper(place.channel, user, told, thread if thread and thread != place.ts else None, url)


def _card(desk: Desk, body: Body, word: Word, watch_id: str) -> Message | None:
    _require_card(desk, body, watch_id)
    return obey(desk, word, watch_id, claim_at(body), None)


def _require_card(desk: Desk, body: Body, watch_id: str) -> None:
    """The message that was pressed must be the card of the watch that the button names."""
    known = desk.watch_at(_place(body))
    if known is None and desk.posting_card(watch_id, _place(body).channel):
        raise ConflictError(text("posting"), todo=text("press-again"))
    if known is None or not WATCH_ID.fullmatch(watch_id) or not hmac.compare_digest(known, watch_id):
        raise InvalidInputError(text("not-ours"))


def _menu(desk: Desk, body: Body) -> Message | None:
    watch_id, _, chosen = value_at(body).partition(" ")
    if chosen not in tuple(Choice):
        raise InvalidInputError(text("not-ours"))
    if chosen == Choice.EDIT:
        _require_card(desk, body, watch_id)
        watch = desk.engine.world.store.watch(watch_id)
        open_edit(desk, claim_at(body), text_at(body, "trigger_id"), watch, _place(body).channel)
        return None
    return _card(desk, body, Word(chosen), watch_id)


def _decide(desk: Desk, body: Body, *, approve: bool, put_off: bool = False) -> Message | None:
    request = _request(desk, body)
    store, claim = desk.engine.world.store, claim_at(body)
    watch = store.watch(request.watch_id)
    actor = desk.admit(claim, Verb.APPROVE if approve else Verb.DECLINE, watch, request_id=request.id)
    try:
        desk.engine.stops.decide(request.id, actor, approve=approve, put_off=put_off)
    except ConflictError as error:
        return _too_late(desk, request, error)
    finally:
        desk.later(lambda: desk.refresh(watch.id))
    return None


def _too_late(desk: Desk, request: StopRequest, error: ConflictError) -> Message:
    """Why the click changed nothing, with what was seen since."""
    told = people_message(text("click-too-late", why=str(error)))
    last = newest(desk, request.watch_id)
    if last is None or last.number <= request.round_number:
        return told
    values = ", ".join(f"{name} {say(value)}" for name, value in last.latest.items())
    verdict = last.verdict
    line = text(
        "round-since",
        number=last.number,
        decision=str(verdict.decision),
        reason=verdict.reasons[0].text,
        values=values,
    )
    return Message(told.text, (*told.blocks, said([line])))


def _explain(desk: Desk, body: Body) -> None:
    request = _request(desk, body)
    world = desk.engine.world
    watch = world.store.watch(request.watch_id)
    desk.admit(claim_at(body), Verb.SEE, watch, request_id=request.id)
    # Later: what people are called may have to be asked of Slack.
    desk.later(lambda: _tell(desk, body, explain_message(_known(desk, request, watch), desk.setting)))


def _known(desk: Desk, request: StopRequest, watch: Watch) -> Explained:
    world = desk.engine.world
    asked = [r for r in world.store.rounds(watch.id, limit=60) if r.number == request.round_number]
    return Explained(
        request,
        asked[0] if asked else None,
        newest(desk, watch.id),
        votes(world, request),
        needed(world, watch),
        [r for r in world.store.requests(watch_id=watch.id) if r.created_at < request.created_at],
    )


def _request(desk: Desk, body: Body) -> StopRequest:
    """The request whose question was pressed: the value names it, and the message must be the one that asked it.

    Raises:
        InvalidInputError: If the value is none of ours, or stands on another message: a copy, a forgery.
        ConflictError: If the question can be seen in Slack before we know where it stands.
    """
    value = value_at(body)
    if not REQUEST_ID.fullmatch(value):
        raise InvalidInputError(text("not-ours"))
    try:
        request = desk.engine.world.store.request(value)
    except NotFoundError:
        raise InvalidInputError(text("not-ours")) from None
    asked_at = desk.question_at(request.watch_id, request.id)
    if asked_at is None and request.state is RequestState.PENDING:
        raise ConflictError(text("posting"), where=request.id[:8], todo=text("press-again"))
    pressed = f"{_place(body)} {value}"
    if asked_at is None or not hmac.compare_digest(f"{asked_at} {request.id}".encode(), pressed.encode()):
        raise InvalidInputError(text("not-ours"))
    return request


def _place(body: Body) -> Place:
    return Place(text_at(body, "container", "channel_id"), text_at(body, "container", "message_ts"))
