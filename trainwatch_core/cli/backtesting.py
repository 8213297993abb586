"""`trainwatch backtest`: what trainwatch would have done to the finished runs of a project."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from trainwatch_core import registry
from trainwatch_core.adapters.workers import Bounds, in_workers
from trainwatch_core.cli.cases import Case, read_case
from trainwatch_core.cli.place import load
from trainwatch_core.cli.replaying import keep_file, rounds_of
from trainwatch_core.cli.screen import Screen
from trainwatch_core.config import Settings
from trainwatch_core.engine.replaying import moments
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.run import parse_wandb_project
from trainwatch_core.report.backtest import (
    KeyMetric,
    Outcome,
    Trial,
    best,
    choose_metric,
    record,
    row,
    summary,
    worst_first,
)
from trainwatch_core.report.redact import clean, redact
from trainwatch_core.report.sheet import SheetSpec, thinned, title_of

BOUNDS = Bounds(seconds=300.0)
"""Of one run: its reading from the server included."""
_LONGEST_NAME = 60
_COLOURS = {Outcome.WRONG: "red", Outcome.MISSED: "yellow", Outcome.STOPPED: "green"}
_WIDEST = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run to replay.

    Attributes:
        run: As `locate` reads it.
        rounds: How many looks.
        settings: As configured.
    """

    run: str
    rounds: int
    settings: Settings


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
    runs = _runs(place, settings, last)
    played = in_workers(attempt, [Attempt(run, rounds, settings) for run in runs], bounds=BOUNDS)
    trials: list[Trial] = []
    failures: dict[str, str] = {}
    for run, done in zip(runs, played, strict=True):
        if done.result is not None:
            trials.append(done.result)
        else:
            failures[clean(redact(run))] = clean(redact(done.problem))
    trials = worst_first(trials)
    _print(trials, failures)
    if json_file is not None:
        told = {"rounds": rounds, "runs": [record(one) for one in trials], "not_replayed": failures}
        keep_file(json_file, json.dumps(told, indent=1).encode())
    if png is not None and trials:
        keep_file(png, _painted(trials))
    ctx.exit(1 if failures else 0)


def _runs(place: str, settings: Settings, last: int) -> Sequence[str]:
    folder = Path(place).expanduser()
    if folder.is_dir():
        return registry.offline_runs(str(folder.absolute()), last=last)
    if place.startswith(("/", "./", "../", "~")):
        raise InvalidInputError("There is no such folder", where=place[:200])
    return registry.finished_runs(parse_wandb_project(place), settings, last=last)


def attempt(wish: Attempt) -> Trial:
    """Replay one run.

    Raises:
        TrainwatchError: If it cannot be read.
    """
    case = read_case(wish.run, wish.settings, cwd=Path("/"))
    played = [done for done, _ in rounds_of(case, wish.rounds)]
    stop = played[-1] if played and played[-1].verdict.decision is Decision.STOP else None
    looks = moments(case.recording.times, wish.rounds, case.until)
    seen = looks[stop.number - 1].rows if stop else len(case.recording)
    elapsed, saved = _times(case, seen)
    metric, before, after = _judged(case, seen)
    return Trial(
        run=clean(redact(case.ended.name or case.name), _LONGEST_NAME),
        where=clean(redact(str(case.run))),
        ended=case.ended.state if case.ended.state is not None and case.ended.state.over else None,
        looks=len(played),
        alarms=sum(done.verdict.decision is Decision.WAIT for done in played),
        stop_step=stop.last_step if stop else None,
        elapsed=elapsed,
        saved=saved if stop else 0.0,
        reason=clean(redact(stop.verdict.reasons[0].text)) if stop else "",
        metric=metric,
        before=before,
        after=after,
    )


def _times(case: Case, seen: int) -> tuple[float, float]:
    """Seconds until the row that was seen last, and from there to the last one."""
    times = case.recording.times
    known, before = times[np.isfinite(times)], times[:seen][np.isfinite(times[:seen])]
    if not len(before):
        return math.nan, math.nan
    return float(before.max() - known.min()), float(known.max() - before.max())


def _judged(case: Case, seen: int) -> tuple[KeyMetric | None, float, float]:
    """The key metric, and its best value before and after a row."""
    columns, context = case.recording.columns, case.context
    counts = {name: len(values) for name, (_, values) in columns.items()}
    chosen = choose_metric(counts, context.key_metrics, context.goals)
    if chosen is None:
        return None, math.nan, math.nan
    name, goal = chosen
    rows, values = columns[name]
    early = rows < seen
    # What is drawn goes between processes: a thinned curve will do.
    steps, shown = thinned(case.recording.steps[rows], values)
    metric = KeyMetric(clean(redact(name), _LONGEST_NAME), goal, steps, shown)
    return metric, best(values[early], goal), best(values[~early], goal)


def _painted(trials: Sequence[Trial]) -> bytes:
    from trainwatch_core.adapters.charts import MatplotlibPainter  # noqa: PLC0415  # a second, only when needed

    return MatplotlibPainter().paint_sheet(SheetSpec(title_of(trials), tuple(trials)))


def _print(trials: Sequence[Trial], failures: dict[str, str]) -> None:
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
    for sentence in summary(trials, failures):
        click.echo(click.wrap_text(sentence, width, subsequent_indent="  "))


def _line(cells: dict[str, str], sizes: dict[str, int]) -> str:
    return "  ".join(_shortened(cells[name], size).ljust(size) for name, size in sizes.items()).rstrip()


def _shortened(text: str, size: int) -> str:
    """Names of one sweep begin alike and end differently: what is cut is the middle."""
    return text if len(text) <= size else f"{text[: size // 2 - 1]}…{text[-(size - size // 2) :]}"
