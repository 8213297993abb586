"""What all stoppers of jobs have in common: the guards around what a kind of job knows by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from trainwatch_core.adapters.shell import Ran
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.rungs import await_gone, climb, run_here
from trainwatch_core.model.errors import HostError, JobNotFoundError, StopRefusedError, TrainwatchError
from trainwatch_core.model.launch import LOCALHOST
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, Probe, StepResult, StopPlan, StopStep
from trainwatch_core.ports import Clock
from trainwatch_core.report.redact import clean


class Chase(Protocol):
    """One stop of one job under way."""

    @property
    def note(self) -> str:
        """What a later chase of the same job needs to know: plain ASCII, kept with the mark of the stop."""
        ...

    def send(self, step: StopStep) -> StepResult:
        """Take a rung that is no command. Never raises."""
        ...

    def look(self) -> Probe:
        """Look independently whether the job is gone. Never raises."""
        ...


class Job(Protocol):
    """One job of one kind: all that a plug-in writes.

    Attributes:
        kind: Kind of launch.
        launch: The launch as a person wrote it.
        place: Where its commands run, and where its marks are.
        signals: Names of the signals that a rung may send.
    """

    kind: str
    launch: str
    place: Place
    signals: frozenset[str]

    def find(self) -> JobIdentity:
        """The job as it is now.

        Raises:
            JobNotFoundError: If there is none, or it has ended.
            StopRefusedError: If it is one that must never be stopped.
            HostError: If it cannot be asked for.
        """
        ...

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """The rungs, first one first. Touches nothing."""
        ...

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone, for a person."""
        ...

    def chase(self, identity: JobIdentity, note: str) -> Chase:
        """Begin to stop or only to look at that job, knowing what an earlier chase has noted. Touches nothing."""
        ...


class GuardedStopper:
    """A stopper of one job: it acts only on the job that was approved, once for a token, and believes only the probe.

    Args:
        job: The job.
        clock: Time.
    """

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._note = ""

    def identify(self) -> JobIdentity:
        """The job as it is now.

        Raises:
            JobNotFoundError: If there is no such job.
            StopRefusedError: If it is one that must never be stopped.
            HostError: If nobody can be asked.
        """
        identity = self._job.find()
        self._remember(identity)
        return identity

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """The ladder for that job.

        Raises:
            StopRefusedError: If no job is given.
        """
        job = self._job
        if identity is None:
            raise StopRefusedError("No job is known that could be stopped", where=job.launch)
        steps = tuple(replace(step, host=job.place.host) if step.argv else step for step in job.ladder(identity))
        environment = job.place.environment if any(step.argv for step in steps) else {}
        return StopPlan(
            job.kind, job.launch, job.place.host, steps, identity, job.proof(identity), environment=environment
        )

    def probe(self, identity: JobIdentity | None) -> Probe:
        """Look for that job. Never raises."""
        if identity is None or identity.kind != self._job.kind:
            return Probe(JobState.UNKNOWN, f"{self._job.launch}: no identity to look for")
        try:
            return self._job.chase(identity, self._note).look()
        except TrainwatchError as error:
            return Probe(JobState.UNKNOWN, clean(f"{self._job.launch}: {error}", 500))

    def begun(self, token: str) -> bool:
        """Whether a stop with this token was begun, by this process or one before it.

        Raises:
            HostError: If the machine that the marks are on cannot be asked.
        """
        return self._job.place.marks.recall(token) is not None

    def execute(self, plan: StopPlan, token: str) -> Execution:
        """Carry the plan out, if its job is still the same.

        A token that was used before only looks, and waits as long as the longest rung.

        Raises:
            StopRefusedError: If the job is another one, or the mark of the stop cannot be written. Nothing was done.
            HostError: If nobody can be asked. Nothing was done.
        """
        identity = self._checked(plan)
        marks = self._job.place.marks
        note = marks.recall(token)
        if note is not None:
            return self._watch_only(plan, identity, note)
        try:
            now = self.identify()
        except JobNotFoundError:
            return Execution((), _final(self.probe(identity)))
        require_same(identity, now)
        chase = self._job.chase(identity, self._note)
        if not marks.claim(token, self._note):
            return self._watch_only(plan, identity, marks.recall(token) or "")
        remote = self._job.place.host != LOCALHOST
        return climb(plan, self._clock, send=chase.send, look=chase.look, run=self._run, patient=remote)

    def _remember(self, identity: JobIdentity) -> None:
        """What was seen to belong to the job is known later too, when it has left its parents."""
        chase = self._job.chase(identity, self._note)
        chase.look()
        self._note = chase.note

    def _watch_only(self, plan: StopPlan, identity: JobIdentity, note: str) -> Execution:
        chase = self._job.chase(identity, self._note + note)
        return Execution((), _final(await_gone(chase.look, max(step.wait for step in plan.steps), self._clock)))

    def _checked(self, plan: StopPlan) -> JobIdentity:
        identity, job = plan.identity, self._job
        if identity is None or (identity.kind, plan.launch) != (job.kind, job.launch):
            raise StopRefusedError("The plan names no job that this stopper could stop", where=job.launch)
        hosts = {LOCALHOST, job.place.host}
        strange = [
            step.label
            for step in plan.steps
            if (step.host not in hosts if step.argv else step.signal not in self._job.signals)
        ]
        if strange:
            raise StopRefusedError("The plan has a step that nobody knows", where=clean(strange[0]))
        return identity

    def _run(self, step: StopStep, plan: StopPlan) -> Ran:
        if step.host == LOCALHOST:
            return run_here(self._clock)(step, plan)
        return self._job.place.run(step.argv, timeout=step.timeout, environment=plan.environment, cwd=plan.cwd)


class Looking:
    """A chase of a job that is stopped by commands only.

    Args:
        look: The probe.
    """

    note = ""

    def __init__(self, look: _Look) -> None:
        self._look = look

    def send(self, step: StopStep) -> StepResult:
        """Nothing: there are no processes that could be signalled."""
        return StepResult(step.label, ok=False, detail="This kind of job knows no signals")

    def look(self) -> Probe:
        """Look whether the job is gone."""
        try:
            return self._look()
        except (HostError, OSError, StopRefusedError) as error:
            return Probe(JobState.UNKNOWN, clean(str(error), 500))


class _Look(Protocol):
    def __call__(self) -> Probe: ...


def require_same(planned: JobIdentity, now: JobIdentity) -> None:
    """Raise unless both are the same job.

    Raises:
        StopRefusedError: If any fact differs.
    """
    if dict(planned.facts) == dict(now.facts) and planned.host == now.host:
        return
    names = sorted({*planned.facts, *now.facts})
    changed = ", ".join(name for name in names if planned.facts.get(name) != now.facts.get(name))
    raise StopRefusedError(
        f"This is not the job that was to be stopped: {changed or 'its host'} differs",
        where=f"now {now.label}; then {planned.label}",
        todo="Nothing was done; watch the run again with the launch that it has now",
    )


def _final(probe: Probe) -> Probe:
    """After the fact it does not matter who has the job's name now."""
    return replace(probe, state=JobState.GONE) if probe.state is JobState.REPLACED else probe
