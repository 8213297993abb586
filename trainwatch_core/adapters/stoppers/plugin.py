"""What a plug-in writes: one kind of job, and how one of its jobs is pursued."""

from __future__ import annotations

from typing import Protocol

from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.model.errors import HostError, StopRefusedError
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StepResult, StopStep
from trainwatch_core.report.redact import clean


class Chase(Protocol):
    """One stop of one job under way."""

    @property
    def note(self) -> str:
        """What a later chase of the same job needs to know: plain ASCII, kept with the mark of the stop."""
        ...

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Take a rung that is no command, and make its mark where the job is in the same breath. Never raises."""
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


class Looking:
    """A chase of a job that is stopped by commands only.

    Args:
        look: The probe.
    """

    note = ""

    def __init__(self, look: _Look) -> None:
        self._look = look

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Nothing: there are no processes that could be signalled."""
        del mark
        return StepResult(step.label, ok=False, detail="This kind of job knows no signals")

    def look(self) -> Probe:
        """Look whether the job is gone."""
        try:
            return self._look()
        except (HostError, OSError, StopRefusedError) as error:
            return Probe(JobState.UNKNOWN, clean(str(error), 500))


class _Look(Protocol):
    def __call__(self) -> Probe: ...
