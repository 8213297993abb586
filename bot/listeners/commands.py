"""`/watch`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.answers import help_message, list_message, word_message
from bot.blocks.limits import Message
from bot.ids import COMMAND, in_slack
from bot.listeners.context import NEEDS, run_of, settled
from bot.listeners.desk import Desk, text_at
from bot.listeners.parsing import TEST, Typed, Word, read_command
from bot.listeners.verbs import obey
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.watch import Mode
from trainwatch_core.report.compose import safe

_LISTED = 20
"""Watches that `/watch list` shows."""


def register(app: App, desk: Desk) -> None:
    """Listen to `/watch`."""

    @app.command(COMMAND)
    def watch(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        claim = Claim(text_at(body, "user_id"), text_at(body, "team_id"))
        words, channel = text_at(body, "text"), text_at(body, "channel_id")
        told = desk.answer(lambda: typed_by(desk, claim, words, channel)) or word_message(text("done"))
        # The answer travels with the acknowledgement: no further call, seen by the person only.
        ack(response_type="ephemeral", text=told.text, blocks=list(told.blocks))


def typed_by(desk: Desk, claim: Claim, words: str, channel: str) -> Message:
    """Do what somebody typed after `/watch`, or after the name of the bot; returns what they alone are told.

    Raises:
        TrainwatchError: If it is not done.
    """
    typed = read_command(words)
    if typed.run in {"", "help"}:
        return help_message()
    if typed.run == TEST and "watch" in typed.options:
        return _test(desk, claim, typed.options["watch"])
    if typed.run == "list" and not typed.options:
        desk.admit(claim, Verb.SEE, None)
        watches = [w for w in desk.engine.world.store.watches() if in_slack(w.channel)]
        # A card costs a look into a history: the rest is counted only, the answer is due within three seconds.
        cards = [(desk.card(w), desk.link(w)) for w in watches[:_LISTED]]
        return list_message(cards, desk.setting, further=len(watches) - len(cards))
    return begin(desk, claim, typed, channel)


def _test(desk: Desk, claim: Claim, named: str) -> Message:
    """The dry test of an open watch of Slack's, which is named by its run or its id."""
    desk.admit(claim, Verb.SEE, None)
    watch = desk.engine.watches.find(named if "/" not in named else str(run_of(named, desk.settings)))
    if not in_slack(watch.channel):
        raise NotFoundError(text("no-such-watch"), where=safe(named))
    return obey(desk, Word.TEST, watch.id, claim, None) or word_message(text("done"))


def begin(desk: Desk, claim: Claim, typed: Typed, typed_in: str) -> Message:
    """Watch a run.

    Raises:
        TrainwatchError: If it is not watched.
    """
    actor = desk.admit(claim, Verb.WATCH, None)
    for key in typed.options:
        if key in NEEDS:
            desk.admit(claim, NEEDS[key], None)
    run = run_of(typed.run, desk.settings)
    defaults = desk.settings.watch_defaults(run)
    context = settled(typed.options, defaults.context, desk.settings)
    if context.mode is Mode.AUTO and defaults.context.mode is not Mode.AUTO:
        desk.admit(claim, Verb.GO_AUTOMATIC, None)
    channel = _channel(desk, typed_in)
    with desk.registering:
        _require_new(desk, run, channel)
        watch = desk.engine.watches.register(
            Registration(run, actor, channel, context, defaults.policy, defaults.context, card=True)
        )
    desk.later(desk.knock)
    where = text("watching-here") if channel == typed_in else text("watching-there")
    return word_message(text("watching", run=safe(str(watch.run)), where=where))


def _channel(desk: Desk, typed_in: str) -> str:
    """Where the watch reports.

    Raises:
        InvalidInputError: If no channel is set and the command came from none.
        NotAllowedError: If others than the own workspace read there.
    """
    channel = desk.settings.slack.channel or typed_in
    if not in_slack(channel) or channel.startswith("D"):
        raise InvalidInputError(text("wants-channel"), todo=text("wants-channel-todo"))
    if desk.shared(channel):
        raise NotAllowedError(text("shared-channel"), todo=text("shared-channel-todo"))
    return channel


def _require_new(desk: Desk, run: RunRef, channel: str) -> None:
    for watch in desk.engine.world.store.watches():
        if watch.run == run and watch.channel == channel:
            raise ConflictError(text("watched-already"), where=safe(str(run)), todo=text("see-list"))
