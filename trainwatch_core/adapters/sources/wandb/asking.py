"""What is asked of the W&B server, and what it answered: one GraphQL query for everything about a run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trainwatch_core.adapters.sources.wandb.values import load_json, load_mapping, number, pick
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunRef

_RUN = """query TrainwatchRun($entity: String!, $project: String!, $run: String!{declared}) {{
  project(name: $project, entityName: $entity) {{
    run(name: $run) {{
      displayName state stopped createdAt heartbeatAt group jobType config summaryMetrics historyKeys{samples}
    }}
  }}{viewer}
}}"""
_DECLARED = ", $specs: [JSONString!]!"
_SAMPLES = " sampledHistory(specs: $specs)"
VIEWER = " viewer { entity teams { edges { node { name } } } }"
"""Asks whose key it is; for `owners_of`."""
_UNKNOWN = re.compile(r"[Cc]annot query field|[Uu]nknown (field|argument|type)|[Uu]ndefined field")
_LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Spec:
    """One series that is asked for. The server draws `samples` rows at random if it has more.

    Attributes:
        key: The metric.
        samples: The most rows wanted; fewer in the answer means that none is missing.
        min_step: The first step wanted.
        max_step: The last step wanted; None for all. With it `samples` is the number of steps, so that no row is drawn.
        timed: Whether rows must have a time; those without would be left out.
    """

    key: str
    samples: int
    min_step: float = 0.0
    timed: bool = True
    max_step: float | None = None

    @classmethod
    def lossless(cls, key: str, first: float, last: float, *, timed: bool) -> Spec:
        """All rows between two steps, both included: a step has one row at most."""
        return cls(key, int(last) - int(first) + 1, first, timed, last)

    @property
    def keys(self) -> list[str]:
        """What each row of the answer has."""
        return ["_step", "_timestamp", self.key] if self.timed else ["_step", self.key]

    def encode(self) -> str:
        """As the server wants it."""
        bounds = {"minStep": int(self.min_step)} | ({} if self.max_step is None else {"maxStep": int(self.max_step)})
        return json.dumps({"keys": self.keys, **bounds, "samples": self.samples})


@dataclass(frozen=True, slots=True)
class Point:
    """One sample; `time` is NaN where it was not asked for."""

    step: float
    value: float
    time: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """The answer to one Spec.

    Attributes:
        points: Ascending by step, one for each step.
        full: Whether so many rows came that some may be missing.
    """

    points: tuple[Point, ...] = ()
    full: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said about the run.

    Attributes:
        run: The fields of the run.
        config: Its settings.
        summary: Its newest values.
        counts: Metric name to the number of its rows; None where the server does not say.
        numeric: The metrics of which the server says, or does not deny, that they are numbers.
        last_step: The highest step; None before the first.
        series: One for each Spec, in order.
        owners: Whose runs this key belongs to: its user's and the user's teams; empty if that was not asked for.
    """

    run: Mapping[str, object]
    config: Mapping[str, object]
    summary: Mapping[str, object]
    counts: Mapping[str, int | None]
    numeric: frozenset[str]
    last_step: float | None
    series: tuple[Sampled, ...] = field(default=())
    owners: frozenset[str] = frozenset()


class UnknownFieldError(SourceUnavailableError):
    """The server does not know a field of the query: it is older than the query."""


def encode_query(ref: RunRef, specs: Sequence[Spec], *, viewer: bool = False) -> bytes:
    """The body of the POST.

    Args:
        ref: The run.
        specs: The series that are asked for.
        viewer: Whether to ask as well whose key it is.
    """
    entity, project, run = ref.target.split("/")
    variables: dict[str, object] = {"entity": entity, "project": project, "run": run}
    query = _RUN.format(
        declared=_DECLARED if specs else "",
        samples=_SAMPLES if specs else "",
        viewer=VIEWER if viewer else "",
    )
    if specs:
        variables["specs"] = [spec.encode() for spec in specs]
    return json.dumps({"operationName": "TrainwatchRun", "query": query, "variables": variables}).encode()


def read_answer(body: bytes, ref: RunRef, specs: Sequence[Spec]) -> Answer:
    """Judge and read the body of the answer.

    Raises:
        UnknownFieldError: If the server is older than the query.
        SourceUnavailableError: If it is not a trustworthy word about this run.
    """
    loaded, data = read_data(body, ref)
    project = data.get("project")
    run = project.get("run") if isinstance(project, dict) else None
    if not isinstance(run, dict):
        missing = "project" if project is None else "run"
        raise SourceUnavailableError(
            f"W&B shows no such {missing}{_complaint(loaded)}",
            where=ref.target,
            todo="Is it spelt so, was it deleted or moved to another project, and may this key see it?",
        )
    return replace(_answer(run, ref, specs), owners=owners_of(data))


