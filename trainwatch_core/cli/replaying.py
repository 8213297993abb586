"""`trainwatch replay`: finished runs, watched again round by round."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from trainwatch_core.adapters.workers import in_workers
from trainwatch_core.backtesting.cases import read_case
from trainwatch_core.backtesting.rehearsing import Heard, rounds_of
from trainwatch_core.cli.place import load
from trainwatch_core.cli.screen import Screen
from trainwatch_core.config import Settings
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.message import Picture, Report
from trainwatch_core.model.round import Round
from trainwatch_core.report.text import say_report


@dataclass(frozen=True, slots=True)
class Wish:
    """How a case is replayed.

    Attributes:
        case: As named by the person.
        rounds: How many looks.
        width: Columns of a printed report; 0 for JSON lines instead of reports.
        pictures: Where its pictures go, without the number of the round and `.png`; empty for none.
        settings: As configured.
        cwd: Where names of files begin.
    """

    case: str
    rounds: int
    width: int
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
    width = Screen(sys.stdout, dict(os.environ)).width() if form == "text" else 0
    pictures = _apart([str(png / name_of(case, cwd)) if png else "" for case in cases])
    wishes = [Wish(case, rounds, width, each, settings, cwd) for case, each in zip(cases, pictures, strict=True)]
    failed = False
    for wish, done in zip(wishes, in_workers(play, wishes), strict=True):
        for line in done.result or ():
            click.echo(line)
        if done.problem:
            failed = True
            click.secho(f"{wish.case}: {done.problem}", fg="red", err=True)
    ctx.exit(1 if failed else 0)


def name_of(case: str, cwd: Path) -> str:
    """The last part of a case's path, as the person gave it: links are not followed."""
    return Path(os.path.abspath(cwd / case)).name  # noqa: PTH100  # resolve() follows links


def _apart(names: list[str]) -> list[str]:
    """Names, with a number behind those that were there before: `a`, `a.2`."""
    return [f"{name}.{n}" if name and (n := names[: at + 1].count(name)) > 1 else name for at, name in enumerate(names)]


def play(wish: Wish) -> list[str]:
    """The lines of one case.

    Raises:
        TrainwatchError: If it cannot be read, or its pictures cannot be kept.
    """
    case = read_case(wish.case, wish.settings, cwd=wish.cwd)
    played = rounds_of(case, wish.rounds, paint=bool(wish.pictures))
    return [line for done, messages in played for line in _said(wish, done, messages)]


def _said(wish: Wish, done: Round, messages: list[Heard]) -> list[str]:
    lines = []
    for body, png in messages:
        if isinstance(body, Report) and wish.width:
            lines += [say_report(body, zone=wish.settings.timezone, width=wish.width), ""]
        elif isinstance(body, Picture) and png:
            keep_file(Path(f"{wish.pictures}-{done.number:03d}.png"), png)
    return lines if wish.width else [json.dumps(_row(name_of(wish.case, wish.cwd), done))]


def keep_file(path: Path, content: bytes) -> None:
    """Write a file, and the directory that it lies in.

    Raises:
        StorageError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(f"This file cannot be written: {error.strerror}", where=str(path)) from error


def _row(case: str, done: Round) -> dict[str, Any]:
    reasons = [
        {"check": f.check, "code": f.code, "metric": f.metric, "argues_for": str(f.argues_for), "text": f.text}
        for f in done.verdict.reasons
    ]
    return {
        "case": case,
        "round": done.number,
        "step": done.last_step,
        "decision": str(done.verdict.decision),
        "reasons": reasons,
        "held_back": list(done.verdict.held_back),
        "would_change": done.verdict.would_change,
    }
