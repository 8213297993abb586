"""`/watch`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.actors import Claim
from bot.blocks.answers import help_message, word_message
from bot.blocks.limits import Message
from bot.ids import COMMAND, in_slack
from bot.listeners.backtesting import backtested
from bot.listeners.context import run_of
from bot.listeners.desk import Desk
from bot.listeners.form import open_edit, open_new
from bot.listeners.listing import listed
from bot.listeners.parsing import BACKTEST, EDIT, MANAGED, Typed, read_command
from bot.listeners.payloads import text_at
from bot.listeners.registering import begin
from bot.listeners.verbs import obey
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.model.errors import NotFoundError
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import safe


def register(app: App, desk: Desk) -> None:
    """Listen to `/watch`."""

    @app.command(COMMAND)
    def watch(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        claim = Claim(text_at(body, "user_id"), text_at(body, "team_id"))
        words, channel = text_at(body, "text"), text_at(body, "channel_id")
        trigger, url = text_at(body, "trigger_id"), text_at(body, "response_url")
        opened: list[bool] = []

        def work() -> Message | None:
            if _opens_form(desk, claim, words, channel, trigger):
                opened.append(True)
                return None
            return typed_by(desk, claim, words, channel)

        told = desk.soon(
            lambda: desk.answer(work),
            lambda late: desk.whisper(channel, claim.user, late or word_message(text("done")), None, url),
        )
        if opened:
            ack()
            return
        told = told or word_message(text("takes-longer"))
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
    if typed.run in MANAGED and "watch" in typed.options:
        return _managed(desk, claim, typed)
    if typed.run == BACKTEST:
        return backtested(desk, claim, typed)
    if typed.run == "list" and not typed.options:
        return listed(desk, claim, 0)
    return begin(desk, claim, typed, channel)


def _opens_form(desk: Desk, claim: Claim, words: str, channel: str, trigger: str) -> bool:
    """Open the form that a command asks for, `/watch` alone or `/watch edit RUN`; whether it asks for one."""
    if not words.strip():
        open_new(desk, claim, trigger, channel)
        return True
    typed = read_command(words)
    if typed.run != EDIT or "watch" not in typed.options:
        return False
    open_edit(desk, claim, trigger, _named(desk, claim, typed.options["watch"]), channel)
    return True


def _managed(desk: Desk, claim: Claim, typed: Typed) -> Message:
    watch = _named(desk, claim, typed.options["watch"])
    word = MANAGED[typed.run]
    if word is None:
        return word_message(text("edit-by-command"))
    return obey(desk, word, watch.id, claim, None) or word_message(text("done"))


def _named(desk: Desk, claim: Claim, named: str) -> Watch:
    """An open watch of Slack's, which is named by its run or its id."""
    desk.admit(claim, Verb.SEE, None)
    watch = desk.engine.watches.find(named if "/" not in named else str(run_of(named, desk.settings)))
    if not in_slack(watch.channel):
        raise NotFoundError(text("no-such-watch"), where=safe(named))
    return watch
