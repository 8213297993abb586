"""`trainwatch check`: one round, and an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from trainwatch_core.adapters.notifiers.terminal import TerminalNotifier
from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.bootstrap import build
from trainwatch_core.cli.options import as_given, settle, watch_options
from trainwatch_core.cli.place import CHANNEL, load, local_actor
from trainwatch_core.cli.screen import Screen
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import Body, Picture, Report

EXIT_CODES = {Decision.CONTINUE: 0, Decision.WAIT: 10, Decision.STOP: 20}


@click.command()
@click.argument("run")
@watch_options
@click.pass_context
def check(ctx: click.Context, /, run: str, **options: object) -> None:
    """Look at RUN once, report, and exit: 0 CONTINUE, 10 WAIT, 20 STOP. Nothing is stored and nothing is stopped."""
    settings = load(ctx)
    cwd = Path.cwd()
    ref = locate(run, cwd=cwd)
    defaults = settings.watch_defaults(ref)
    context = settle(defaults.context, as_given(options), cwd=cwd)
    # One look cannot wait for further rounds: patience in rows and in the share of the run still holds.
    policy = replace(defaults.policy, hard_rounds=1, soft_rounds=1, confirm_share=0.0)
    context = replace(context, launch="", stop_command="", notes_path="")
    screen = Screen(sys.stdout, dict(os.environ))

    def say(body: Body, text: str) -> None:
        if isinstance(body, Report | Picture):
            screen.say(body, text)

    class OneLook(TerminalNotifier):
        """There is no next check."""

        def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
            body = replace(body, next_at=None) if isinstance(body, Report) else body
            return super().deliver(key, body, picture)

    with tempfile.TemporaryDirectory(prefix="trainwatch-check-") as scratch:
        apart = replace(settings, data_dir=Path(scratch))
        notifier = OneLook(say, pictures=settings.pictures, zone=settings.timezone, width=screen.width)
        with build(apart, notifier, environ=os.environ) as engine:
            watch = engine.watches.register(
                Registration(ref, local_actor(), CHANNEL, context, policy, defaults.context)
            )
            done = engine.check_once(watch)
    if done is None:
        raise StorageError("The round could not be carried out", where=str(ref))
    ctx.exit(EXIT_CODES[done.verdict.decision])
