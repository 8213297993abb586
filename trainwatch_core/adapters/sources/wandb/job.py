"""One job over several W&B runs: which run takes over when one has ended, and where its steps belong on the job's axis.

A requeued, resumed or restarted job often begins a new run. It is the same job if it was created after the old one fell
silent and has the old one's name, group and kind of job as far as they were given, and its settings where the names
alone do not tell.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trainwatch_core.adapters.sources.wandb.facts import unix_seconds
from trainwatch_core.adapters.sources.wandb.values import load_mapping, pick
from trainwatch_core.model.run import RunRef

QUERY = """query TrainwatchNextRuns($entity: String!, $project: String!, $filters: JSONString!) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: "+created_at", first: 50) {
      edges { node { name displayName createdAt group jobType config } }
    }
  }
}"""
OVERLAP = 120.0
"""Seconds that a new run may be older than the last sign of life of the one it follows: heartbeats come late."""
_FEW = 3
_WORD = re.compile(r"[a-z0-9]+")
_VOLATILE = frozenset(
    [
        "resume",
        "resumed",
        "checkpoint",
        "ckpt",
        "restore",
        "output",
        "dir",
        "path",
        "file",
        "host",
        "hostname",
        "port",
        "time",
        "date",
        "job",
        "jobid",
        "pid",
    ]
)
"""Settings with these words differ from one start to the next of the same job."""


@dataclass(frozen=True, slots=True)
class Job:
    """The runs of a job so far; plain JSON, it travels in the cursor.

    Attributes:
        run: Id of the run that is read; empty for the one that the watch names.
        offset: What is added to its steps.
        before: Ids of the runs before it, oldest first.
        at: The last step on the job's axis; NaN before the first.
        trainer_at: The trainer's own count of steps there; NaN if it is not logged.
        first_loss: The first training loss of the job; NaN if unknown.
        last_loss: The newest one.
    """

    run: str = ""
    offset: float = 0.0
    before: tuple[str, ...] = ()
    at: float = math.nan
    trainer_at: float = math.nan
    first_loss: float = math.nan
    last_loss: float = math.nan

    @classmethod
    def of(cls, plain: Mapping[str, object]) -> Job:
        """What `plain` wrote.

        Raises:
            TypeError: If it is something else.
            ValueError: Likewise.
        """
        known = {name: math.nan if value is None else value for name, value in plain.items()}
        made = cls(**known)  # type: ignore[arg-type]  # checked by the next line
        return replace(
            made,
            run=str(made.run),
            before=tuple(map(str, made.before)),
            **{name: float(getattr(made, name)) for name in _FIGURES},
        )

    def plain(self) -> dict[str, object]:
        """As plain JSON, NaN as null."""
        figures = {name: None if math.isnan(figure := getattr(self, name)) else figure for name in _FIGURES}
        return {"run": self.run, "before": list(self.before), **figures}

    def ref(self, named: RunRef) -> RunRef:
        """The run to read, of a watch that names one."""
        return replace(named, target=f"{named.project}/{self.run}") if self.run else named


_FIGURES = ("offset", "at", "trainer_at", "first_loss", "last_loss")


def next_runs_query(ref: RunRef, mine: Mapping[str, object]) -> bytes:
    """The body of the POST that asks for the runs of the project that were created since a run fell silent."""
    entity, project, _ = ref.target.split("/")
    since = max(0.0, _silent_since(mine) - OVERLAP)
    moment = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%dT%H:%M:%S}Z"
    variables = {"entity": entity, "project": project, "filters": json.dumps({"createdAt": {"$gte": moment}})}
    return json.dumps({"operationName": "TrainwatchNextRuns", "query": QUERY, "variables": variables}).encode()


def next_run(mine: Mapping[str, object], others: Iterable[object], *, known: Sequence[str]) -> str | None:
    """The id of the run that goes on with the job of a run that has fallen silent; None if there is none.

    Args:
        mine: The fields of the run.
        others: Those of the project's newer runs.
        known: Ids that are none: the runs of the job so far.
    """
    silent_since = _silent_since(mine)
    found: list[tuple[float, str]] = []
    for other in others:
        name, created = (other.get("name"), unix_seconds(other.get("createdAt"))) if isinstance(other, dict) else (0, 0)
        if not isinstance(name, str) or name in known or created is None or created < silent_since - OVERLAP:
            continue
        if isinstance(other, dict) and _same_job(mine, other):
            found.append((created, name))
    return min(found)[1] if found else None


def edges(data: Mapping[str, object]) -> list[object]:
    """The runs in an answer to QUERY."""
    found = pick(data, "project.runs.edges")
    return [edge.get("node") for edge in found if isinstance(edge, dict)] if isinstance(found, list) else []


def offset_of(job: Job, first_step: float, anchor: tuple[float, float], first_loss: float) -> float:
    """What is to be added to the steps of the job's next run.

    A trainer that logs its own count of steps says where it goes on. Otherwise a run that begins again at the first
    steps goes on behind the old one if its loss is nearer to the old end than to the old beginning, and is a new start
    from scratch if not.

    Args:
        job: As the run before left it.
        first_step: The new run's first step.
        anchor: Any of its steps, and the trainer's own count there; NaN if it is not logged.
        first_loss: Its first training loss; NaN if unknown.
    """
    step, trainer_step = anchor
    if math.isnan(job.at):
        return 0.0
    if job.trainer_at > 0 and not math.isnan(trainer_step):
        return max(0.0, float(round(trainer_step * job.at / job.trainer_at - step)))
    if first_step >= max(1.0, job.at / 2):
        return 0.0  # the run kept the old count of steps
    goes_on = abs(first_loss - job.last_loss) < abs(first_loss - job.first_loss)
    return job.at + 1 - first_step if goes_on else 0.0


def _silent_since(mine: Mapping[str, object]) -> float:
    return unix_seconds(mine.get("heartbeatAt")) or unix_seconds(mine.get("createdAt")) or 0.0


def _same_job(mine: Mapping[str, object], other: Mapping[str, object]) -> bool:
    def same(key: str) -> bool:
        return (mine.get(key) or None) == (other.get(key) or None)

    if not same("jobType") or not same("group"):
        return False
    one, two = _lasting(mine.get("config")), _lasting(other.get("config"))
    named = bool(mine.get("displayName")) and same("displayName") and mine.get("displayName") != mine.get("name")
    if named and mine.get("group"):
        return True
    return one == two and (named or bool(mine.get("group")) or len(one) >= _FEW)


def _lasting(config: object) -> dict[str, str]:
    """The settings that stay the same when a job is started again."""
    kept = {}
    for key, value in load_mapping(config).items():
        if not key.startswith("_") and not _VOLATILE & set(_WORD.findall(key.lower())):
            plain = value["value"] if isinstance(value, dict) and "value" in value else value
            kept[key] = json.dumps(plain, sort_keys=True)
    return kept
