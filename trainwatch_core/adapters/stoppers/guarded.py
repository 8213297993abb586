"""What all stoppers of jobs have in common: the guards around what a kind of job knows by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trainwatch_core.adapters.shell import Ran
from trainwatch_core.adapters.stoppers.plugin import Chase, Job
from trainwatch_core.adapters.stoppers.rungs import await_gone, climb, run_here, run_step
from trainwatch_core.adapters.stoppers.tokens import rung
from trainwatch_core.decision.identity import require_same
from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError, TrainwatchError
from trainwatch_core.model.launch import LOCALHOST
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, Probe, StepResult, StopPlan, StopStep
from trainwatch_core.ports import Clock
from trainwatch_core.report.redact import clean


class GuardedStopper:
    """A stopper of one job: it acts only on the job that was approved, once for a token, and believes only the probe.

    Args:
        job: The job.
        clock: Time.
        reach: Called with the name of each point at which a crash is tried in tests.
    """

    def __init__(self, job: Job, clock: Clock, reach: Callable[[str], None] = lambda _name: None) -> None:
        self._job = job
        self._clock = clock
        self._reach = reach
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

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """Carry the plan out, if its job is still the same.

        A token that was used before takes no rung again. It waits for what the last one does, and takes the rungs above
        it, if the job is still the same and nobody need doubt whether the last one was carried out.

        Raises:
            StopRefusedError: If the job is another one, or the mark of the stop cannot be written. Nothing was done.
            HostError: If nobody can be asked. Nothing was done.
        """
        identity = self._checked(plan)
        marks = self._job.place.marks
        note = marks.recall(token)
        if note is not None:
            return self._go_on(plan, token, identity, note) if resume else self._watch_only(plan, identity, note)
        try:
            now = self.identify()
        except JobNotFoundError:
            return Execution((), _final(self.probe(identity)))
        require_same(identity, now)
        chase = self._job.chase(identity, self._note)
        if not marks.claim(token, self._note):
            return self._watch_only(plan, identity, marks.recall(token) or "")
        self._reach("stop.marked")
        return self._climb(plan, token, chase)

    def _remember(self, identity: JobIdentity) -> None:
        """What was seen to belong to the job is known later too, when it has left its parents."""
        chase = self._job.chase(identity, self._note)
        chase.look()
        self._note = chase.note

    def _climb(self, plan: StopPlan, token: str, chase: Chase, first: int = 0) -> Execution:
        def take(number: int) -> StepResult:
            return self._take(plan, token, chase, number)

        return climb(plan, self._clock, take=take, look=chase.look, patient=self._away, first=first)

    def _go_on(self, plan: StopPlan, token: str, identity: JobIdentity, note: str) -> Execution:
        chase = self._job.chase(identity, self._note + note)
        marks = self._job.place.marks.taken(token)
        begun = [number for number, _ in enumerate(plan.steps) if rung(token, number) in marks]
        last = begun[-1] if begun else -1
        sure = last < 0 or self._at_target(plan.steps[last]) or rung(token, last, done=True) in marks
        wait = plan.steps[last].wait if begun else 0.0
        probe = await_gone(chase.look, wait, self._clock, patient=self._away)
        if probe.state is not JobState.ALIVE or not sure or last + 1 == len(plan.steps):
            return Execution((), _final(probe))
        try:
            require_same(identity, self.identify())
        except (JobNotFoundError, StopRefusedError):
            return Execution((), _final(chase.look()))
        return self._climb(plan, token, chase, last + 1)

    @property
    def _away(self) -> bool:
        return self._job.place.host != LOCALHOST

    def _at_target(self, step: StopStep) -> bool:
        """Whether a rung and its mark are made in one breath, where the job is: both or neither, whenever we die."""
        return step.host == self._job.place.host if step.argv else self._away

    def _take(self, plan: StopPlan, token: str, chase: Chase, number: int) -> StepResult:
        """Take one rung, once for a token."""
        step, mark = plan.steps[number], rung(token, number)
        at_target = self._at_target(step)
        try:
            if not at_target and not self._job.place.marks.take(mark):
                return StepResult(step.label, ok=False, detail="It was begun before; nothing was done", unsure=True)
            self._reach("stop.rung")
            if step.argv:
                result = run_step(step, plan, lambda step, plan: self._run(step, plan, mark if at_target else ""))
            else:
                result = chase.send(step, mark if at_target else "")
            self._reach("stop.sent")
            if not at_target:
                self._job.place.marks.take(rung(token, number, done=True))
            self._reach("stop.waiting")
        except TrainwatchError as error:
            return StepResult(step.label, ok=False, detail=clean(str(error), 500), unsure=True)
        return result

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

    def _run(self, step: StopStep, plan: StopPlan, mark: str) -> Ran:
        place = self._job.place
        if step.host != place.host:
            return run_here(self._clock)(step, plan)
        return place.run(step.argv, timeout=step.timeout, environment=plan.environment, cwd=plan.cwd, mark=mark)


def _final(probe: Probe) -> Probe:
    """After the fact it does not matter who has the job's name now."""
    return replace(probe, state=JobState.GONE) if probe.state is JobState.REPLACED else probe
