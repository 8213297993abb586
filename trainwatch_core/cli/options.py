"""Options that several commands share, and what they mean for a watch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

import click

from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.model.announcement import parse_announcement, with_announced
from trainwatch_core.model.command import check_command
from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.watch import Mode, Posts, WatchContext

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Given(TypedDict):
    """What was given on the command line; None or empty: not given."""

    log: str | None
    log_command: str | None
    baseline: tuple[str, ...]
    baseline_run: tuple[str, ...]
    target: tuple[str, ...]
    key_metric: tuple[str, ...]
    every: str | None
    launch: str | None
    stop_command: str | None
    notes: str | None
    mode: str | None
    rounds: str | None
    planned_steps: float | None
    announce: tuple[str, ...]


_OPTIONS = (
    click.option("--log", metavar="PATH", help="Training log (PATH or HOST:PATH) to read when W&B cannot be reached."),
    click.option("--log-command", metavar="COMMAND", help="Command that prints the log (no shell)."),
    click.option("--baseline", multiple=True, metavar="METRIC=VALUE", help="What an eval metric is held against."),
    click.option("--baseline-run", multiple=True, metavar="RUN", help="A run that this one is held against, by step."),
    click.option("--target", multiple=True, metavar="METRIC=VALUE", help="What would be success."),
    click.option("--key-metric", multiple=True, metavar="METRIC", help="A metric that defines success."),
    click.option("--every", metavar="30m", help="Time between rounds."),
    click.option("--launch", metavar="pid:4211", help="How the run was launched, so that it can be stopped."),
    click.option("--stop-command", metavar="COMMAND", help="What stops the run; tried first."),
    click.option("--notes", metavar="PATH", help="Markdown file (PATH or HOST:PATH) for a project note at the end."),
    click.option("--mode", type=click.Choice([m.value for m in Mode]), help="Ask before a stop, or act alone."),
    click.option("--rounds", type=click.Choice([p.value for p in Posts]), help="Post every round, or what is new."),
    click.option("--planned-steps", type=click.FloatRange(min=0, min_open=True), help="Planned length of the run."),
    click.option("--announce", multiple=True, metavar="STEP[=WHAT]", help="A change that is meant to happen there."),
)


def watch_options(command: _Command) -> _Command:
    """Add the options of a watch's context to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settle(defaults: WatchContext, given: Given, *, cwd: Path) -> WatchContext:
    """The context of a watch: what was given, over the defaults of the configuration.

    Raises:
        InvalidInputError: If a value cannot be used.
    """
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if value not in (None, (), ""):
            changes |= _READERS[name](value, defaults, cwd)
    return replace(defaults, **changes)


def was_given(given: Mapping[str, object]) -> bool:
    """Whether anything at all was given."""
    return any(value not in (None, ()) for value in given.values())


def pairs(texts: tuple[str, ...], option: str) -> dict[str, float]:
    """Read `metric=value` words.

    Raises:
        InvalidInputError: If one is not of that form.
    """
    found = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise InvalidInputError(
                "This is no metric with a value", where=f"{option} {text}", todo="E.g. val_loss=2.3"
            )
    return found


def absolute(text: str, cwd: Path) -> str:
    """A path of this machine, absolute, symbolic links kept.

    Raises:
        InvalidInputError: If it has a NUL character.
    """
    if "\0" in text:
        raise InvalidInputError("A path cannot hold a NUL character", where=repr(text[:80]))
    return os.path.normpath(cwd / Path(text).expanduser())


def split(text: str) -> tuple[str, ...]:
    """A command line as argv, without a shell.

    Raises:
        InvalidInputError: If a quote is open, or nothing is left.
    """
    try:
        argv = tuple(shlex.split(check_command(text)))
    except ValueError as error:
        raise InvalidInputError(f"The command cannot be read: {error}", where=text[:200]) from error
    if not argv:
        raise InvalidInputError("The command is empty", where="--log-command")
    return argv


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < 1:
        raise InvalidInputError("Rounds cannot be closer than a second", where=f"--every {text}", todo="E.g. 30m")
    return seconds


def _log(path: str, _defaults: WatchContext, cwd: Path) -> dict[str, Any]:
    return {"log_path": path if remote_part(path) else absolute(path, cwd), "log_argv": ()}


def _log_command(text: str, _defaults: WatchContext, _cwd: Path) -> dict[str, Any]:
    return {"log_argv": split(text), "log_path": ""}


def _launch(text: str, _defaults: WatchContext, _cwd: Path) -> dict[str, Any]:
    return {"launch": str(parse_launch(text))}


_READERS: Mapping[str, Callable[[Any, WatchContext, Path], dict[str, Any]]] = {
    "log": _log,
    "log_command": _log_command,
    "baseline": lambda given, known, _cwd: {"baseline": {**known.baseline, **pairs(given, "--baseline")}},
    "baseline_run": lambda given, _known, cwd: {"baseline_runs": tuple(locate(text, cwd=cwd) for text in given)},
    "target": lambda given, known, _cwd: {"target": {**known.target, **pairs(given, "--target")}},
    "key_metric": lambda given, _known, _cwd: {"key_metrics": given},
    "every": lambda given, _known, _cwd: {"interval": _interval(given)},
    "launch": _launch,
    "stop_command": lambda given, _known, _cwd: {"stop_command": check_command(given)},
    "notes": lambda given, _known, cwd: {"notes_path": given if remote_part(given) else absolute(given, cwd)},
    "mode": lambda given, _known, _cwd: {"mode": Mode(given)},
    "rounds": lambda given, _known, _cwd: {"rounds": Posts(given)},
    "planned_steps": lambda given, _known, _cwd: {"planned_steps": given},
    "announce": lambda given, known, _cwd: {
        "announced": with_announced(known.announced, *(parse_announcement(text) for text in given))
    },
}
"""What each option changes in a context: (given, what was known, working directory) -> fields."""


def as_given(values: Mapping[str, object]) -> Given:
    """Click's parameters as what was given."""
    return cast("Given", {name: values[name] for name in Given.__annotations__})
