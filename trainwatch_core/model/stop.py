"""Stop requests: what is asked, what exactly would be done, and how it came out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trainwatch_core.model.actor import Actor
from trainwatch_core.model.launch import LOCALHOST


class RequestState(StrEnum):
    """Where a stop request stands (FAULTS.md P4). Final states never leave."""

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ALREADY_ENDED = "already_ended"

    @property
    def final(self) -> bool:
        """Whether it never changes any more."""
        return self not in _NEXT

    def may_become(self, other: RequestState) -> bool:
        """Whether a request in this state may be stored in that one next; each may stay where it is."""
        return other is self or other in _NEXT.get(self, ())


_NEXT = {
    RequestState.PENDING: {
        RequestState.APPROVED,
        RequestState.DECLINED,
        RequestState.EXPIRED,
        RequestState.SUPERSEDED,
        RequestState.ALREADY_ENDED,
    },
    RequestState.APPROVED: {RequestState.EXECUTING, RequestState.SUPERSEDED, RequestState.ALREADY_ENDED},
    RequestState.EXECUTING: {
        RequestState.STOPPED,
        RequestState.FAILED,
        RequestState.UNKNOWN,
        RequestState.SUPERSEDED,
        RequestState.ALREADY_ENDED,
    },
}
"""The one way through the protocol: nothing executes that was not approved, nothing is approved that was not asked."""


class JobState(StrEnum):
    """What an independent probe says of a job."""

    ALIVE = "alive"
    GONE = "gone"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """Which job exactly: a name is not an identity.

    Attributes:
        kind: Kind of launch, e.g. `pid`.
        host: Host name; `localhost` for this machine.
        target: The target of the launch, e.g. `4211`.
        facts: What must be equal for it to be the same job (pid, start time, boot id, ...), as text.
        label: One line for a person: pid, user, command line, start.
    """

    kind: str
    host: str
    target: str
    facts: Mapping[str, str]
    label: str


@dataclass(frozen=True, slots=True)
class StopStep:
    """One rung of the ladder, shown to the person beforehand.

    Attributes:
        label: What it does, for a person.
        argv: The exact command; empty for a signal sent by trainwatch itself.
        signal: Name of the signal sent to the job; empty for a command.
        wait: Seconds to wait for the job to be gone before the next rung.
        timeout: Seconds that a command may take before its process group is killed.
        host: Where a command runs; `localhost` for the machine of trainwatch.
    """

    label: str
    argv: tuple[str, ...] = ()
    signal: str = ""
    wait: float = 30.0
    timeout: float = 60.0
    host: str = LOCALHOST

    @property
    def shown(self) -> str:
        """What a person must see of it: a command to the letter, where it is run by SSH with its host."""
        if not self.argv:
            return self.label
        where = "" if self.host == LOCALHOST else f"on {self.host}: "
        return f"{where}{shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Everything a stop would do, frozen when it is asked for.

    Attributes:
        stopper: Kind of stopper.
        launch: The launch it follows from; empty if there was only a stop command.
        host: Where the steps run.
        steps: The ladder, first rung first; never empty.
        identity: The job; None where only a stop command is known (then the outcome is honestly unverified).
        verify: How it will be proven that the job is gone, for a person; empty if it cannot be.
        cwd: Working directory of commands.
        environment: Environment of commands.
    """

    stopper: str
    launch: str
    host: str
    steps: tuple[StopStep, ...]
    identity: JobIdentity | None
    verify: str
    cwd: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a stop plan without steps")


@dataclass(frozen=True, slots=True)
class Probe:
    """One independent look at a job.

    Attributes:
        state: What it found.
        detail: One line for a person, e.g. `pid 4211: no such process`.
        survivors: Lines about processes of the job that are still there.
    """

    state: JobState
    detail: str
    survivors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one rung did.

    Attributes:
        label: The rung's label.
        ok: Whether the signal was sent or the command returned 0. Proves nothing about the job.
        exit_code: Of a command; None if it was killed at its deadline, or for a signal.
        detail: One line for a person.
        output: End of its output, capped and redacted.
        unsure: Whether nobody knows if it was carried out, e.g. because the connection was lost.
    """

    label: str
    ok: bool
    exit_code: int | None = None
    detail: str = ""
    output: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """What happened when a plan was carried out.

    Attributes:
        results: One for each rung that was taken.
        probe: The last independent look.
    """

    results: tuple[StepResult, ...]
    probe: Probe


@dataclass(frozen=True, slots=True)
class StopRequest:
    """A stop that is asked for, with the exact command and the job's identity frozen.

    Attributes:
        id: 128 random bits, 32 hexadecimal characters.
        watch_id: Which watch.
        round_number: The round whose verdict asks; 0 if a person does.
        state: Where it stands.
        plan: Exactly what would be done.
        fingerprint: SHA-256 over everything that was shown (see `decision.stops`).
        reason: One sentence from the verdict.
        onset_step: Where the trouble began; None if it has no place on the axis.
        created_at: Aware, UTC.
        expires_at: Aware, UTC; None until the request was delivered (the expiry starts then).
        execute_after: In automatic mode: when it acts if nobody objects; None in ask mode.
        decided_by: Who approved or declined.
        decided_at: When.
        evidence: Directory of the evidence; empty if it could not be written.
        execution: What happened; None before it ran.
        ask_again_at: Until when who declined it asked to wait; None if they did not. It is asked anew then, if the run
            is still bad.
    """

    id: str
    watch_id: str
    round_number: int
    state: RequestState
    plan: StopPlan
    fingerprint: str
    reason: str
    created_at: datetime
    onset_step: float | None = None
    expires_at: datetime | None = None
    execute_after: datetime | None = None
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    evidence: str = ""
    execution: Execution | None = None
    ask_again_at: datetime | None = None

    @property
    def by_hand(self) -> bool:
        """Whether no verdict asks for it but a person."""
        return self.round_number == 0
