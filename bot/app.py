"""All of the bot put together, read from top to bottom."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult

from bot.actors import Actors
from bot.blocks.words import Setting
from bot.ids import Place
from bot.listeners import actions, commands, events
from bot.listeners.desk import Desk
from bot.notifier.board import Board
from bot.notifier.digest import DailyDigest
from bot.notifier.notifier import SlackNotifier
from bot.notifier.threads import Threads
from bot.notifier.web import Web
from bot.settings import BotSettings
from bot.upkeep import Errands, Hearing, Roster, Shared, logged, take_over
from trainwatch_core.bootstrap import build, make_daily, make_ticker, only_one
from trainwatch_core.config import Settings
from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.errors import ConfigError, ConflictError, DeliveryError
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Ticker

_LOG = logging.getLogger(__name__)
TICK = 0.5
"""Seconds between two knocks: a click on "Check now" does not wait longer."""
PING = 5.0
"""Seconds between pings."""
_WARM = 240.0
"""Seconds between two look-ups of the named users: a click finds them known."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that is put together.

    Attributes:
        app: Takes what Slack sends.
        engine: Does the work.
        board: Keeps cards and questions true.
        digest: Tells about the day; None if nobody wants it.
        actors: Who is who.
        team: The home workspace.
        tick: One knock: the engine's, then the board's by a worker.
    """

    app: App
    engine: Engine
    board: Board
    digest: DailyDigest | None
    actors: Actors
    team: str
    tick: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Workers:
    """Who works.

    Attributes:
        errands: Does what listeners hand over.
        listening: Runs listeners; None for Bolt's own pool of ten.
        monotonic: Seconds.
    """

    errands: Executor
    listening: Executor | None = None
    monotonic: Callable[[], float] = time.monotonic


@contextmanager
def open_bot(settings: BotSettings, *, environ: Mapping[str, str]) -> Iterator[Bot]:
    """Ask Slack who we are, open the database, wire everything; closed when the block ends. Nothing runs yet.

    Raises:
        ConfigError: If Slack does not let us in.
        StorageError: If the database cannot be used.
    """
    core, web = settings.core, Web(settings.tokens.bot, settings.tokens.api_url)
    me = _me(web)
    team = str(me.get("team_id", ""))
    setting = Setting(core.timezone, tuple(dict.fromkeys((*core.approvers, *core.admins))))
    notifier = SlackNotifier(
        web,
        setting,
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        operator_channel=core.slack.operator_channel,
    )
    core.chat_notes.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(core), build(core, notifier, environ=environ, team=team) as engine:
        errands = ThreadPoolExecutor(4, thread_name_prefix="trainwatch-errand")
        try:
            yield assemble(engine, web, notifier, setting, core, me, Workers(errands))
        finally:
            errands.shutdown(wait=True, cancel_futures=True)


def assemble(
    engine: Engine,
    web: Web,
    notifier: SlackNotifier,
    setting: Setting,
    core: Settings,
    me: Mapping[str, Any],
    workers: Workers,
) -> Bot:
    """Wire an engine to Slack, both ways.

    Args:
        engine: Does the work.
        web: Slack.
        notifier: The engine's.
        setting: Zone and approvers.
        core: The file.
        me: Who the bot is, as `auth.test` says.
        workers: Who works, and by which clock.
    """
    threads = Threads(engine.world.store)
    notifier.open(engine.world.store, threads)
    board = Board(engine, web, threads, setting, monotonic=workers.monotonic)
    team = str(me.get("team_id", ""))
    actors = Actors(team, web.user, monotonic=workers.monotonic)
    roster, errands = Roster(engine), Errands(workers.errands)
    roster.renew()

    def knock() -> None:
        roster.renew()
        engine.tick()

    def tick() -> None:
        knock()
        errands.once("sweep", board.sweep)

    link = partial(_address, threads, str(me.get("url", "")))
    desk = Desk(
        engine=engine,
        settings=core,
        setting=setting,
        actors=actors,
        watch_at=threads.watch_at,
        question_at=partial(_question_at, threads),
        card_at=threads.root,
        card=board.card,
        link=link,
        shared=Shared(web.channel),
        refresh=board.refresh,
        knock=knock,
        whisper=lambda channel, user, told, thread: web.whisper(channel, user, told, thread_ts=thread),
        react=web.react,
        later=errands.later,
    )
    app = _listening(desk, web, me, workers)
    return Bot(app, engine, board, _digest(engine, web, core, board, link), actors, team, tick)


def _listening(desk: Desk, web: Web, me: Mapping[str, Any], workers: Workers) -> App:
    app = App(
        client=web.client,
        authorize=lambda **_: _own(me, str(web.client.token)),
        logger=logging.getLogger("slack_bolt"),
        listener_executor=workers.listening,
        raise_error_for_unhandled_request=False,
    )
    for listeners in (commands, actions, events):
        listeners.register(app, desk)
    return app


def _digest(engine: Engine, web: Web, core: Settings, board: Board, link: Callable[[Watch], str]) -> DailyDigest | None:
    if core.slack.digest_channel is None:
        return None
    return DailyDigest(
        engine.world.store,
        engine.world.clock,
        web,
        core.slack.digest_channel,
        zone=core.timezone,
        at=core.slack.digest_at,
        card=board.card,
        link=link,
    )


def _address(threads: Threads, url: str, watch: Watch) -> str:
    """Where the thread of a watch is read; empty while it has none."""
    root = threads.root(watch.id)
    return f"{url.rstrip('/')}/archives/{root.channel}/p{root.ts.replace('.', '')}" if root and url else ""


def _question_at(threads: Threads, watch_id: str, request_id: str) -> Place | None:
    found = threads.question(watch_id, request_id)
    return found[1] if found is not None else None


def run(
    settings: BotSettings, *, environ: Mapping[str, str], until: threading.Event, ready: Callable[[], None]
) -> None:
    """Run until told to end; everything under way is put in order then.

    Args:
        settings: What the bot is told.
        environ: The environment.
        until: Set to end.
        ready: Called when the bot is connected.

    Raises:
        TrainwatchError: If it cannot begin.
    """
    with open_bot(settings, environ=environ) as bot:
        bot.board.recall()
        take_over(bot.engine)
        handler = SocketModeHandler(bot.app, settings.tokens.app, ping_interval=PING)
        tickers = _tickers(bot, settings.core)
        bot.engine.start()
        try:
            handler.connect()  # type: ignore[no-untyped-call]  # untyped by its makers
            for ticker in tickers:
                ticker.start()
            ready()
            _stay(bot, handler, settings.core, until)
        finally:
            for ticker in reversed(tickers):
                ticker.stop()
            handler.close()  # type: ignore[no-untyped-call]  # likewise
            bot.engine.stop(timeout=20.0)


def _tickers(bot: Bot, core: Settings) -> list[Ticker]:
    tickers = [make_ticker(bot.tick, every=TICK)]
    if bot.digest is not None:
        digest = bot.digest
        daily: Callable[[], None] = lambda: logged(digest.knock)  # noqa: E731  # a knock returns nothing
        # The clock of the day, and a slow knock beside it: a digest that Slack did not take is tried again.
        tickers += [make_daily(daily, at=core.slack.digest_at, zone=core.timezone), make_ticker(daily, every=60.0)]
    return tickers


def _stay(bot: Bot, handler: SocketModeHandler, core: Settings, until: threading.Event) -> None:
    """Watch the socket and keep the named users known, until told to end."""
    hearing = Hearing(handler)
    named = sorted({*core.admins, *core.approvers, *core.watchers})
    warm_at = 0.0
    while True:
        if time.monotonic() >= warm_at:
            warm_at = time.monotonic() + _WARM
            for user in named:
                logged(lambda user=user: bot.actors.refresh(user))  # type: ignore[misc]  # bound at once
        if until.wait(PING / 2):
            return
        logged(hearing.check)


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
    try:
        me = web.me()
    except DeliveryError as error:
        raise ConfigError("Slack", (f"{error}. Check SLACK_BOT_TOKEN: trainwatch doctor",)) from error
    if not me.get("team_id"):
        raise ConfigError("Slack", ("It does not say which workspace this token belongs to",))
    return me


def _own(me: Mapping[str, Any], token: str) -> AuthorizeResult:
    # Known since the start: Bolt would ask Slack with the first click.
    return AuthorizeResult(
        enterprise_id=None,
        team_id=str(me.get("team_id", "")),
        bot_user_id=str(me.get("user_id", "")),
        bot_id=str(me.get("bot_id", "")),
        bot_token=token,
    )