def read_data(body: bytes, ref: RunRef) -> tuple[object, Mapping[str, Any]]:
    """The whole answer, and the `data` in it.

    Raises:
        UnknownFieldError: If the server is older than the query.
        SourceUnavailableError: If there is none.
    """
    try:
        loaded = load_json(body)
    except ValueError:
        raise _untrusted(ref, "something that is not its own (a login page of the network?)") from None
    data = loaded.get("data") if isinstance(loaded, dict) else None
    if isinstance(data, dict):
        return loaded, data
    complaint = _complaint(loaded)
    if _UNKNOWN.search(complaint):
        raise UnknownFieldError(f"This W&B server is older than the query{complaint}", where=ref.target)
    raise _untrusted(ref, f"without data{complaint}")


def owners_of(data: Mapping[str, Any]) -> frozenset[str]:
    """Whose runs the key belongs to: its user's and the user's teams; empty if the answer does not tell."""
    viewer = data.get("viewer")
    if not isinstance(viewer, dict):
        return frozenset()
    teams = pick(viewer, "teams.edges")
    names = [pick(edge, "node.name") for edge in teams if isinstance(edge, dict)] if isinstance(teams, list) else []
    return frozenset(name for name in (viewer.get("entity"), *names) if isinstance(name, str) and name)


def _answer(run: Mapping[str, object], ref: RunRef, specs: Sequence[Spec]) -> Answer:
    known = load_mapping(run.get("historyKeys"))
    metrics = {str(key): _kinds(about) for key, about in load_mapping(known.get("keys")).items()}
    series = run.get("sampledHistory") or []
    if not isinstance(series, list) or len(series) != len(specs):
        raise _untrusted(ref, "with other series than asked for")
    last = number(known.get("lastStep"))
    config = {
        key: value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in load_mapping(run.get("config")).items()
    }
    return Answer(
        run=run,
        config=config,
        summary=load_mapping(run.get("summaryMetrics")),
        counts={key: None if kinds is None else sum(kinds.values()) for key, kinds in metrics.items()},
        numeric=frozenset(key for key, kinds in metrics.items() if kinds is None or kinds.get("number")),
        last_step=last if last is not None and math.isfinite(last) and last >= 0 else None,
        series=tuple(_sampled(rows, spec) for rows, spec in zip(series, specs, strict=True)),
    )


def _kinds(about: object) -> dict[str, int] | None:
    """Of what kinds the values of a metric are, and how many of each; None if the server does not say."""
    kinds = about.get("typeCounts") if isinstance(about, dict) else None
    if not isinstance(kinds, list):
        return None
    found: dict[str, int] = {}
    for kind in kinds:
        count = number(kind.get("count")) if isinstance(kind, dict) else None
        if count is not None and math.isfinite(count):
            found[str(kind.get("type"))] = int(count)
    return found


def _sampled(rows: object, spec: Spec) -> Sampled:
    if not isinstance(rows, list):
        return Sampled()
    points: dict[float, Point] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        step, value = number(row.get("_step")), number(pick(row, spec.key))
        if step is None or value is None or not math.isfinite(step) or step < spec.min_step:
            continue
        time = number(row.get("_timestamp"))
        points[step] = Point(step, value, time if time is not None else math.nan)
    return Sampled(
        tuple(points[step] for step in sorted(points)), full=spec.max_step is None and len(rows) >= spec.samples
    )


def require_own(ref: RunRef, owners: frozenset[str]) -> None:
    """Refuse to lend the key of this program's user for runs of strangers.

    Raises:
        SourceUnavailableError: If the run belongs neither to the key's user nor to one of that user's teams.
    """
    if ref.target.partition("/")[0] not in owners:
        raise SourceUnavailableError(
            "Runs of this entity are not watched here: the W&B key belongs to others",
            where=ref.target,
            todo="The operator can allow it by [wandb] entities",
        )


def _untrusted(ref: RunRef, what: str) -> SourceUnavailableError:
    return SourceUnavailableError(f"W&B answered {what}", where=ref.target)


def _complaint(loaded: object) -> str:
    """The first error that the server named, made harmless."""
    errors = loaded.get("errors") if isinstance(loaded, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, str):
        return ""
    return ": " + "".join(letter for letter in message[:_LONGEST_WORD] if letter.isprintable())
