"""Replies in the thread of a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.answers import unknown_message
from bot.blocks.limits import Message
from bot.ids import Place
from bot.listeners.commands import typed_by
from bot.listeners.desk import Desk
from bot.listeners.once import Once
from bot.listeners.parsing import is_talk, read_word, speaks_to_another, without_mention
from bot.listeners.payloads import text_at
from bot.listeners.verbs import obey

_GENUINE = frozenset({"", "thread_broadcast", "file_share"})
"""Subtypes of messages that a person wrote. Edits, deletions, joins and our own posts come as events too."""


def register(app: App, desk: Desk) -> None:
    """Listen to replies."""
    once, called_once = Once(), Once()

    @app.event("app_mention")
    def called(event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        if is_said(event) and called_once.first(text_at(body, "event_id")):
            _called(desk, event, body)

    @app.event("message")
    def reply(event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        if is_reply(event) and once.first(text_at(body, "event_id")):
            heard(desk, event, body)


def is_said(event: Mapping[str, Any]) -> bool:
    """Whether a person wrote this."""
    genuine = event.get("subtype", "") in _GENUINE and not event.get("bot_id") and not event.get("hidden")
    return genuine and bool(text_at(event, "user"))


def is_reply(event: Mapping[str, Any]) -> bool:
    """Whether a person wrote this in a thread."""
    return is_said(event) and text_at(event, "thread_ts") not in {"", text_at(event, "ts")}


def _called(desk: Desk, event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Somebody named the bot: what follows is taken as after `/watch`. In a thread of ours `heard` answers."""
    root = Place(text_at(event, "channel"), text_at(event, "thread_ts"))
    if root.ts and desk.watch_at(root) is not None:
        return
    claim, words = _claim(event, body), without_mention(text_at(event, "text"))
    told = desk.answer(lambda: typed_by(desk, claim, words, root.channel))
    if told is not None:
        _whisper(desk, root, claim.user, told)


def heard(desk: Desk, event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Answer a reply, if its thread is that of a card."""
    root = Place(text_at(event, "channel"), text_at(event, "thread_ts"))
    watch_id = desk.watch_at(root)
    if watch_id is None:
        return
    text = text_at(event, "text")
    if speaks_to_another(text, desk.me):
        return
    word = read_word(text)
    claim = _claim(event, body)
    place = Place(root.channel, text_at(event, "ts"))
    if word is not None:
        told = desk.answer(lambda: obey(desk, word, watch_id, claim, place, text))
    else:
        told = None if is_talk(text) else unknown_message()
    if told is not None:
        _whisper(desk, root, claim.user, told)


def _claim(event: Mapping[str, Any], body: Mapping[str, Any]) -> Claim:
    team = text_at(event, "user_team") or text_at(event, "team") or text_at(body, "team_id")
    return Claim(text_at(event, "user"), team)


def _whisper(desk: Desk, root: Place, user: str, told: Message) -> None:
    desk.later(lambda: desk.whisper(root.channel, user, told, root.ts or None, ""))
