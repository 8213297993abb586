"""A stopper without a job: it says what it was told to say, and counts."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, Probe, StepResult, StopPlan, StopStep

JOB = JobIdentity(
    kind="pid",
    host="localhost",
    target="4211",
    facts={"pid": "4211", "start": "123456", "boot_id": "00000000-0000-0000-0000-000000000000"},
    label='pid 4211, user ana, "python train.py", started Mon 2025-01-06 21:03:00 +0000',
)
"""A job for tests."""

LADDER = (
    StopStep("SIGTERM to process group 4211", signal="SIGTERM", wait=30.0),
    StopStep("SIGKILL to what is left", signal="SIGKILL", wait=10.0),
)
"""A ladder for tests."""


class ScriptedStopper:
    """Keeps to the contract of a Stopper: refuses a job that changed, and runs once for a token.

    Args:
        identity: The job that is there; None as for a bare stop command.
        states: What the probes say, one after the other; the last one stays. An execution puts `after` in their place.
        after: What probes say once a plan was carried out.
        survivors: Lines of processes that are left while a probe says ALIVE.
        identify_error: Raised by `identify`; None for nothing.
        execute_error: Raised by `execute` after its guards; None for nothing.

    Attributes:
        identity: May be set anew to play a restarted job.
        identify_error: May be set anew.
        execute_error: May be set anew.
        executions: Plan and token of each plan that was really carried out.
        calls: Tokens of all calls of `execute`.
        resumable: For each of them, whether it might go on with what was begun.
        probes: How many probes there were.
    """

    def __init__(
        self,
        *,
        identity: JobIdentity | None = JOB,
        states: Sequence[JobState] = (JobState.ALIVE,),
        after: JobState = JobState.GONE,
        survivors: tuple[str, ...] = (),
        identify_error: Exception | None = None,
        execute_error: Exception | None = None,
    ) -> None:
        self.identity = identity
        self.identify_error = identify_error
        self.execute_error = execute_error
        self.executions: list[tuple[StopPlan, str]] = []
        self.calls: list[str] = []
        self.resumable: list[bool] = []
        self.probes = 0
        self._states = list(states)
        self._after = after
        self._survivors = survivors
        self._lock = threading.RLock()

    def identify(self) -> JobIdentity | None:
        """The scripted job.

        Raises:
            JobNotFoundError: If the script says that it is gone.
        """
        if self.identify_error is not None:
            raise self.identify_error
        if self._states[0] is JobState.GONE:
            raise JobNotFoundError("There is no such process", where="pid:4211")
        return self.identity

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """A ladder of two signals, or one command where no job is known."""
        if identity is None:
            argv = ("/bin/bash", "-c", "true")
            return StopPlan("command", "", "localhost", (StopStep("Run the stop command", argv=argv),), None, "")
        return StopPlan("pid", f"pid:{identity.target}", "localhost", LADDER, identity, "/proc shows nothing of it")

    def probe(self, identity: JobIdentity | None) -> Probe:
        """The next scripted state."""
        with self._lock:
            self.probes += 1
            state = JobState.UNKNOWN if identity is None else self._states[0]
            if len(self._states) > 1:
                self._states.pop(0)
        return Probe(state, f"scripted: {state}", self._survivors if state is JobState.ALIVE else ())

    def begun(self, token: str) -> bool:
        """Whether a plan was carried out with this token."""
        return token in {used for _, used in self.executions}

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """Note the execution and change the probes' answer.

        Raises:
            StopRefusedError: If the job is not the one in the plan.
        """
        with self._lock:
            self.calls.append(token)
            self.resumable.append(resume)
            known = token in {used for _, used in self.executions}
            if known or (plan.identity is not None and self._states[0] is JobState.GONE):
                return Execution((), self.probe(plan.identity))
            if plan.identity is not None and (self.identity is None or plan.identity.facts != self.identity.facts):
                raise StopRefusedError("This is not the process that was to be stopped", where="scripted")
            if self.execute_error is not None:
                raise self.execute_error
            self.executions.append((plan, token))
            self._states = [self._after]
            results = tuple(StepResult(step.label, ok=True, detail="scripted") for step in plan.steps[:1])
            return Execution(results, self.probe(plan.identity))
