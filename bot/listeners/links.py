"""Links of runs that people post: what is known of the run, or an offer to watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.limits import Block, Message
from bot.blocks.links import offer_blocks, watched_blocks
from bot.ids import Action, Place, in_slack
from bot.listeners.addresses import run_at
from bot.listeners.desk import Desk
from bot.listeners.once import Once
from bot.listeners.parsing import Typed
from bot.listeners.payloads import text_at
from bot.listeners.registering import begin
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.run import RunRef, parse_wandb_run

_COMPOSER = "COMPOSER"
"""The channel that Slack tells of a message that is still being written. It looks like an id."""
_MOST = 3
"""Links of one message that are shown; more of them would bury it."""

Body = Mapping[str, Any]


def register(app: App, desk: Desk) -> None:
    """Listen to links, and to the button below them."""
    once = Once()

    @app.event("link_shared")
    def shared(event: Mapping[str, Any], body: Body) -> None:
        if once.first(text_at(body, "event_id")):
            _shown(desk, event, body)

    @app.action(Action.WATCH_LINK)
    def pressed(ack: Callable[..., Any], body: Body) -> None:
        told = desk.answer(lambda: _watch(desk, body))
        ack()
        if told is not None:
            desk.later(lambda: _tell(desk, body, told))


def _shown(desk: Desk, event: Mapping[str, Any], body: Body) -> None:
    """Put something below the links of a message that stands in a channel of the own workspace."""
    place = Place(text_at(event, "channel"), text_at(event, "message_ts"))
    # Of a message that is still being written the posted one will be told again.
    if text_at(event, "source") == "composer" or place.channel == _COMPOSER or not in_slack(place.channel):
        return
    try:
        desk.actors.claimed(Claim(text_at(event, "user"), text_at(body, "team_id")))
    except NotAllowedError:
        return
    entries = event.get("links")
    links = [text_at(entry, "url") for entry in entries] if isinstance(entries, Sequence) else []
    shown: dict[str, Sequence[Block]] = {}
    for url in dict.fromkeys(links):
        run = run_at(url, desk.settings)
        if run is not None and len(shown) < _MOST:
            shown[url] = _below(desk, run, place.channel)
    if shown:
        desk.later(lambda: desk.unfurl(place, shown))


def _below(desk: Desk, run: RunRef, channel: str) -> Sequence[Block]:
    watches = [w for w in desk.engine.world.store.watches() if w.run == run and in_slack(w.channel)]
    # Of several the one of this channel, whose numbers are read here anyway.
    watches.sort(key=lambda watch: watch.channel != channel)
    if not watches:
        return offer_blocks(str(run))
    watch = watches[0]
    return watched_blocks(desk.card(watch), desk.link(watch), here=watch.channel == channel)


def _watch(desk: Desk, body: Body) -> Message:
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else {}
    run = parse_wandb_run(text_at(first, "value"))
    channel = text_at(body, "container", "channel_id")
    told = begin(desk, Claim(text_at(body, "user", "id"), text_at(body, "user", "team_id")), Typed(str(run)), channel)
    place, url = Place(channel, text_at(body, "container", "message_ts")), text_at(body, "container", "app_unfurl_url")
    if run_at(url, desk.settings) == run:
        desk.later(lambda: desk.unfurl(place, {url: _below(desk, run, channel)}))
    return told


def _tell(desk: Desk, body: Body, told: Message) -> None:
    user, thread = text_at(body, "user", "id"), text_at(body, "message", "thread_ts")
    channel, url = text_at(body, "container", "channel_id"), text_at(body, "response_url")
    desk.whisper(channel, user, told, thread or None, url)
