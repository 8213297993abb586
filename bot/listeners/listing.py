"""The list of watches, page by page, and the app's home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.fields import notice
from bot.blocks.limits import Message
from bot.blocks.listing import PAGE, Listed, home_view, list_message, refused_home
from bot.ids import WATCH_ID, Action, in_slack
from bot.listeners.desk import Desk
from bot.listeners.form import open_edit, open_new
from bot.listeners.once import Once
from bot.listeners.parsing import EDIT, Word
from bot.listeners.payloads import claim_at, text_at, value_at
from bot.listeners.verbs import obey
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.model.actor import ActorKind
from trainwatch_core.model.errors import InvalidInputError, NotAllowedError
from trainwatch_core.model.watch import Watch

_OFFERED = frozenset({Word.CHECK, Word.WHY, Word.PAUSE, Word.RESUME, Word.END})
_HOME = 20
"""Watches on a home: a card costs a look into a history."""

Body = Mapping[str, Any]
Ack = Callable[..., Any]


def register(app: App, desk: Desk) -> None:
    """Listen to the buttons of lists, and to people who open the home."""
    once = Once()

    @app.event("app_home_opened")
    def opened(event: Mapping[str, Any], body: Body) -> None:
        if text_at(event, "tab") == "home" and once.first(text_at(body, "event_id")):
            claim = Claim(text_at(event, "user"), text_at(body, "team_id"))
            desk.later(lambda: show_home(desk, claim))

    @app.action(Action.HOME_RENEW)
    def renew(ack: Ack, body: Body) -> None:
        ack()
        desk.later(lambda: show_home(desk, claim_at(body)))

    @app.action(Action.OPEN_FORM)
    def open_form(ack: Ack, body: Body) -> None:
        channel = text_at(body, "container", "channel_id")
        told = desk.answer(lambda: open_new(desk, claim_at(body), text_at(body, "trigger_id"), channel))
        ack()
        _tell(desk, body, told)

    @app.action(Action.LIST_PAGE)
    def turn(ack: Ack, body: Body) -> None:
        told = desk.answer(lambda: listed(desk, claim_at(body), _page(value_at(body))))
        ack()
        if told is not None:
            desk.later(lambda: desk.replace(text_at(body, "response_url"), told))

    @app.action(Action.LIST_MENU)
    def chosen(ack: Ack, body: Body) -> None:
        told = desk.answer(lambda: _chosen(desk, body))
        ack()
        _tell(desk, body, told)


def listed(desk: Desk, claim: Claim, page: int) -> Message:
    """One page of what is watched in Slack.

    Raises:
        NotAllowedError: If this person may not see it.
    """
    desk.admit(claim, Verb.SEE, None)
    watches = _watches(desk)
    page = max(0, min(page, (len(watches) - 1) // PAGE))
    shown = watches[page * PAGE : (page + 1) * PAGE]
    return list_message([_listed(desk, watch) for watch in shown], desk.setting, page=page, total=len(watches))


def show_home(desk: Desk, claim: Claim) -> None:
    """Show somebody's home: their watches, then those of others."""
    try:
        desk.admit(claim, Verb.SEE, None)
    except NotAllowedError as error:
        desk.show_home(claim.user, refused_home(str(error)))
        return
    watches = sorted(_watches(desk), key=lambda watch: not _is_of(watch, claim))
    shown = [(watch, _listed(desk, watch)) for watch in watches[:_HOME]]
    mine = [entry for watch, entry in shown if _is_of(watch, claim)]
    others = [entry for watch, entry in shown if not _is_of(watch, claim)]
    desk.show_home(claim.user, home_view(mine, others, desk.setting, further=len(watches) - len(shown)))


def _chosen(desk: Desk, body: Body) -> Message | None:
    _, _, rest = value_at(body).partition(" ")
    watch_id, _, word = rest.partition(" ")
    if not WATCH_ID.fullmatch(watch_id) or (word != EDIT and word not in _OFFERED):
        raise InvalidInputError(text("not-ours"))
    watch = desk.engine.world.store.watch(watch_id)
    if not in_slack(watch.channel):
        raise InvalidInputError(text("not-ours"))
    if word == EDIT:
        channel = text_at(body, "container", "channel_id") or watch.channel
        open_edit(desk, claim_at(body), text_at(body, "trigger_id"), watch, channel)
        return None
    told = obey(desk, Word(word), watch_id, claim_at(body), None)
    desk.later(lambda: _renew(desk, body))
    return told


def _renew(desk: Desk, body: Body) -> None:
    """Show what stands there now, where it was pressed."""
    claim = claim_at(body)
    if not text_at(body, "container", "channel_id"):
        show_home(desk, claim)
        return
    told = desk.answer(lambda: listed(desk, claim, _page(value_at(body).partition(" ")[0])))
    if told is not None:
        desk.replace(text_at(body, "response_url"), told)


def _tell(desk: Desk, body: Body, told: Message | None) -> None:
    channel = text_at(body, "container", "channel_id")
    if told is None:
        return
    if not channel:
        # On a home nobody can be whispered to.
        desk.later(lambda: _show(desk, body, told))
        return
    desk.later(lambda: desk.whisper(channel, claim_at(body).user, told, None, text_at(body, "response_url")))


def _show(desk: Desk, body: Body, told: Message) -> None:
    desk.open_form(text_at(body, "trigger_id"), notice(told))


def _watches(desk: Desk) -> list[Watch]:
    return [watch for watch in desk.engine.world.store.watches() if in_slack(watch.channel)]


def _listed(desk: Desk, watch: Watch) -> Listed:
    return Listed(desk.card(watch), desk.link(watch))


def _is_of(watch: Watch, claim: Claim) -> bool:
    return watch.owner.kind is ActorKind.SLACK and watch.owner.id == claim.user


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0  # noqa: PLR2004  # no list is longer
