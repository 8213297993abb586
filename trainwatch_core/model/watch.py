"""A watch: our standing interest in one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trainwatch_core.model.actor import Actor
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.stop import JobIdentity


class WatchState(StrEnum):
    """Where a watch stands. Moves are listed in `decision.lifecycle`."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOP_PENDING = "stop_pending"
    STOPPING = "stopping"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a watch ended."""

    RUN_ENDED = "run_ended"
    ENDED_BY_USER = "ended_by_user"
    STOP_CONFIRMED = "stop_confirmed"


class Mode(StrEnum):
    """Who decides about a stop."""

    ASK = "ask"
    AUTO = "auto"


class Posts(StrEnum):
    """Which rounds are posted. The others are looked at and kept all the same."""

    ALL = "all"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Policy:
    """The gates: how much patience a watch has. Each figure has a reason in `decision/verdict.py`.

    Attributes:
        warmup_rows: Samples of the training loss before anything soft may argue for more than WAIT.
        warmup_share: Share of a planned length before the same.
        hard_rounds: Rounds in a row that a hard failure must be seen in before STOP.
        soft_rounds: The same for a soft one.
        soft_rows: Training-loss samples since the onset of a soft anomaly.
        soft_share: Share of the planned length (else of the steps seen) that a soft anomaly must have lasted.
        confirm_share: Share of the same that must lie between the first look that saw it and the one that stops.
        sparse_rows: So few samples do where the anomaly has lasted `sparse_share` of a planned length.
        sparse_share: See `sparse_rows`.
        announced_share: Share of the run for which an announced change holds soft anomalies back.
        stale_after: Seconds without a new sample or heartbeat after which silence is a finding.
        suspicious_interval: Seconds between rounds while suspicious but not stop-worthy.
        min_interval: Seconds; never look more often.
    """

    warmup_rows: int = 20
    warmup_share: float = 0.1
    hard_rounds: int = 2
    soft_rounds: int = 2
    soft_rows: int = 20
    soft_share: float = 0.03
    confirm_share: float = 0.03
    sparse_rows: int = 8
    sparse_share: float = 0.2
    announced_share: float = 0.15
    stale_after: float = 3600.0
    suspicious_interval: float = 600.0
    min_interval: float = 1.0


@dataclass(frozen=True, slots=True)
class WatchContext:
    """What the person told about the run. Everything is optional; what is missing is stated in the first report.

    Attributes:
        log_path: Fallback training log: a file of this machine, or `host:/path`.
        log_argv: Fallback training log, as the output of a command (argv, never a shell).
        baseline: Metric name to the value it is held against.
        baseline_runs: Runs that this one is held against, step by step.
        target: Metric name to the value that means success.
        key_metrics: The metrics that define success, first one first.
        roles: The person's word on which metric plays which role.
        goals: The person's word on which way a metric should go.
        launch: How the run was launched, `kind:[host/]target`; empty if unknown.
        stop_command: A command line of the operator, run first on a stop; empty if none.
        notes_path: Markdown file that a project note is appended to; empty if none.
        mode: Who decides about a stop.
        interval: Seconds between rounds.
        planned_steps: Planned length on the axis of the steps.
        rounds: Which rounds are posted.
        announced: Changes that the person said would come, or that somebody called a false alarm.
    """

    log_path: str = ""
    log_argv: tuple[str, ...] = ()
    baseline: Mapping[str, float] = field(default_factory=dict)
    baseline_runs: tuple[RunRef, ...] = ()
    target: Mapping[str, float] = field(default_factory=dict)
    key_metrics: tuple[str, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    launch: str = ""
    stop_command: str = ""
    notes_path: str = ""
    mode: Mode = Mode.ASK
    interval: float = 1800.0
    planned_steps: float | None = None
    rounds: Posts = Posts.ALL
    announced: tuple[Announcement, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch, as its row in the database says. The row is the truth.

    Attributes:
        id: Eight characters of [a-z0-9].
        run: The run that is watched.
        owner: Who registered it.
        channel: Where it reports: `terminal`, or a Slack channel id.
        context: What the person told.
        policy: The gates.
        state: Where it stands.
        version: Grows by one with each change; the compare-and-set of every writer.
        created_at: Aware, UTC.
        next_round_at: When the next look is due; None while paused or ended.
        lease_until: Until when a claim of `lease_owner` counts; None if nobody works on it.
        lease_owner: Which process works on it; empty if none does.
        round_count: How many rounds there were.
        identity: The job as it was found at registration; None if no launch was given or nothing was found.
        muted_until: No STOP is asked before this moment (after a decline); None if not muted.
        ended_reason: Why it ended; None while it has not.
        snoozed_until: Ordinary rounds are not posted before this moment; None if somebody wants to hear of them.
        asked_at: When somebody asked for the look that is due: they hear of it whatever it sees; None if nobody.
    """

    id: str
    run: RunRef
    owner: Actor
    channel: str
    context: WatchContext
    policy: Policy
    state: WatchState
    version: int
    created_at: datetime
    next_round_at: datetime | None
    lease_until: datetime | None = None
    lease_owner: str = ""
    round_count: int = 0
    identity: JobIdentity | None = None
    muted_until: datetime | None = None
    ended_reason: EndReason | None = None
    snoozed_until: datetime | None = None
    asked_at: datetime | None = None
