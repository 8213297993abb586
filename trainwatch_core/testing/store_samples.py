"""Watches, rounds, requests and messages to fill a store with: every nested part is there, NaN and broken text too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import numpy as np

from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Segment, Vote
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Body, Notice
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.round import Round, SourceReport, SourceStatus
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.series import Rows
from trainwatch_core.model.stop import (
    Execution,
    JobIdentity,
    JobState,
    Probe,
    RequestState,
    StepResult,
    StopPlan,
    StopRequest,
    StopStep,
)
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Mode, Policy, Posts, Watch, WatchContext, WatchState
from trainwatch_core.ports import Store

NOON = datetime(2031, 5, 6, 12, 0, 0, 123456, tzinfo=UTC)
"""A moment with microseconds: they must survive."""

ANN = Actor(ActorKind.SLACK, "U1", team="T1")
JOB = JobIdentity("pid", "localhost", "4211", {"start": "77", "boot": "b"}, "4211 ann python train.py")


def minutes(count: float) -> datetime:
    """The moment that many minutes after NOON."""
    return NOON + timedelta(minutes=count)


def sample_watch(watch_id: str = "w1", *, due: datetime | None = NOON, created_at: datetime = NOON) -> Watch:
    """A watch that is not stored yet, due at the given moment."""
    context = WatchContext(
        log_argv=("ssh", "gpu1", "cat log"),
        baseline={"val/loss": 2.3, "broken": nan},
        target={"acc": inf},
        key_metrics=("val/loss",),
        roles={"val/loss": Role.EVAL_LOSS},
        goals={"acc": Goal.MAXIMIZE},
        mode=Mode.AUTO,
        rounds=Posts.CHANGES,
        planned_steps=1e6,
        announced=(Announcement(3e4, "härter"), Announcement(6e4)),
    )
    run = RunRef(RunKind.LOG, "/logs/caf\udce9.log")
    state = WatchState.ACTIVE
    watch = Watch(watch_id, run, ANN, "C1", context, Policy(), state, 0, created_at, due, identity=JOB)
    return replace(watch, snoozed_until=minutes(90), asked_at=minutes(-1))


def sample_round(watch_id: str = "w1", number: int = 1) -> Round:
    """A round whose figures are NaN and infinite."""
    numbers = {"value": nan, "limit": inf, "least": -inf}
    finding = Finding("nan", "nan.seen", Decision.WAIT, Weight.SOFT, "loss was NaN", "loss", 3.0, nan, numbers)
    info = RunInfo("run", "https://wandb.example/r", RunState.RUNNING, 1e9, config={"pid": "4211"})
    source = SourceReport(SourceStatus.WANDB_OK, "offline", inspected=("a", "b"))
    verdict = Verdict(Decision.WAIT, (finding,), ("patience: 1 of 2 rounds",), "a finite loss")
    latest = {"loss": nan, "lr": inf}
    return Round(watch_id, number, minutes(number), verdict, (finding,), source, info, nan, 2**40, latest, inf)


def sample_rows(steps: range, names: tuple[str, ...] = ("loss",)) -> dict[str, Rows]:
    """For each metric one sample per step; its value is the step, every tenth is NaN."""
    x = np.asarray(steps, dtype=np.float64)
    return {name: Rows.of(x, np.where(x % 10 == 9, nan, x), x + 1e9) for name in names}  # noqa: PLR2004  # as said


def sample_segment(steps: range, *, source_key: str = "wandb", restart: bool = False) -> Segment:
    """The rows of those steps, with a cursor that points behind them."""
    return Segment(source_key, sample_rows(steps), {"next": steps.stop, "seen": [1, {"deep": None}]}, restart)


def sample_request(request_id: str = "r1", *, watch_id: str = "w1", created_at: datetime = NOON) -> StopRequest:
    """A pending stop request."""
    steps = (StopStep("ask it to end", signal="SIGTERM"), StopStep("run it", argv=("/bin/kill", "--", "4211")))
    plan = StopPlan("pid", "pid:4211", "localhost", steps, JOB, "no such process", environment={"LANG": "C"})
    state = RequestState.PENDING
    return StopRequest(request_id, watch_id, 1, state, plan, "f" * 64, "NaN \0 \udcff", created_at, onset_step=nan)


def store_request(store: Store, state: RequestState, request_id: str = "r1", *, watch_id: str = "w1") -> StopRequest:
    """A request of a stored watch that has gone the way to this state, by the vote of Ann where it is approved."""
    request = sample_request(request_id, watch_id=watch_id)
    store.commit(Change(store.watch(watch_id), request=request))
    for step in _WAYS.get(state, (state,)):
        was = frozenset({request.state})
        request = replace(request, state=step)
        vote = Vote(request_id, ANN, NOON) if step is RequestState.APPROVED else None
        store.commit(Change(store.watch(watch_id), request=request, request_was=was, vote=vote))
    return request


_WAYS = {
    RequestState.PENDING: (),
    RequestState.EXECUTING: (RequestState.APPROVED, RequestState.EXECUTING),
    **{
        end: (RequestState.APPROVED, RequestState.EXECUTING, end)
        for end in (RequestState.STOPPED, RequestState.FAILED, RequestState.UNKNOWN)
    },
}


def sample_execution() -> Execution:
    """What a carried-out plan left behind."""
    return Execution((StepResult("ask it to end", ok=True, exit_code=0),), Probe(JobState.GONE, "no such process"))


def sample_message(key: str, *, watch_id: str = "w1", body: Body | None = None) -> OutboxRow:
    """A message that waits."""
    return OutboxRow(key, watch_id, body or Notice(watch_id, f"text of {key}"))


def sample_act(verb: str = "approve", *, watch_id: str = "w1", at: datetime = NOON) -> AuditRow:
    """A refusal for the audit."""
    return AuditRow(at, SYSTEM, verb, watch_id, "r1", allowed=False, detail="not an approver")
