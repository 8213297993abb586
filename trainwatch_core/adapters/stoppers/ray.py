"""Stops a Ray job by the Jobs API of its cluster.

Ray sends SIGTERM to the driver and SIGKILL some seconds later (RAY_JOB_STOP_WAIT_TIME_S), and says STOPPED when the
driver has ended; so one rung is all there is. A job is known by its submission id and the millisecond of its start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trainwatch_core.adapters.stoppers.ladders import Ladder, by_signal
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.adapters.stoppers.servers import NOT_FOUND, OK, Server, read_token
from trainwatch_core.config.targets import ServerTable
from trainwatch_core.model.errors import (
    HostUnreachableError,
    InvalidInputError,
    JobNotFoundError,
    StopRefusedError,
    TrainwatchError,
)
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StepResult, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "ray"
STOP = "RAY STOP"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_HERE = "http://127.0.0.1:8265"
_ALIVE = frozenset({"PENDING", "RUNNING"})
_OVER = frozenset({"STOPPED", "SUCCEEDED", "FAILED"})
_SPARE = 15.0  # seconds that Ray itself takes


class RayJob:
    """A job, by its submission id.

    Args:
        launch: Its host is a server of `[servers]` (none: port 8265 of this machine), its target the submission id.
        place: Where the marks of stops are.
        ladder: How long the job may take to end.
        servers: `[servers]`.

    Raises:
        InvalidInputError: If the target is no submission id, or the server is not declared.
    """

    kind = KIND
    signals = frozenset({STOP})

    def __init__(self, launch: Launch, place: Place, ladder: Ladder, servers: Mapping[str, ServerTable]) -> None:
        if not _ID.fullmatch(launch.target):
            raise InvalidInputError(
                "This is not the id of a Ray job", where=str(launch), todo="Give ray:[<server>/]<submission id>"
            )
        if launch.host != LOCALHOST and launch.host not in servers:
            raise InvalidInputError(
                "This server is not declared", where=str(launch), todo=f"Declare it: [servers.{launch.host}] with url"
            )
        self.launch = str(launch)
        self.place = place
        self._job = launch.target
        self._ladder = ladder
        self._table = servers.get(launch.host) or ServerTable(url=_HERE)

    def find(self) -> JobIdentity:
        """The job as the cluster shows it now.

        Raises:
            JobNotFoundError: If there is none, or it is over.
            HostError: If the cluster cannot be asked.
        """
        found = self._seen()
        if found is None:
            raise JobNotFoundError("The cluster has no such job", where=self.launch, todo="ray job list shows them")
        status = clean(str(found.get("status")), 20)
        if status not in _ALIVE:
            raise JobNotFoundError(f"This job does not run, it is {status}", where=self.launch)
        facts = {
            "submission": self._job,
            "started": str(found.get("start_time")),
            "server": self._table.url,
            **self.place.facts(),
        }
        entry = clean(redact(str(found.get("entrypoint", ""))), 200)
        label = f"Ray job {self._job} ({status}) at {clean(self._table.url, 100)}: {entry}"
        return JobIdentity(KIND, self.place.host, self._job, facts, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """One rung: Ray's own."""
        del identity
        label = f"Stop Ray job {self._job} (SIGTERM, then SIGKILL by Ray)"
        return (by_signal(label, STOP, self._ladder.grace + (self._ladder.kill_wait or 0.0) + _SPARE),)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        return f"the cluster says that job {identity.target} is over"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the job."""
        del note
        started = identity.facts.get("started", "")
        if not started or identity.facts.get("submission") != self._job:
            raise StopRefusedError("The identity names no job", where=self.launch)
        return _Chase(self, started)

    def look(self, started: str) -> Probe:
        """What the cluster says of the job now."""
        found = self._seen()
        if found is None:
            return Probe(JobState.UNKNOWN, f"Ray job {self._job}: the cluster does not have it any more")
        status = clean(str(found.get("status")), 20)
        if str(found.get("start_time")) != started:
            return Probe(JobState.REPLACED, f"Ray job {self._job}: another job has the id now")
        if status in _OVER:
            return Probe(JobState.GONE, f"Ray job {self._job}: {status}")
        if status in _ALIVE:
            return Probe(JobState.ALIVE, f"Ray job {self._job}: state={status}", (f"Ray job {self._job}: {status}",))
        return Probe(JobState.UNKNOWN, f"Ray job {self._job}: {status}")

    def stop(self) -> str:
        """Ask the cluster to stop it; what it said.

        Raises:
            HostUnreachableError: If it did not take that.
        """
        answer = self._server().ask("POST", f"/api/jobs/{self._job}/stop")
        if answer.status != OK:
            raise HostUnreachableError(f"The cluster answers {answer.status}", where=clean(self._table.url, 200))
        return f"the cluster answered {answer.status}"

    def _seen(self) -> dict[str, Any] | None:
        answer = self._server().ask("GET", f"/api/jobs/{self._job}")
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK or not isinstance(answer.body, dict) or answer.body.get("submission_id") != self._job:
            raise HostUnreachableError(f"The cluster answers oddly: {answer.status}", where=clean(self._table.url, 200))
        return answer.body

    def _server(self) -> Server:
        return Server(self._table.url, read_token(self._table.token_file), scheme="Bearer")


class _Chase(Looking):
    """One stop of a job under way."""

    def __init__(self, job: RayJob, started: str) -> None:
        super().__init__(lambda: job.look(started))
        self._job = job

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Ask for the stop."""
        del mark
        try:
            return StepResult(step.label, ok=True, detail=self._job.stop())
        except TrainwatchError as error:
            return StepResult(step.label, ok=False, detail=clean(str(error), 500))
