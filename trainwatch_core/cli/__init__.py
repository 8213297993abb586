"""The terminal front end. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from trainwatch_core.cli.streams import use_standard_streams
from trainwatch_core.model.errors import InvalidInputError, TrainwatchError

_COMMANDS = {
    "watch": ("trainwatch_core.cli.watching", "watch"),
    "check": ("trainwatch_core.cli.checking", "check"),
    "list": ("trainwatch_core.cli.managing", "list_watches"),
    "show": ("trainwatch_core.cli.managing", "show"),
    "pause": ("trainwatch_core.cli.managing", "pause"),
    "resume": ("trainwatch_core.cli.managing", "resume"),
    "edit": ("trainwatch_core.cli.telling", "edit"),
    "snooze": ("trainwatch_core.cli.telling", "snooze"),
    "note": ("trainwatch_core.cli.telling", "note"),
    "end": ("trainwatch_core.cli.managing", "end"),
    "stop": ("trainwatch_core.cli.managing", "stop"),
    "test": ("trainwatch_core.cli.trying", "test"),
    "digest": ("trainwatch_core.cli.digesting", "digest"),
    "audit": ("trainwatch_core.cli.auditing", "audit"),
    "expect": ("trainwatch_core.cli.expecting", "expect"),
    "false-alarm": ("trainwatch_core.cli.expecting", "false_alarm"),
    "replay": ("trainwatch_core.cli.replaying", "replay"),
    "backtest": ("trainwatch_core.cli.backtesting", "backtest"),
    "parse": ("trainwatch_core.cli.parsing", "parse"),
    "demo": ("trainwatch_core.cli.demo", "demo"),
    "init": ("trainwatch_core.cli.init", "init"),
    "doctor": ("trainwatch_core.cli.doctor", "doctor"),
}
FAILED, MISUSED, LEFT = 1, 2, 130


class _Lazy(click.Group):
    """Imports a command's module when it is asked for, and says errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a person meets them."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(__import__(module, fromlist=[name]), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # as click says
        """Run a command; what goes wrong on purpose is said in words."""
        try:
            return super().invoke(ctx)
        except TrainwatchError as error:
            if ctx.params.get("debug"):
                raise
            say_error(error)
            ctx.exit(MISUSED if isinstance(error, InvalidInputError) else FAILED)


_HELP = {
    "watch": "Watch runs: stay open, report each round, ask on STOP.",
    "check": "Look once: exit code 0 CONTINUE, 10 WAIT, 20 STOP.",
    "list": "The open watches.",
    "show": "One watch: what is known, and its last rounds.",
    "pause": "Take no looks until resumed.",
    "resume": "Look again.",
    "edit": "Tell a watch anew what it was told: interval, baseline, launch, ...",
    "snooze": "Post no ordinary rounds for a while. Looking goes on.",
    "note": "Keep some words about a watch, with its audit and its notes.",
    "end": "Give a watch up. The run goes on.",
    "stop": "Stop the run of a watch now, with the same proof as ever.",
    "test": "Try out what a watch rests on; nothing is stopped.",
    "digest": "The day at a glance: who needs somebody, what ended, what was saved.",
    "audit": "Who asked, approved, refused and stopped what, with command and proof.",
    "expect": "A change is meant to happen: what follows from it is no reason to stop.",
    "false-alarm": "What a watch shows now is meant to be so; declines a stop that waits.",
    "replay": "Watch finished runs again: what would have been decided, round by round.",
    "backtest": "Replay the finished runs of a project: which would have been stopped, hours saved, wrong stops.",
    "parse": "Show what is understood of a training log.",
    "demo": "A real little training, watched, gone wrong, stopped.",
    "init": "Set the Slack bot up: two tokens, a channel, your id.",
    "doctor": "Check configuration, data, W&B, stoppers and Slack.",
}


def say_error(error: TrainwatchError) -> None:
    """Print what was wrong, where, and what to do."""
    click.secho(f"Error: {error.what}", fg="red", err=True)
    if error.where:
        click.echo(f"  where: {error.where}", err=True)
    if error.todo:
        click.echo(f"  what to do: {error.todo}", err=True)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration file (default: ./trainwatch.toml, then the user's).",
)
@click.option("--debug", is_flag=True, help="Show tracebacks and the log of trainwatch.")
@click.version_option(package_name="trainwatch", prog_name="trainwatch")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, *, debug: bool) -> None:
    """Watch training runs while you sleep: CONTINUE, WAIT or STOP, with proof.

    A run is <entity>/<project>/<run id>, the address of its page, an offline run (directory or .wandb file), or a log.
    """
    ctx.ensure_object(dict).update(config=config, debug=debug)


def main() -> None:
    """The console script."""
    use_standard_streams()
    call: dict[str, object] = {}
    try:
        # Outside of its standalone mode click returns the code of ctx.exit().
        code = cli.main(prog_name="trainwatch", standalone_mode=False, obj=call)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        # A command that could have stopped something by now tells by itself how that stands.
        click.echo("\nLeft." if call.get("acted") else "\nLeft. Nothing was stopped.", err=True)
        sys.exit(LEFT)
