"""`trainwatch backtest`: what trainwatch would have done to the finished runs of a project."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from trainwatch_core.adapters.workers import Bounds
from trainwatch_core.backtesting.trials import play, runs_at
from trainwatch_core.cli.place import load
from trainwatch_core.cli.replaying import keep_file
from trainwatch_core.cli.screen import Screen
from trainwatch_core.report.backtest import Backtested, Outcome, Trial, record, row, summary
from trainwatch_core.report.sheet import SheetSpec, title_of

BOUNDS = Bounds(seconds=300.0)
"""Of one run: its reading from the server included."""
_COLOURS = {Outcome.WRONG: "red", Outcome.MISSED: "yellow", Outcome.STOPPED: "green"}
_WIDEST = 32


@click.command()
@click.argument("place", metavar="ENTITY/PROJECT|FOLDER")
@click.option(
    "--last", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many runs, newest first."
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=24, show_default=True, help="Looks at each run.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="File for all figures.")
@click.option("--png", type=click.Path(path_type=Path), help="File for one picture of all runs, the worst first.")
@click.pass_context
def backtest(ctx: click.Context, place: str, last: int, rounds: int, json_file: Path | None, png: Path | None) -> None:
    """Replay finished runs: which would have been stopped, when, how they really ended, and what that had saved.

    The runs are those of a W&B project, or the offline runs in a folder. Nothing is stopped, written to W&B or watched.
    """
    settings = load(ctx)
    done = play(runs_at(place, settings, last), settings, rounds=rounds, bounds=BOUNDS)
    _print(done)
    if json_file is not None:
        told = {"rounds": rounds, "runs": [record(one) for one in done.trials], "not_replayed": dict(done.failures)}
        keep_file(json_file, json.dumps(told, indent=1).encode())
    if png is not None and done.trials:
        keep_file(png, _painted(done.trials))
    ctx.exit(1 if done.failures else 0)


def _painted(trials: Sequence[Trial]) -> bytes:
    from trainwatch_core.adapters.charts import MatplotlibPainter  # noqa: PLC0415  # a second, only when needed

    return MatplotlibPainter().paint_sheet(SheetSpec(title_of(trials), tuple(trials)))


def _print(done: Backtested) -> None:
    trials = done.trials
    width = Screen(sys.stdout, dict(os.environ)).width()
    rows = [row(one) for one in trials]
    if rows:
        sizes = {name: min(_WIDEST, max(len(name), *(len(cells[name]) for cells in rows))) for name in rows[0]}
        click.secho(_line({name: name for name in sizes}, sizes), bold=True)
        for one, cells in zip(trials, rows, strict=True):
            click.secho(_line(cells, sizes), fg=_COLOURS.get(one.outcome))
            if one.reason:
                click.echo(click.wrap_text(one.reason, width, initial_indent="    ", subsequent_indent="    "))
        click.echo()
    for sentence in summary(done):
        click.echo(click.wrap_text(sentence, width, subsequent_indent="  "))


def _line(cells: dict[str, str], sizes: dict[str, int]) -> str:
    return "  ".join(_shortened(cells[name], size).ljust(size) for name, size in sizes.items()).rstrip()


def _shortened(text: str, size: int) -> str:
    """Names of one sweep begin alike and end differently: what is cut is the middle."""
    return text if len(text) <= size else f"{text[: size // 2 - 1]}…{text[-(size - size // 2) :]}"
