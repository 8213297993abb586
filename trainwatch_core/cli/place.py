"""Where a command runs: its settings, its person, its screen."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from trainwatch_core.adapters.attachment import Attachment
from trainwatch_core.adapters.notifiers.terminal import TerminalNotifier
from trainwatch_core.bootstrap import build, user_name
from trainwatch_core.cli.screen import Screen
from trainwatch_core.config import Settings, load_settings
from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.message import Body

CHANNEL = "terminal"


@dataclass(frozen=True, slots=True)
class Place:
    """What every command needs.

    Attributes:
        settings: As configured.
        actor: The person at the terminal.
        screen: Where to show things.
        engine: Looks after no watch until told which.
        attachment: Holds watches for this process.
        notifier: Prints messages.
        heard: Messages after they were printed.
    """

    settings: Settings
    actor: Actor
    screen: Screen
    engine: Engine
    attachment: Attachment
    notifier: TerminalNotifier
    heard: deque[Body]


def local_actor() -> Actor:
    """The operating-system user who runs this command."""
    return Actor(ActorKind.LOCAL, user_name(os.geteuid()))


def load(ctx: click.Context) -> Settings:
    """The settings of this call.

    Raises:
        ConfigError: If they cannot be used.
    """
    return load_settings(ctx.obj["config"], os.environ, cwd=Path.cwd())


def open_place(ctx: click.Context, settings: Settings | None = None) -> Place:
    """Open the database and wire everything; closed again with the click context."""
    settings = settings or load(ctx)
    for chatty in ("apscheduler", "alembic", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.basicConfig(
        level=logging.INFO if ctx.obj["debug"] else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    screen = Screen(sys.stdout, dict(os.environ))
    heard: deque[Body] = deque()
    notifier = TerminalNotifier(
        screen.say,
        pictures=settings.pictures,
        zone=settings.timezone,
        width=screen.width,
        heard=heard.append,
    )
    stack = ExitStack()
    ctx.call_on_close(stack.close)
    engine = stack.enter_context(build(settings, notifier, environ=os.environ))
    attachment = Attachment(settings.data_dir / "attached")
    stack.callback(attachment.release)
    return Place(settings, local_actor(), screen, engine, attachment, notifier, heard)
