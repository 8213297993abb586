"""MLflow: the SQLite file of its tracking store."""

from __future__ import annotations

import math
import sqlite3
import sys

from trainwatch_core.adapters.sources.gathering import Gathering
from trainwatch_core.adapters.sources.sqlite import RunInDatabase, reading
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.report.redact import clean

_STATES = {
    "SCHEDULED": RunState.PENDING,
    "RUNNING": RunState.RUNNING,
    "FINISHED": RunState.FINISHED,
    "FAILED": RunState.FAILED,
    "KILLED": RunState.KILLED,
}
_MILLI = 1000.0
_LARGEST = sys.float_info.max  # what MLflow stores in the place of an infinity


class MlflowSource(RunInDatabase):
    """Reads the metrics of one run after the last one that was read, by row number."""

    key = "mlflow"
    kind = "mlflow"

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        Raises:
            SourceUnavailableError: If the file cannot be read, is none of MLflow, or does not hold the run.
        """
        with reading(self.path, self.roots, deadline) as connection:
            run = cursor["run"] if cursor is not None else self._find(connection)
            about = connection.execute(
                "SELECT name, status, start_time, end_time FROM runs WHERE run_uuid = ?", (run,)
            ).fetchone()
            newest = connection.execute("SELECT max(rowid) FROM metrics WHERE run_uuid = ?", (run,)).fetchone()[0]
            restarted = cursor is not None and (newest or 0) < cursor["row"]
            start = 0 if cursor is None or restarted else cursor["row"]
            found, last, seen = _rows(connection, run, start)
        if about is None:
            raise SourceUnavailableError("The run is gone from the MLflow store", where=clean(f"{self.path}#{run}"))
        return self.batch(found, _info(about, run, found, seen), {"run": run, "row": last}, restarted=restarted)

    def _find(self, connection: sqlite3.Connection) -> str:
        living = "SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'"
        if self.run:
            asked = f"{living} AND (run_uuid = ? OR name = ?) ORDER BY start_time DESC LIMIT 1"
            found = connection.execute(asked, (self.run, self.run)).fetchone()
        else:
            found = connection.execute(f"{living} ORDER BY start_time DESC LIMIT 1").fetchone()
        if found is None:
            raise self.missing()
        return str(found[0])


def _rows(connection: sqlite3.Connection, run: str, start: int) -> tuple[Gathering, int, float | None]:
    """New samples, the last row, and when it was logged."""
    found, last, seen = Gathering(), start, None
    asked = (
        "SELECT rowid, key, value, is_nan, timestamp, step FROM metrics WHERE run_uuid = ? AND rowid > ? ORDER BY rowid"
    )
    for row, name, value, is_nan, stamp, step in connection.execute(asked, (run, start)):
        last, seen = int(row), float(stamp) / _MILLI
        found.add(str(name), float(step), _value(float(value), missing=bool(is_nan)), seen)
        if found.full:
            break
    return found, last, seen


def _value(value: float, *, missing: bool) -> float:
    if missing:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= _LARGEST else value


def _info(about: tuple[object, ...], run: str, found: Gathering, seen: float | None) -> RunInfo:
    name, status, started, ended = about
    return RunInfo(
        name=clean(str(name or run), 100),
        state=_STATES.get(str(status)),
        heartbeat_at=float(str(ended)) / _MILLI if ended else seen,
        started_at=float(str(started)) / _MILLI if started else None,
        last_step=found.last_step,
    )
