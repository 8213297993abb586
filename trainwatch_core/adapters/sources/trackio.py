"""Trackio: one SQLite file a project, one row a step, the metrics of it as JSON."""

from __future__ import annotations

import math
import os
import sqlite3
from datetime import datetime

from trainwatch_core.adapters.sources.gathering import MAX_SAMPLES, Gathering
from trainwatch_core.adapters.sources.sqlite import RunInDatabase, reading
from trainwatch_core.adapters.sources.wandb.values import load_mapping, number
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.model.run import RunInfo
from trainwatch_core.report.redact import clean

_DEPTH = 4  # of nested metrics


class TrackioSource(RunInDatabase):
    """Reads the rows of one run after the last one that was read, by their ids, which only grow."""

    key = "trackio"
    kind = "trackio"

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        Raises:
            SourceUnavailableError: If the file cannot be read, is none of Trackio, or does not hold the run.
        """
        with reading(self.path, self.roots, deadline) as connection:
            column = _run_column(connection)
            run = cursor["run"] if cursor is not None else self._find(connection, column)
            newest = connection.execute(f"SELECT max(id) FROM metrics WHERE {column} = ?", (run,)).fetchone()[0]  # noqa: S608  # one of two names
            restarted = cursor is not None and (newest or 0) < cursor["id"]
            start = 0 if cursor is None or restarted else cursor["id"]
            found, last = _rows(connection, column, run, start)
            name = connection.execute(f"SELECT run_name FROM metrics WHERE {column} = ?", (run,)).fetchone()  # noqa: S608  # likewise
        shown = clean(str(name[0]) if name else run, 100)
        info = RunInfo(name=shown, heartbeat_at=_written(self.path), last_step=found.last_step)
        return self.batch(found, info, {"run": run, "id": last}, restarted=restarted)

    def _find(self, connection: sqlite3.Connection, column: str) -> str:
        if self.run:
            asked = f"SELECT {column} FROM metrics WHERE {column} = ? OR run_name = ? ORDER BY id DESC LIMIT 1"  # noqa: S608  # one of two names
            found = connection.execute(asked, (self.run, self.run)).fetchone()
        else:
            found = connection.execute(f"SELECT {column} FROM metrics ORDER BY id DESC LIMIT 1").fetchone()  # noqa: S608  # likewise
        if found is None:
            raise SourceUnavailableError(
                "This Trackio project holds no such run yet" if self.run else "This Trackio project holds no run yet",
                where=clean(f"{self.path}#{self.run}"),
                todo="Wait until the training has begun to log, or name a run: PROJECT.db#RUN",
            )
        return str(found[0])


def _rows(connection: sqlite3.Connection, column: str, run: str, start: int) -> tuple[Gathering, int]:
    found, last = Gathering(), start
    asked = f"SELECT id, step, timestamp, metrics FROM metrics WHERE {column} = ? AND id > ? ORDER BY id"  # noqa: S608  # one of two names
    for ident, step, stamp, metrics in connection.execute(asked, (run, start)):
        text = metrics.decode("utf-8", "replace") if isinstance(metrics, bytes) else metrics
        when = _time(stamp)
        place = number(step)
        for name, value in _flat(load_mapping(text), ""):
            found.add(name, math.nan if place is None else place, value, when)
        last = int(ident)
        if found.count >= MAX_SAMPLES:
            break
    return found, last


def _flat(metrics: object, prefix: str, depth: int = 0) -> list[tuple[str, float]]:
    pairs: list[tuple[str, float]] = []
    for name, value in metrics.items() if isinstance(metrics, dict) and depth < _DEPTH else ():
        inner = number(value)
        if inner is not None:
            pairs.append((f"{prefix}{name}", inner))
        elif isinstance(value, dict):
            pairs.extend(_flat(value, f"{prefix}{name}.", depth + 1))
    return pairs


def _run_column(connection: sqlite3.Connection) -> str:
    """Runs have ids of their own since a later version; before, they were known by name."""
    names = {str(row[1]) for row in connection.execute("PRAGMA table_info(metrics)")}
    if not {"id", "step", "timestamp", "metrics", "run_name"} <= names:
        raise SourceUnavailableError("This database is none of a Trackio project")
    return "run_id" if "run_id" in names else "run_name"


def _time(stamp: object) -> float:
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def _written(path: str) -> float | None:
    """When the file or its log was last written; None if that cannot be told."""
    times = []
    for each in (path, f"{path}-wal"):
        try:
            times.append(os.stat(os.path.expanduser(each)).st_mtime)  # noqa: PTH111, PTH116  # a path kept as text
        except OSError:
            continue
    return max(times, default=None)
