"""Stops a Docker container, on this machine or by SSH."""

from __future__ import annotations

import json
import re
from typing import Any

from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "docker"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ID = re.compile(r"[0-9a-f]{64}")
_ALIVE = ("Running", "Restarting", "Paused")
_SPARE = 15.0  # seconds that the daemon itself may take


class DockerJob:
    """A container, by name or id. It is stopped by its id, which no other container ever gets.

    Args:
        launch: Its target is the container.
        place: Where docker runs.
        ladder: How it is stopped.

    Raises:
        InvalidInputError: If the target is no name of a container.
    """

    kind = KIND
    signals: frozenset[str] = frozenset()

    def __init__(self, launch: Launch, place: Place, ladder: Ladder) -> None:
        if not _NAME.fullmatch(launch.target):
            raise InvalidInputError("This is not the name of a container", where=str(launch), todo="docker ps shows it")
        self.launch = str(launch)
        self.place = place
        self._name = launch.target
        self._ladder = ladder
        self._docker = "docker"

    def find(self) -> JobIdentity:
        """The container as Docker shows it now.

        Raises:
            JobNotFoundError: If there is none, or it does not run.
            HostError: If Docker cannot be asked.
        """
        found = self._inspect(self._name)
        if found is None or not _runs(found):
            status = "" if found is None else f", it is {clean(str(found['State'].get('Status', 'over')), 40)}"
            raise JobNotFoundError(f"No such container runs{status}", where=self.launch, todo="docker ps shows them")
        facts = {"id": str(found["Id"]), "started": str(found["State"].get("StartedAt", "")), **self.place.facts()}
        image = clean(redact(str(found.get("Config", {}).get("Image", ""))), 100)
        label = f"container {self._name} ({facts['id'][:12]}), image {image}, started {clean(facts['started'], 40)}"
        return JobIdentity(KIND, self.place.host, self._name, facts, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """What saves the state, docker stop (SIGTERM, then SIGKILL by Docker after the grace), docker kill."""
        how, ident = self._ladder, _ident(identity, self.launch)
        grace = int(how.grace)
        steps = how.saving(lambda label, signal, wait: self._kill(label, signal, wait, ident))
        argv = (self._docker, "stop", f"--time={grace}", "--", ident)
        steps.append(StopStep(f"Stop container {self._name}", argv=argv, wait=_SPARE, timeout=grace + 2 * _SPARE))
        if how.kill_wait is not None:
            steps.append(self._kill(f"SIGKILL to container {self._name}", "SIGKILL", how.kill_wait, ident))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        return f"docker inspect shows container {_ident(identity, self.launch)[:12]} neither running nor restarting"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the container."""
        del note
        ident, started = _ident(identity, self.launch), identity.facts.get("started", "")
        return Looking(lambda: self._look(ident, started))

    def _look(self, ident: str, started: str) -> Probe:
        found = self._inspect(ident)
        name = f"container {self._name} ({ident[:12]})"
        if found is None:
            return Probe(JobState.GONE, f"{name}: Docker does not know it any more")
        state = found["State"]
        status = clean(str(state.get("Status", "unknown")), 40)
        if not _runs(found):
            return Probe(JobState.GONE, f"{name}: {status}, exit code {clean(str(state.get('ExitCode')), 10)}")
        again = "" if state.get("StartedAt") == started else "it was started again, "
        return Probe(JobState.ALIVE, f"{name}: {again}state={status}", (f"{name}, pid {state.get('Pid')}: {status}",))

    def _inspect(self, name: str) -> dict[str, Any] | None:
        self._docker = self.place.program("docker")
        ran = self.place.run((self._docker, "inspect", "--type=container", "--", name), keep=1 << 20)
        said = ran.output.decode("utf-8", "replace")
        if ran.exit_code == 0:
            try:
                found = json.loads(said[said.index("[") :])[0]
                if _ID.fullmatch(found["Id"]) and isinstance(found["State"], dict):
                    return dict(found)
            except (ValueError, LookupError, TypeError):
                pass
        elif ran.exit_code is not None and "no such" in said.lower():
            return None
        raise HostUnreachableError(f"Docker gives no answer: {clean(redact(said), 200)}", where=self.place.host)

    def _kill(self, label: str, signal: str, wait: float, ident: str) -> StopStep:
        return StopStep(label, argv=(self._docker, "kill", f"--signal={signal}", "--", ident), wait=wait)


def _runs(found: dict[str, Any]) -> bool:
    return any(found["State"].get(name) for name in _ALIVE)


def _ident(identity: JobIdentity, launch: str) -> str:
    ident = identity.facts.get("id", "")
    if not _ID.fullmatch(ident):
        raise StopRefusedError("The identity names no container", where=launch)
    return ident
