"""`trainwatch parse`: what is understood of a training log."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from typing import TextIO

import click

from trainwatch_core.adapters.sources.logs.survey import Column, Survey, survey
from trainwatch_core.cli.options import absolute
from trainwatch_core.cli.place import load
from trainwatch_core.model.line_pattern import read_line_pattern
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import infer_role
from trainwatch_core.report.redact import clean

_SHOWN_EVENTS = 10
_NAME_WIDTH = 44


@click.command()
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["text", "csv", "json"]), default="text", help="How to print it.")
@click.option("--pattern", multiple=True, metavar="TEXT", help='Lines of a format of your own: "it {step}: L={loss}".')
@click.pass_context
def parse(ctx: click.Context, /, file: str, form: str, pattern: tuple[str, ...]) -> None:
    """Show what trainwatch understands of a training log: metrics, steps, events, and the share of other lines.

    With --format csv: one row for each step, columns named as in the log, empty where nothing was logged.
    """
    patterns = [read_line_pattern(text) for text in (*pattern, *load(ctx).log.patterns)]
    found = survey(absolute(file, Path.cwd()), patterns)
    {"text": _text, "csv": _csv, "json": _json}[form](found, sys.stdout)


def _text(found: Survey, out: TextIO) -> None:
    out.write(f"{found.lines} lines, {found.unparsed:.0%} of them without a metric; {len(found.steps)} rows\n")
    if found.steps:
        back = f", going back {found.seams} times (several runs, or resumes)" if found.seams else ""
        out.write(f"steps {say_step(min(found.steps))} to {say_step(max(found.steps))}{back}\n")
    for name, column in found.columns.items():
        role = infer_role(name)[0].replace("_", " ")
        odd = sum(not math.isfinite(value) for value in column.values)
        out.write(
            f"  {clean(name, _NAME_WIDTH):<{_NAME_WIDTH}} {role:<14} {len(column.values):>7} values, "
            f"{say(column.values[0])} ... {say(column.values[-1])}{f', {odd} not finite' if odd else ''}\n"
        )
    for event in found.events[:_SHOWN_EVENTS]:
        where = f" at step {say_step(event.step)}" if event.step is not None else ""
        out.write(f"{event.kind}{where}: {event.line}\n")
    if len(found.events) > _SHOWN_EVENTS:
        out.write(f"and {len(found.events) - _SHOWN_EVENTS} further events\n")
    out.writelines(f"{note}\n" for note in found.notes)


def _csv(found: Survey, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", *map(clean, found.columns)])
    for step, values in found.rows():
        writer.writerow([_plain(step), *("" if value is None else _plain(value) for value in values)])


def _json(found: Survey, out: TextIO) -> None:
    metrics = {clean(name): _metric(name, column) for name, column in found.columns.items()}
    json.dump(
        {
            "lines": found.lines,
            "unparsed": round(found.unparsed, 4),
            "rows": len(found.steps),
            "first_step": _plain(min(found.steps)) if found.steps else None,
            "last_step": _plain(max(found.steps)) if found.steps else None,
            "steps_go_back": found.seams,
            "metrics": metrics,
            "events": [{"kind": e.kind, "step": e.step, "line": e.line} for e in found.events],
            "notes": list(found.notes),
        },
        out,
        indent=2,
        ensure_ascii=False,
    )
    out.write("\n")


def _metric(name: str, column: Column) -> dict[str, object]:
    """Values as text where JSON has no number for them."""
    finite = [value for value in column.values if math.isfinite(value)]
    return {
        "role": str(infer_role(name)[0]),
        "count": len(column.values),
        "not_finite": len(column.values) - len(finite),
        "first": _told(column.values[0]),
        "last": _told(column.values[-1]),
        "min": min(finite, default=None),
        "max": max(finite, default=None),
    }


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004  # exact so far


def _told(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)
