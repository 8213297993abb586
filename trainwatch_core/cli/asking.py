"""What is missing is asked for at the start, if somebody is there to answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from trainwatch_core.cli.options import absolute, pairs
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import WatchContext
from trainwatch_core.report.compose import safe


def ask_run() -> tuple[str, ...]:
    """Ask which run to watch; Enter gives up."""
    answer: str = click.prompt("Which run? (entity/project/run, a path)", default="", show_default=False).strip()
    return (answer,) if answer else ()


def ask_missing(run: RunRef, context: WatchContext, *, cwd: Path) -> WatchContext:
    """Ask for log, baseline, launch and notes where they are not known; Enter skips."""
    log_known = run.kind is RunKind.LOG or context.log_path or context.log_argv
    launch_known = context.launch or context.stop_command
    if not (log_known and launch_known and context.baseline and context.notes_path):
        click.echo(f"Some things about {safe(run.short)} are not known yet. Enter skips.")
    if not log_known:
        context = replace(
            context, log_path=_ask("Training log to fall back on (PATH, HOST:PATH)", lambda t: _file(t, cwd))
        )
    if not context.baseline:
        baseline = _ask("Baseline (metric=value)", lambda text: text if pairs((text,), "baseline") else "")
        context = replace(context, baseline=pairs((baseline,), "baseline") if baseline else {})
    if not launch_known:
        context = replace(context, launch=_ask("How it was launched (pid:4211)", lambda text: str(parse_launch(text))))
    if not context.notes_path:
        context = replace(context, notes_path=_ask("Notes file (Markdown)", lambda text: absolute(text, cwd)))
    return context


def _ask(question: str, read: Callable[[str], str]) -> str:
    while True:
        answer: str = click.prompt(f"  {question}", default="", show_default=False).strip()
        if not answer:
            return ""
        try:
            return read(answer)
        except InvalidInputError as error:
            click.echo(f"    {error}")


def _file(text: str, cwd: Path) -> str:
    if remote_part(text):
        return text
    path = absolute(text, cwd)
    if not Path(path).is_file():
        raise InvalidInputError("There is no such file", where=path)
    return path
