"""A round: one look at a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.roles import Goal, Role, main_of
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import History, News, Rows, Series
from trainwatch_core.model.stop import Probe
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Policy

Cursor = Mapping[str, Any]


class SourceStatus(StrEnum):
    """Which kind of source answered, as the report says it."""

    WANDB_OK = "wandb_ok"
    LOG_FALLBACK = "log_fallback"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A line of a log that means something by itself: a traceback, out of memory, a skipped step.

    Attributes:
        kind: `traceback`, `oom`, `nccl`, `overflow`, `cuda`, `crash`, `killed`.
        line: The line, redacted, at most 300 characters.
        step: The last step read before it; None if none was.
    """

    kind: str
    line: str
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source gave in one fetch: only what is new since the cursor.

    Attributes:
        rows: New samples by metric.
        info: What the source tells about the run.
        cursor: Where to go on next time; plain JSON.
        events: Lines of the log that mean something by themselves.
        inspected: What was looked at: addresses, files, commands.
        tail: Last lines of a log, redacted, for the evidence.
        notes: Sentences for the report, e.g. that older steps are sampled.
        restarted: Whether the source began anew (file replaced): what is known of it so far is void.
        rewound_to: The step from which on the run was overwritten, in every metric; None if it was not.
        seams: Steps at which the run went on after an interruption (resume, requeue, another run id).
    """

    rows: Mapping[str, Rows]
    info: RunInfo
    cursor: Cursor
    events: tuple[LogEvent, ...] = ()
    inspected: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    restarted: bool = False
    rewound_to: float | None = None
    seams: tuple[float, ...] = ()

    @property
    def news(self) -> News:
        """What is added to the history."""
        return News(self.rows, self.rewound_to, self.seams)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How the sources answered in one round.

    Attributes:
        status: The kind that answered, or `unreachable`.
        kind: Which one exactly, e.g. `offline`, `log file`; empty if the status says it all.
        failures: One sentence for each source that was tried in vain.
        inspected: What was looked at.
        since: Unix seconds since when nothing could be seen; None while something can.
        key: Which stored history it fed; empty if none answered.
    """

    status: SourceStatus
    kind: str = ""
    failures: tuple[str, ...] = ()
    inspected: tuple[str, ...] = ()
    since: float | None = None
    key: str = ""

    def __str__(self) -> str:
        return f"{self.status} ({self.kind})" if self.kind else str(self.status)


@dataclass(frozen=True, slots=True)
class View:
    """All that a check may look at. Checks are pure functions of it and keep no memory.

    Attributes:
        history: The bounded histories.
        roles: Metric name to role; every metric of the history has one.
        goals: Metric name to the way it should go, where known.
        info: What the source tells about the run.
        source: How the sources answered.
        now: Unix seconds of this look.
        new_rows: How many new samples of the training loss this look brought.
        progress_at: Unix seconds at which new samples last arrived (by our clock); None if never.
        waits: Seconds from one arrival of new samples to the next, as the looks of this watch met them, oldest first.
        events: Lines of the log that mean something by themselves, of this look.
        baseline: Metric name to the value it is held against.
        baseline_runs: Name of a run that this one is held against to its history.
        target: Metric name to the value that means success.
        key_metrics: The metrics that define success.
        planned_steps: Planned length on the axis of the steps.
        announced: Changes that the person said would come.
        policy: The gates.
        job: A fresh probe of the job; None where no launch is known.
        log_at: Unix seconds at which the fallback log last grew, where that was looked at; None if it was not.
    """

    history: History
    roles: Mapping[str, Role]
    goals: Mapping[str, Goal]
    info: RunInfo
    source: SourceReport
    now: float
    new_rows: int = 0
    progress_at: float | None = None
    waits: tuple[float, ...] = ()
    events: tuple[LogEvent, ...] = ()
    baseline: Mapping[str, float] = field(default_factory=dict)
    baseline_runs: Mapping[str, History] = field(default_factory=dict)
    target: Mapping[str, float] = field(default_factory=dict)
    key_metrics: tuple[str, ...] = ()
    planned_steps: float | None = None
    announced: tuple[Announcement, ...] = ()
    policy: Policy = field(default_factory=Policy)
    job: Probe | None = None
    log_at: float | None = None

    def main(self, role: Role) -> Series | None:
        """The series that speaks for a role; None if no metric of the history plays it."""
        counts = {name: series.count for name, series in self.history.series.items()}
        return self.history.series.get(main_of(role, self.roles, counts) or "")


@dataclass(frozen=True, slots=True)
class Round:
    """One look, as it is stored.

    Attributes:
        watch_id: Which watch.
        number: 1, 2, 3, ...
        at: When; aware, UTC.
        verdict: What was decided.
        findings: Everything the checks noticed, carried by the verdict or not.
        source: How the sources answered.
        info: What the source told about the run.
        last_step: Highest step seen; None if none.
        loss_rows: Samples of the training loss seen so far, for gates that count rows.
        latest: Newest value of each metric with a role, for "change since the last round".
        progress_at: Unix seconds at which new samples last arrived; None if never.
    """

    watch_id: str
    number: int
    at: datetime
    verdict: Verdict
    findings: tuple[Finding, ...]
    source: SourceReport
    info: RunInfo
    last_step: float | None = None
    loss_rows: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)
    progress_at: float | None = None
