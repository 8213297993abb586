"""All of the bot put together, read from top to bottom."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import time as time_of_day
from functools import partial
from typing import Any

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from bot.actors import Actors
from bot.blocks.words import Setting
from bot.ids import Place
from bot.listeners import actions, commands, events, form, links, listing
from bot.listeners.desk import Desk
from bot.notifier.board import Board
from bot.notifier.digest import DailyDigest
from bot.notifier.notifier import SlackNotifier
from bot.notifier.threads import Threads
from bot.notifier.web import Web
from bot.texts import text
from bot.upkeep import Errands, Roster, Shared, Silences
from trainwatch_core.bootstrap import choices
from trainwatch_core.config import Settings
from trainwatch_core.engine.engine import Engine


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
        deaf: Slack was not heard for so many seconds: told to the operator, and by `status`.
    """

    app: App
    engine: Engine
    board: Board
    digest: DailyDigest | None
    actors: Actors
    team: str
    tick: Callable[[], None]
    deaf: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Running:
    """How a bot runs.

    Attributes:
        errands: Does what listeners hand over.
        listening: Runs listeners; None for Bolt's own pool of ten.
        monotonic: Seconds.
        secret: What Slack signs its requests with; empty if it comes by the socket, which needs no signature.
    """

    errands: Executor
    listening: Executor | None = None
    monotonic: Callable[[], float] = time.monotonic
    secret: str = field(default="", repr=False)


def assemble(
    engine: Engine,
    web: Web,
    notifier: SlackNotifier,
    actors: Actors,
    core: Settings,
    me: Mapping[str, Any],
    running: Running,
) -> Bot:
    """Wire an engine to Slack, both ways.

    Args:
        engine: Does the work.
        web: Slack.
        notifier: The engine's.
        actors: Who is who.
        core: The file.
        me: Who the bot is, as `auth.test` says.
        running: Who works, by which clock, and how Slack is recognised.
    """
    threads = Threads(engine.world.store, str(me.get("url", "")))
    notifier.open(engine.world.store, threads)
    setting = notifier.setting
    board = Board(engine, web, threads, setting, notifier.pace, monotonic=running.monotonic)
    team = str(me.get("team_id", ""))
    roster, errands, silences = Roster(engine), Errands(running.errands), Silences()
    roster.renew()

    def knock() -> None:
        roster.renew()
        engine.tick()

    def tick() -> None:
        knock()
        errands.once("sweep", board.sweep)

    def deaf(seconds: float) -> None:
        silences.over(engine.world.clock.now(), seconds)
        errands.later(lambda: notifier.tell_operator(text("was-deaf", seconds=round(seconds))))

    desk = Desk(
        engine=engine,
        settings=core,
        setting=setting,
        actors=actors,
        watch_at=threads.watch_at,
        question_at=partial(_question_at, threads),
        card_at=threads.root,
        card=board.card,
        link=lambda watch: threads.address(watch.id),
        shared=Shared(web.channel),
        refresh=board.refresh,
        knock=knock,
        whisper=web.whisper,
        react=web.react,
        unfurl=web.unfurl,
        silence=lambda: silences.lately(engine.world.clock.now()),
        later=errands.later,
        soon=errands.soon,
        open_form=web.open_form,
        update_form=web.update_form,
        replace=web.replace,
        show_home=web.show_home,
        choices=choices(core),
        me=str(me.get("user_id", "")),
    )
    app = _listening(desk, web, me, running)
    return Bot(app, engine, board, _digest(engine, web, core, threads, setting), actors, team, tick, deaf)


def _listening(desk: Desk, web: Web, me: Mapping[str, Any], running: Running) -> App:
    app = App(
        client=web.client,
        signing_secret=running.secret,
        authorize=lambda **_: _own(me, str(web.client.token)),
        logger=logging.getLogger("slack_bolt"),
        listener_executor=running.listening,
        raise_error_for_unhandled_request=False,
    )
    for listeners in (commands, actions, events, form, links, listing):
        listeners.register(app, desk)
    return app


def _digest(  # what a digest is made of
    engine: Engine, web: Web, core: Settings, threads: Threads, setting: Setting
) -> DailyDigest | None:
    if core.slack.digest_channel is None:
        return None
    return DailyDigest(
        engine.world,
        web,
        core.slack.digest_channel,
        setting=setting,
        at=time_of_day.fromisoformat(core.slack.digest_at),
        link=lambda watch: threads.address(watch.id),
    )


def _question_at(threads: Threads, watch_id: str, request_id: str) -> Place | None:
    found = threads.question(watch_id, request_id)
    return found[1] if found is not None else None


def _own(me: Mapping[str, Any], token: str) -> AuthorizeResult:
    # Known since the start: Bolt would ask Slack with the first click.
    return AuthorizeResult(
        enterprise_id=None,
        team_id=str(me.get("team_id", "")),
        bot_user_id=str(me.get("user_id", "")),
        bot_id=str(me.get("bot_id", "")),
        bot_token=token,
    )
