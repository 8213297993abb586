"""The runs of the fake W&B server, and what it tells about them. A stand-in for what the real one is seen to do."""

from __future__ import annotations

import json
import math
import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, MutableSequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trainwatch_core.testing.wandb_long import LongRows

Row = Mapping[str, object]

MOST_LINES = 10_000
"""So many lines of the console come in one answer, whatever was asked for."""


def now() -> str:
    """This moment as the real server writes it: ISO 8601, UTC, without a zone."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@dataclass(slots=True)
class FakeRun:
    """One run. Tests change it as they like.

    Attributes:
        entity: Who owns the project.
        project: The project.
        name: The run's id.
        display_name: What people call it.
        state: The tracker's word.
        created_at: ISO 8601, UTC, without a zone, as the real server writes it.
        heartbeat_at: Likewise.
        stopped: Whether somebody asked it to stop.
        config: JSON text, `{"lr": {"value": 0.1}}`.
        summary: Newest values.
        rows: The history, ascending by `_step`; any sequence, so that it can be computed when asked for.
        events: System metrics.
        files: Names of the files that were sent.
        group: The group of runs that it belongs to.
        job_type: What kind of job of that group it is.
        console: What it printed, line by line.
    """

    entity: str
    project: str
    name: str
    display_name: str = ""
    state: str = "running"
    created_at: str = field(default_factory=now)
    heartbeat_at: str = field(default_factory=now)
    stopped: bool = False
    config: str = "{}"
    summary: Mapping[str, object] = field(default_factory=dict)
    rows: MutableSequence[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    console: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None

    def fields(self) -> dict[str, object]:
        """Its fields in GraphQL."""
        owner = {"id": f"entity-{self.entity}", "name": self.entity}
        return {
            "id": f"{self.entity}/{self.project}/{self.name}",
            "name": self.name,
            "displayName": self.display_name or self.name,
            "state": self.state,
            "createdAt": self.created_at,
            "heartbeatAt": self.heartbeat_at,
            "stopped": self.stopped,
            "config": self.config,
            "summaryMetrics": json.dumps(plain(self.summary)),
            "systemMetrics": "{}",
            "historyKeys": self.history_keys(),
            "historyLineCount": len(self.rows),
            "eventsLineCount": len(self.events),
            "logLineCount": len(self.console),
            "logLines": self.log_lines,
            "historyTail": json.dumps([json.dumps(plain(row)) for row in self.rows[-1:]]),
            "eventsTail": "[]",
            "wandbConfig": self._own_config,
            "sampledHistory": self.sampled_history,
            "history": self.history,
            "events": lambda samples=500: [json.dumps(plain(row)) for row in self.events[-samples:]],
            "parquetHistory": lambda liveKeys: {"parquetUrls": [], "liveData": self._live(liveKeys)},  # noqa: N803  # GraphQL's
            "project": {"id": f"project-{self.project}", "name": self.project, "entity": owner},
            "projectId": "1",
            "user": {"name": self.entity, "username": self.entity},
            "readOnly": False,
            "tags": list(self.tags),
            "notes": self.notes,
            "group": self.group,
            "jobType": self.job_type,
            **dict.fromkeys(("sweepName", "description", "commit", "host")),
        }

    def history_keys(self) -> dict[str, object] | None:
        """Names, kinds and counts of all metrics, nested ones joined by dots; None before the first row."""
        kinds = self.rows.kinds() if isinstance(self.rows, LongRows) else _kinds(self.rows)
        if not kinds:
            return None
        keys = {
            name: {"typeCounts": [{"type": kind, "count": count} for kind, count in of_name.items()]}
            for name, of_name in kinds.items()
        }
        return {"keys": keys, "sets": [], "lastStep": self.rows[-1]["_step"]}

    def sampled_history(self, specs: list[str]) -> list[list[Row]]:
        """For each spec the rows that have all its keys, drawn at random if there are more than asked for."""
        return [self._sampled(json.loads(spec)) for spec in specs]

    def log_lines(
        self,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        useImprovedPagination: bool = False,  # noqa: ARG002, FBT001, FBT002, N803  # GraphQL's
    ) -> dict[str, object]:
        """A page of what the run printed; the newest lines if `last` is given, at most MOST_LINES."""
        begin = int(after or -1) + 1 if last is None else max(0, len(self.console) - min(last, MOST_LINES))
        end = len(self.console) if first is None else begin + min(first, MOST_LINES)
        shown = list(enumerate(self.console))[begin:end]
        nodes = [{"number": n, "timestamp": None, "level": "", "label": "", "line": line} for n, line in shown]
        page = {"endCursor": str(shown[-1][0]) if shown else None, "hasNextPage": end < len(self.console)}
        return {"edges": [{"node": node} for node in nodes], "pageInfo": page}

    def history(self, samples: int = 500, minStep: int = 0, maxStep: int | None = None) -> list[str]:  # noqa: N803  # GraphQL's
        """Rows as JSON text."""
        rows = self._between(minStep, maxStep)
        return [json.dumps(plain(row)) for row in (rows if len(rows) <= samples else _draw(rows, samples))]

    def _own_config(self, keys: list[str]) -> str:
        """What the SDK notes about itself; without its telemetry it takes a run for one that never began."""
        own = json.loads(self.config).get("_wandb", {}).get("value", {})
        return json.dumps({key: own[key] for key in keys if key in own})

    def _sampled(self, spec: dict[str, object]) -> list[Row]:
        names = [str(name) for name in _list(spec["keys"])]
        least, most, samples = spec.get("minStep"), spec.get("maxStep"), spec.get("samples")
        rows: list[Row] = []
        end = _integer(most)
        wanted = _integer(samples) or 500
        between = self._between(_integer(least) or 0, None if end is None else end + 1)  # here it is inclusive
        if isinstance(between, LongRows) and len(between) > wanted:
            between = _draw(between, wanted)
        for row in between:
            values = flat(row)
            if all(name in values for name in names):
                rows.append({name: plain(values[name]) for name in names})
        return rows if len(rows) <= wanted else _draw(rows, wanted)

    def _between(self, least: int, most: int | None) -> MutableSequence[Row]:
        if isinstance(self.rows, LongRows):
            return self.rows.between(least, most)
        first = bisect_left(self.rows, least, key=_step)
        return self.rows[first : None if most is None else bisect_left(self.rows, most, key=_step)]

    def _live(self, names: list[str]) -> list[Row]:
        # The SDK learns from them where live rows begin; those of a long run are not all computed for that.
        rows = [flat(row) for row in (self.rows[:1] if isinstance(self.rows, LongRows) else self.rows)]
        return [{name: plain(row[name]) for name in names} for row in rows if all(name in row for name in names)]


def _kinds(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for row in rows:
        for name, value in flat(row).items():
            of_name = kinds.setdefault(name, {})
            of_name[kind_of(value)] = of_name.get(kind_of(value), 0) + 1
    return kinds


def flat(row: Row, prefix: str = "") -> dict[str, object]:
    """A row with nested names joined by dots; what carries a `_type` (a histogram, an image) is one value."""
    found: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, dict) and "_type" not in value:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def plain(value: object) -> object:
    """A value in strict JSON: what is not finite is text, as the real server has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def kind_of(value: object) -> str:
    """What the server calls the kind of a value."""
    if isinstance(value, dict):
        return str(value.get("_type"))
    if isinstance(value, bool) or value is None:
        return "nil" if value is None else "boolean"
    return "number" if isinstance(plain(value), int | float) else "string"


def _draw(rows: MutableSequence[Row], count: int) -> list[Row]:
    # Another draw each time, as the real server's answers differ from call to call.
    return [rows[index] for index in sorted(random.sample(range(len(rows)), count))]


def _step(row: Row) -> int:
    return _integer(row["_step"]) or 0


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
