"""A W&B run on a server: wandb.ai, a dedicated cloud or a self-hosted one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from trainwatch_core.adapters.sources.wandb.asking import Answer, Sampled, Spec, encode_query, read_answer
from trainwatch_core.adapters.sources.wandb.facts import GLOBAL_STEPS, flat_settings, planned_steps, unix_seconds
from trainwatch_core.adapters.sources.wandb.following import (
    Mark,
    Marks,
    Reach,
    all_timed,
    joined,
    sampled_below,
    wanted,
)
from trainwatch_core.adapters.sources.wandb.keys import left_out_note
from trainwatch_core.adapters.sources.wandb.settings import Endpoint, load_endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import number
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo, RunRef, RunState
from trainwatch_core.model.series import Rows

_STATES = {
    **{state.value: state for state in RunState},
    "preempting": RunState.RUNNING,
    "preempted": RunState.PENDING,
}
_LONGEST_NAME = 200


class WandbServerSource:
    """Reads a run by one GraphQL request a round.

    A second one is sent only for what the first cannot know to ask: metrics that are new, more new rows than one answer
    holds, a past that was rewritten. Both share the deadline.

    Args:
        run: `entity/project/run`.
        endpoint: Where the server is; by default as wandb itself finds it.
        reach: How much is asked for.
        timeout: Seconds that a fetch may take, if its caller gives it more.
    """

    key: ClassVar[str] = "wandb"
    status: ClassVar[SourceStatus] = SourceStatus.WANDB_OK
    kind: ClassVar[str] = ""

    def __init__(
        self,
        run: RunRef,
        *,
        endpoint: Callable[[], Endpoint] = load_endpoint,
        reach: Reach | None = None,
        timeout: float = math.inf,
    ) -> None:
        self._timeout = timeout
        self._run = run
        self._endpoint = endpoint
        self._reach = reach or Reach()

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor; see `ports.Source`."""
        until = time.monotonic() + min(deadline, self._timeout)
        endpoint = self._endpoint()
        known = Marks.of(cursor)
        marks = known or Marks()
        specs = [self._reach.new_rows(name, mark, timed=marks.timed) for name, mark in marks.series.items()]
        answer = self._ask(endpoint, specs, until)
        created = str(answer.run.get("createdAt") or "")
        restarted = bool(cursor) and (known is None or known.created != created)
        if restarted:
            marks = Marks()
        timed = marks.timed and all_timed(answer)
        answered = not restarted and timed == marks.timed
        first = dict(zip(marks.series, answer.series, strict=True)) if answered else {}
        followed, left_out = wanted(answer, marks)
        missing = {name: list(self._missing(name, answer, marks, first, timed=timed)) for name in followed}
        second = self._second(endpoint, missing, until)
        parts = {name: [*([first[name]] if name in first else []), *second[name]] for name in followed}
        rows, series = _news(parts, marks, first, answer.last_step)
        sampled = max([marks.sampled, *(sampled_below(some) for some in parts.values())])
        return Batch(
            rows=rows,
            info=self._info(endpoint, answer),
            cursor=Marks(created, timed, series, sampled).cursor(),
            inspected=(self._url(endpoint),),
            notes=tuple(self._notes(answer, left_out, sampled)),
            restarted=restarted,
        )

    def _ask(self, endpoint: Endpoint, specs: Sequence[Spec], until: float) -> Answer:
        body = post(endpoint, "/graphql", encode_query(self._run, specs), seconds=until - time.monotonic())
        return read_answer(body, self._run, specs)

    def _missing(
        self, name: str, answer: Answer, marks: Marks, first: Mapping[str, Sampled], *, timed: bool
    ) -> Iterator[Spec]:
        """What the second request must ask for of one series."""
        mark, got = marks.series.get(name), first.get(name)
        if mark is None:
            yield from self._reach.whole(name, answer, timed=timed)
        elif got is None:
            yield self._reach.new_rows(name, mark, timed=timed)
        elif got.full:
            yield from self._reach.newest(name, answer, timed=timed, floor=mark.step)
        elif mark.rewritten(got):
            yield from self._reach.whole(name, answer, timed=timed)

    def _second(
        self, endpoint: Endpoint, missing: Mapping[str, Sequence[Spec]], until: float
    ) -> Mapping[str, Sequence[Sampled]]:
        specs = [spec for some in missing.values() for spec in some]
        answers = iter(self._ask(endpoint, specs, until).series if specs else ())
        return {name: [next(answers) for _ in some] for name, some in missing.items()}

    def _info(self, endpoint: Endpoint, answer: Answer) -> RunInfo:
        run, settings = answer.run, flat_settings(answer.config)
        global_steps = (number(answer.summary.get(name)) for name in GLOBAL_STEPS)
        global_step = next((count for count in global_steps if count is not None), None)
        return RunInfo(
            name=str(run.get("displayName") or self._run.short)[:_LONGEST_NAME],
            url=self._url(endpoint),
            state=_STATES.get(str(run.get("state")).lower()),
            heartbeat_at=unix_seconds(run.get("heartbeatAt")),
            started_at=unix_seconds(run.get("createdAt")),
            planned_steps=planned_steps(settings, answer.last_step, global_step),
            last_step=answer.last_step,
            config=settings,
        )

    def _url(self, endpoint: Endpoint) -> str:
        return f"{endpoint.app_url}/{self._run.project}/runs/{self._run.short}"

    def _notes(self, answer: Answer, left_out: Sequence[str], sampled: float) -> Iterator[str]:
        yield from left_out_note(left_out)
        if sampled:
            yield f"Of the steps below {sampled:g} at most {self._reach.samples} rows of each metric were read"
        if answer.run.get("stopped") is True and _STATES.get(str(answer.run.get("state"))) is RunState.RUNNING:
            yield "W&B has been asked to stop this run"


def _news(
    parts: Mapping[str, Sequence[Sampled]], marks: Marks, first: Mapping[str, Sampled], last_step: float | None
) -> tuple[dict[str, Rows], dict[str, Mark]]:
    """New rows of each series, and where each is left."""
    rows: dict[str, Rows] = {}
    series: dict[str, Mark] = {}
    for name, some in parts.items():
        mark = marks.series.get(name, Mark())
        rewritten = name in first and mark.rewritten(first[name])
        points = mark.news(joined(some), last_step, rewritten=rewritten)
        series[name] = Mark(points[-1].step, points[-1].time) if points else mark
        if points:
            rows[name] = Rows.of(
                [point.step for point in points], [point.value for point in points], [point.time for point in points]
            )
    return rows, series
