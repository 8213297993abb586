"""A W&B run on a server: wandb.ai, a dedicated cloud or a self-hosted one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import ClassVar

from trainwatch_core.adapters.sources.wandb.asking import Answer
from trainwatch_core.adapters.sources.wandb.facts import (
    flat_settings,
    machine,
    planned_steps,
    slurm_job,
    unix_seconds,
    writers_of,
)
from trainwatch_core.adapters.sources.wandb.following import Marks, Reach
from trainwatch_core.adapters.sources.wandb.gathering import Gathered, gather
from trainwatch_core.adapters.sources.wandb.joining import Joint, joint_of, trainer_step
from trainwatch_core.adapters.sources.wandb.keys import left_out_note, some_of
from trainwatch_core.adapters.sources.wandb.session import Session
from trainwatch_core.adapters.sources.wandb.settings import Endpoint, load_endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.numbers import say_step
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo, RunRef, RunState

_STATES = {
    **{state.value: state for state in RunState},
    "preempting": RunState.RUNNING,
    "preempted": RunState.PENDING,
}
_LONGEST_NAME = 200
_SILENT = 600.0
"""Seconds without a heartbeat after which a run is looked for that goes on with the job: twice the server's own."""


class WandbServerSource:
    """Reads a run by one GraphQL request a round.

    Further ones are sent only for what the first cannot know to ask: metrics that are new, more new rows than one
    answer holds, a past that was rewritten, a job that goes on under another run id. All share the deadline.

    Args:
        run: `entity/project/run`.
        endpoint: Where the server is; by default as wandb itself finds it.
        reach: How much is asked for.
        timeout: Seconds that a fetch may take, if its caller gives it more.
        named: Metrics that the person spoke of: they are read whatever else there is.
        only_own: Whether only runs of the key's user and teams may be read.
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
        named: Collection[str] = (),
        only_own: bool = False,
    ) -> None:
        self._timeout = timeout
        self._run = run
        self._endpoint = endpoint
        self._reach = reach or Reach()
        self._named = frozenset(named)
        self._only_own = only_own

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor; see `ports.Source`."""
        session = Session(self._endpoint(), time.monotonic() + min(deadline, self._timeout), only_own=self._only_own)
        known = Marks.of(cursor)
        ref = (known or Marks()).job.ref(self._run)
        found = gather(session.asker(ref), known, self._reach, anew=bool(cursor), named=self._named)
        batch = self._batch(session, ref, found, known)
        if not _silent(batch.info):
            return batch
        heir = session.next_run(ref, found.answer.run, (*found.marks.job.before, ref.short))
        return batch if heir is None else self._handed_over(session, batch, ref, heir)

    def _handed_over(self, session: Session, batch: Batch, ref: RunRef, heir: str) -> Batch:
        """The batch of a run whose job goes on under another id: the rest of the old one, or the new one's rows."""
        job = (Marks.of(batch.cursor) or Marks()).job
        marks = Marks(job=replace(job, run=heir, before=(*job.before, ref.short), offset=0.0))
        says = f"The job goes on as run {heir}, after {ref.short}"
        waiting = replace(
            batch,
            info=replace(batch.info, state=RunState.PENDING),
            cursor=marks.cursor(),
            notes=(*batch.notes, f"{says}; it is read next"),
        )
        if batch.rows:  # the end of the old one and the beginning of the new one would be one tangle
            return waiting
        new = marks.job.ref(self._run)
        try:
            found = gather(session.asker(new), marks, self._reach, anew=False, named=self._named)
        except SourceUnavailableError:
            return waiting
        joined = self._batch(session, new, found, marks)
        return replace(joined, notes=(says, *joined.notes), inspected=(*batch.inspected, *joined.inspected))

    def _batch(self, session: Session, ref: RunRef, found: Gathered, known: Marks | None) -> Batch:
        joint = joint_of(found, known)
        offset = joint.job.offset
        return Batch(
            rows=found.rows(offset),
            info=self._info(session.endpoint, ref, found.answer, offset),
            cursor=replace(found.marks, job=joint.job).cursor(),
            inspected=(_url(session.endpoint, ref),),
            notes=tuple(self._notes(session, found, joint)),
            restarted=found.restarted,
            rewound_to=joint.rewound_to,
            seams=joint.seams,
        )

    def _info(self, endpoint: Endpoint, ref: RunRef, answer: Answer, offset: float) -> RunInfo:
        run, settings = answer.run, flat_settings(answer.config)
        last = None if answer.last_step is None else answer.last_step + offset
        writer = next(iter(writers_of(answer.config)), {})
        return RunInfo(
            name=str(run.get("displayName") or ref.short)[:_LONGEST_NAME],
            url=_url(endpoint, ref),
            state=_STATES.get(str(run.get("state")).lower()),
            heartbeat_at=unix_seconds(run.get("heartbeatAt")),
            started_at=unix_seconds(run.get("createdAt")),
            planned_steps=planned_steps(settings, last, trainer_step(answer)),
            last_step=last,
            config=settings,
            host=machine(writer.get("host")),
            slurm_job=slurm_job(writer.get("slurm")),
        )

    def _notes(self, session: Session, found: Gathered, joint: Joint) -> Iterator[str]:
        answer, sampled = found.answer, found.marks.sampled
        yield from left_out_note(found.left_out)
        if session.older:
            yield "This W&B server is older than trainwatch's query: the run was read by wandb.Api, which is slower"
        if joint.rewound_to is not None:
            yield f"The run went back to step {say_step(joint.rewound_to)}: what was logged beyond it before is dropped"
        if sampled:
            yield f"Of the steps below {sampled:g} at most {self._reach.samples} rows of each metric were read"
        if found.late:
            yield f"Not read this time: {some_of(found.late)}; the next round does"
        if answer.run.get("stopped") is True and _STATES.get(str(answer.run.get("state"))) is RunState.RUNNING:
            yield "W&B has been asked to stop this run"


def _silent(info: RunInfo) -> bool:
    if info.state is not None and info.state.over:
        return True
    return info.heartbeat_at is not None and time.time() - info.heartbeat_at > _SILENT


def _url(endpoint: Endpoint, ref: RunRef) -> str:
    return f"{endpoint.app_url}/{ref.project}/runs/{ref.short}"
