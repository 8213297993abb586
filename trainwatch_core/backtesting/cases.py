"""Finished runs on this machine that can be replayed: what they logged, and what their watch was told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from trainwatch_core import registry
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.adapters.sources.recorded import LATEST, TIME_COLUMN, Recording, read_source, read_table
from trainwatch_core.adapters.sources.wandb.values import load_json
from trainwatch_core.config import Settings
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.run import RunInfo, RunKind, RunRef
from trainwatch_core.model.watch import Policy, Watch, WatchContext, WatchState

TABLE, CONTEXT = "series.csv", "context.json"
"""What a case directory holds: the rows that were logged, and (if there) what the watch was told."""


@dataclass(frozen=True, slots=True)
class Case:
    """A finished run to replay.

    Attributes:
        name: The last part of its path.
        run: The run.
        recording: All that was logged; the tracker's word on how it ended is taken out of its info.
        context: What the watch is told.
        policy: The gates.
        until: Unix seconds up to which rounds are held, for runs whose rows stop coming; None for the last row.
        ended: What the source says of the run now that it is over.
    """

    name: str
    run: RunRef
    recording: Recording
    context: WatchContext
    policy: Policy
    until: float | None = None
    ended: RunInfo = field(default_factory=RunInfo)


def read_case(text: str, settings: Settings, *, cwd: Path) -> Case:
    """A case directory, a table, or any run that a source of trainwatch can read.

    Raises:
        InvalidInputError: If it is none of them, or its context cannot be understood.
        SourceUnavailableError: If the run cannot be read.
    """
    path = cwd / Path(text).expanduser()
    if (path / TABLE).is_file() or path.suffix == ".csv":
        table = path / TABLE if path.is_dir() else path
        run = RunRef(RunKind.LOG, str(path.resolve()))
        told = _told(path / CONTEXT)
        defaults = settings.watch_defaults(run)
        context = _context(told, defaults.context, path / CONTEXT)
        recording = read_table(table)
        return Case(run.short, run, recording, context, defaults.policy, _until(told, recording, path / CONTEXT))
    run = locate(text, cwd=cwd)
    defaults = settings.watch_defaults(run)
    watch = _watch(run, defaults.context, defaults.policy)
    found = read_source(registry.sources_of(watch, settings)[0])
    # While it was running nobody could know how it would end.
    alive = replace(found.info, state=None, heartbeat_at=None, last_step=None)
    return Case(
        run.short, run, replace(found, info=alive), _unarmed(defaults.context), defaults.policy, ended=found.info
    )


def _watch(run: RunRef, context: WatchContext, policy: Policy) -> Watch:
    now = SystemClock().now()
    owner = Actor(ActorKind.LOCAL, "replay")
    bare = replace(context, log_path="", log_argv=())
    return Watch("replay00", run, owner, "replay", bare, policy, WatchState.ACTIVE, 0, now, None)


def _unarmed(context: WatchContext) -> WatchContext:
    return replace(context, launch="", stop_command="", notes_path="", log_path="", log_argv=())


def _told(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        return {}
    try:
        told = load_json(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(f"This file cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise InvalidInputError(f"This is no JSON: {error}", where=str(path)) from error
    if not isinstance(told, dict):
        raise InvalidInputError("Expected a JSON object", where=str(path))
    return told


def _context(told: Mapping[str, Any], defaults: WatchContext, path: Path) -> WatchContext:
    try:
        return replace(
            _unarmed(defaults),
            planned_steps=_positive(told["total_steps"]) if told.get("total_steps") else defaults.planned_steps,
            baseline={str(name): _number(value) for name, value in (told.get("baseline") or {}).items()},
            goals={str(name): Goal(goal) for name, goal in (told.get("goals") or {}).items()},
            announced=tuple(
                Announcement(_number(each["step"]), str(each.get("what", ""))) for each in told.get("announced") or ()
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _not_understood(error, path) from error


def _until(told: Mapping[str, Any], recording: Recording, path: Path) -> float | None:
    """Up to when a run is watched; it must lie behind the first row."""
    if told.get("until") is None:
        return None
    try:
        until = _number(told["until"])
    except (TypeError, ValueError) as error:
        raise _not_understood(error, path) from error
    known = recording.times[np.isfinite(recording.times)]
    if not len(known):
        raise InvalidInputError(
            "`until` needs times of the rows", where=str(path), todo=f"Log them in a column {TIME_COLUMN}"
        )
    if not known[0] < until < LATEST:
        raise InvalidInputError("`until` must be a Unix time after the first row", where=str(path))
    return until


def _number(value: object) -> float:
    number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number


def _positive(value: object) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"{value!r} is no length")
    return number


def _not_understood(error: Exception, path: Path) -> InvalidInputError:
    words = f"{error} is missing" if isinstance(error, KeyError) else f"{error}"
    return InvalidInputError(
        f"This context cannot be understood: {words}",
        where=str(path),
        todo='Keys: total_steps, baseline {metric: value}, goals {metric: "min" or "max"}, announced, until',
    )
