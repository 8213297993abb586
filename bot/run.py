"""The bot from its start to its end: let in, connected, kept going, put in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

from bot.actors import Actors, Names
from bot.app import Bot, Running, assemble
from bot.blocks.words import Setting
from bot.notifier.failures import LostReplyError, sorting
from bot.notifier.notifier import SlackNotifier
from bot.notifier.web import Web
from bot.receiving import PING, Http, Receiver, Socket
from bot.settings import BotSettings
from bot.texts import languages, speak
from bot.upkeep import logged, take_over
from trainwatch_core.bootstrap import build, make_daily, make_ticker, only_one
from trainwatch_core.config import Settings
from trainwatch_core.model.errors import ConfigError, ConflictError, DeliveryError
from trainwatch_core.ports import Ticker

TICK = 0.5
"""Seconds between two knocks: a click on "Check now" does not wait longer."""
_WARM = 240.0
"""Seconds between two look-ups of the named users: a click finds them known."""


def run(
    settings: BotSettings,
    *,
    environ: Mapping[str, str],
    until: threading.Event,
    ready: Callable[[str], None],
    http: tuple[str, int] | None = None,
) -> None:
    """Run until told to end; everything under way is put in order then.

    Args:
        settings: What the bot is told.
        environ: The environment.
        until: Set to end.
        ready: Called when Slack can reach the bot, with how.
        http: Where to listen for Slack; None opens a socket to it.

    Raises:
        TrainwatchError: If it cannot begin.
    """
    with open_bot(settings, environ=environ) as bot:
        bot.board.recall()
        take_over(bot.engine)
        receiver: Receiver = (
            Http(bot.app, *http) if http is not None else Socket(bot.app, settings.tokens.app, bot.deaf)
        )
        tickers = _tickers(bot, settings.core)
        bot.engine.start()
        try:
            with _told("SLACK_APP_TOKEN, and that Socket Mode is on"):
                how = receiver.open()
            for ticker in tickers:
                ticker.start()
            ready(how)
            _stay(bot, receiver, settings.core, until)
        finally:
            for ticker in reversed(tickers):
                ticker.stop()
            receiver.close()
            bot.engine.stop(timeout=20.0)


@contextmanager
def open_bot(settings: BotSettings, *, environ: Mapping[str, str]) -> Iterator[Bot]:
    """Ask Slack who we are, open the database, wire everything; closed when the block ends. Nothing runs yet.

    Raises:
        ConfigError: If Slack does not let us in.
        StorageError: If the database cannot be used.
    """
    _begin_to_speak(settings.core.slack.language)
    core, web = settings.core, Web(settings.tokens.bot, settings.tokens.api_url)
    me = _me(web)
    team = str(me.get("team_id", ""))
    names = Names(web.user, monotonic=time.monotonic)
    setting = Setting(core.timezone, tuple(dict.fromkeys((*core.approvers, *core.admins))), names)
    notifier = SlackNotifier(
        web,
        setting,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        operator_channel=core.slack.operator_channel,
    )
    core.chat_notes.mkdir(parents=True, exist_ok=True, mode=0o700)
    actors = Actors(team, web.user, monotonic=time.monotonic)
    with _alone(core), build(core, notifier, environ=environ, team=team, vouch=actors.vouch) as engine:
        errands = ThreadPoolExecutor(4, thread_name_prefix="trainwatch-errand")
        try:
            secret = settings.tokens.signing_secret
            yield assemble(engine, web, notifier, actors, core, me, Running(errands, secret=secret))
        finally:
            errands.shutdown(wait=True, cancel_futures=True)


def _begin_to_speak(language: str) -> None:
    try:
        speak(language)
    except LookupError as error:
        known = ", ".join(languages())
        raise ConfigError("slack.language", (f"There is no catalogue for {language}; there is: {known}",)) from error


def _tickers(bot: Bot, core: Settings) -> list[Ticker]:
    tickers = [make_ticker(bot.tick, every=TICK)]
    if bot.digest is not None:
        digest = bot.digest
        daily: Callable[[], None] = lambda: logged(digest.knock)  # noqa: E731  # a knock returns nothing
        # The clock of the day, and a slow knock beside it: a digest that Slack did not take is tried again.
        tickers += [make_daily(daily, at=core.slack.digest_at, zone=core.timezone), make_ticker(daily, every=60.0)]
    return tickers


def _stay(bot: Bot, receiver: Receiver, core: Settings, until: threading.Event) -> None:
    """Keep the way to Slack open and keep the named users known, until told to end."""
    named = sorted({*core.admins, *core.approvers, *core.watchers})
    warm_at = 0.0
    while True:
        if time.monotonic() >= warm_at:
            warm_at = time.monotonic() + _WARM
            for user in named:
                logged(lambda user=user: bot.actors.refresh(user))  # type: ignore[misc]  # bound at once
        if until.wait(PING / 2):
            return
        logged(receiver.check)


@contextmanager
def _alone(core: Settings) -> Iterator[None]:
    """Two bots on one database would say everything twice."""
    with ExitStack() as stack:
        try:
            stack.enter_context(only_one(core, "slack-bot"))
        except ConflictError as error:
            raise ConflictError("Another bot runs on this database", where=error.where, todo="End it first") from error
        yield


def _me(web: Web) -> Mapping[str, Any]:
    with _told("SLACK_BOT_TOKEN"):
        me = web.me()
    if not me.get("team_id"):
        raise ConfigError("Slack", ("It does not say which workspace this token belongs to",))
    return me


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say in words why Slack cannot be reached at the start, and what to check."""
    try:
        with sorting():
            yield
    except LostReplyError as error:
        raise ConfigError("Slack", (f"{error}. Is the network there? trainwatch doctor tells",)) from error
    except DeliveryError as error:
        raise ConfigError("Slack", (f"{error}. Check {what}: trainwatch doctor",)) from error
