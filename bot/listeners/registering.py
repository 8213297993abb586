"""A run is watched from now on, however that was asked for: by command, form, button."""

from __future__ import annotations

from bot.actors import Claim
from bot.blocks.answers import word_message
from bot.blocks.limits import Message
from bot.ids import in_slack
from bot.listeners.context import NEEDS, run_of, settled
from bot.listeners.desk import Desk
from bot.listeners.parsing import Typed
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import ConflictError, InvalidInputError, NotAllowedError
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.watch import Mode
from trainwatch_core.report.compose import safe


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
