"""What is asked of the W&B server, and what it answered: one GraphQL query for everything about a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainwatch_core.adapters.sources.wandb.values import load_json, load_mapping, number, pick
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunRef

_RUN = """query TrainwatchRun($entity: String!, $project: String!, $run: String!{declared}) {{
  project(name: $project, entityName: $entity) {{
    run(name: $run) {{
      displayName state stopped createdAt heartbeatAt config summaryMetrics historyKeys{samples}
    }}
  }}
}}"""
_DECLARED = ", $specs: [JSONString!]!"
_SAMPLES = " sampledHistory(specs: $specs)"
_LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Spec:
    """One series that is asked for. The server draws `samples` rows at random if it has more.

    Attributes:
        key: The metric.
        samples: The most rows wanted; fewer in the answer means that none is missing.
        min_step: The first step wanted.
        timed: Whether rows must have a time; those without would be left out.
    """

    key: str
    samples: int
    min_step: float = 0.0
    timed: bool = True

    def encode(self) -> str:
        """As the server wants it."""
        keys = ["_step", "_timestamp", self.key] if self.timed else ["_step", self.key]
        return json.dumps({"keys": keys, "minStep": int(self.min_step), "samples": self.samples})


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
        full: Whether as many rows came as were asked for, so that some may be missing.
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
    """

    run: Mapping[str, object]
    config: Mapping[str, object]
    summary: Mapping[str, object]
    counts: Mapping[str, int | None]
    numeric: frozenset[str]
    last_step: float | None
    series: tuple[Sampled, ...] = field(default=())


def encode_query(ref: RunRef, specs: Sequence[Spec]) -> bytes:
    """The body of the POST."""
    entity, project, run = ref.target.split("/")
    variables: dict[str, object] = {"entity": entity, "project": project, "run": run}
    query = _RUN.format(declared=_DECLARED if specs else "", samples=_SAMPLES if specs else "")
    if specs:
        variables["specs"] = [spec.encode() for spec in specs]
    return json.dumps({"operationName": "TrainwatchRun", "query": query, "variables": variables}).encode()


def read_answer(body: bytes, ref: RunRef, specs: Sequence[Spec]) -> Answer:
    """Judge and read the body of the answer.

    Raises:
        SourceUnavailableError: If it is not a trustworthy word about this run.
    """
    try:
        loaded = load_json(body)
    except ValueError:
        raise _untrusted(ref, "something that is not its own (a login page of the network?)") from None
    data = loaded.get("data") if isinstance(loaded, dict) else None
    if not isinstance(loaded, dict) or not isinstance(data, dict):
        raise _untrusted(ref, f"without data{_complaint(loaded)}")
    project = data.get("project")
    run = project.get("run") if isinstance(project, dict) else None
    if not isinstance(run, dict):
        missing = "project" if project is None else "run"
        raise SourceUnavailableError(
            f"W&B shows no such {missing}{_complaint(loaded)}",
            where=ref.target,
            todo="Is it spelt so, was it deleted, and may this key see it?",
        )
    return _answer(run, ref, specs)


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
    return Sampled(tuple(points[step] for step in sorted(points)), full=len(rows) >= spec.samples)


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
