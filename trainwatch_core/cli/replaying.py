"""`trainwatch replay`: finished runs, watched again round by round."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from trainwatch_core.adapters.rehearsal import SetClock
from trainwatch_core.adapters.sources.recorded import RecordedSource
from trainwatch_core.bootstrap import REHEARSAL, rehearse
from trainwatch_core.cli.cases import Case, read_case
from trainwatch_core.cli.place import load
from trainwatch_core.config import Settings
from trainwatch_core.engine import replaying
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import Body, Picture, Report
from trainwatch_core.model.round import Round
from trainwatch_core.report.text import say_report

WIDTH = 120
"""Columns of a printed report."""
Heard = tuple[Body, bytes | None]
"""A message and, of a picture, its PNG."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a case is replayed.

    Attributes:
        case: As named by the person.
        rounds: How many looks.
        text: Whether reports are printed instead of JSON lines.
        pictures: Directory for one PNG a round; empty for none.
        settings: As configured.
        cwd: Where names of files begin.
    """

    case: str
    rounds: int
    text: bool
    pictures: str
    settings: Settings
    cwd: Path


@click.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...")
@click.option("--rounds", type=click.IntRange(1, 10_000), default=24, show_default=True, help="Looks at each run.")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@click.option("--png", type=click.Path(path_type=Path), help="Directory for one picture a round.")
@click.pass_context
def replay(ctx: click.Context, cases: tuple[str, ...], rounds: int, form: str, png: Path | None) -> None:
    """Watch finished runs again: what would have been decided, round by round, to the first STOP.

    A CASE is an offline run, a log, a CSV table with a column of steps, or a directory of series.csv and context.json.
    """
    settings, cwd = load(ctx), Path.cwd()
    wishes = [Wish(case, rounds, form == "text", str(png or ""), settings, cwd) for case in cases]
    failed = False
    for lines, problem in _played(wishes):
        for line in lines:
            click.echo(line)
        if problem:
            failed = True
            click.secho(problem, fg="red", err=True)
    ctx.exit(1 if failed else 0)


def _played(wishes: list[Wish]) -> Iterator[tuple[list[str], str]]:
    workers = min(len(wishes), os.cpu_count() or 1)
    if workers == 1:
        yield from map(play_safely, wishes)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(play_safely, wishes, chunksize=4 if len(wishes) > 4 * workers else 1)


def play_safely(wish: Wish) -> tuple[list[str], str]:
    """The lines of one case, and what went wrong in words; one sick case never keeps the others from being played."""
    lines: list[str] = []
    try:
        case = read_case(wish.case, wish.settings, cwd=wish.cwd)
        for done, messages in rounds_of(case, wish.rounds, paint=bool(wish.pictures)):
            lines += _said(wish, case, done, messages)
    except TrainwatchError as error:
        return lines, f"{wish.case}: {error}"
    return lines, ""


def rounds_of(case: Case, count: int, *, paint: bool = False) -> Iterator[tuple[Round, list[Heard]]]:
    """The rounds of a replay, each with the messages that its front end would have shown."""
    clock, source = SetClock(), RecordedSource(case.recording)
    heard: list[Heard] = []
    looks = replaying.moments(case.recording.times, count, case.until)
    engine = rehearse(source, clock, lambda body, png: heard.append((body, png)), paint=paint)

    def show(moment: replaying.Moment) -> None:
        clock.set(datetime.fromtimestamp(moment.at, UTC))
        source.shown = moment.rows

    show(looks[0])
    watch = engine.watches.register(
        Registration(case.run, REHEARSAL, "replay", case.context, case.policy, case.context)
    )
    for done in replaying.replay(engine, watch, looks, show):
        yield done, heard
        heard.clear()


def _said(wish: Wish, case: Case, done: Round, messages: list[Heard]) -> list[str]:
    lines = []
    for body, png in messages:
        if isinstance(body, Report) and wish.text:
            lines += [say_report(body, zone=wish.settings.timezone, width=WIDTH), ""]
        elif isinstance(body, Picture) and png:
            folder = Path(wish.pictures)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{case.name}-{done.number:03d}.png").write_bytes(png)
    return lines if wish.text else [json.dumps(_row(wish.case, done))]


def _row(case: str, done: Round) -> dict[str, Any]:
    reasons = [
        {"check": f.check, "code": f.code, "metric": f.metric, "argues_for": str(f.argues_for), "text": f.text}
        for f in done.verdict.reasons
    ]
    return {
        "case": Path(case).name,
        "round": done.number,
        "step": done.last_step,
        "decision": str(done.verdict.decision),
        "reasons": reasons,
        "held_back": list(done.verdict.held_back),
        "would_change": done.verdict.would_change,
    }
