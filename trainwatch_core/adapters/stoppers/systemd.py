"""Stops a unit of systemd, on this machine or by SSH."""

from __future__ import annotations

import re

from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "systemd"

_UNIT = re.compile(r"[A-Za-z0-9_.@:][A-Za-z0-9_.@:-]{0,200}?(?:\.service|\.scope)?")
_FIELDS = ("Id", "LoadState", "ActiveState", "SubState", "InvocationID", "MainPID", "Description")
_OVER = frozenset({"inactive", "failed"})
_INVOCATION = re.compile(r"[0-9a-f]{32}")
_STOP_TIMEOUT = 95.0
"""Seconds. systemd sends SIGTERM, and SIGKILL after TimeoutStopSec, which is 90 seconds by default."""


class SystemdJob:
    """A service or scope of the system's manager.

    Args:
        launch: Its target is the unit; `.service` may be left out.
        place: Where systemctl runs.
        ladder: How it is stopped.

    Raises:
        InvalidInputError: If the target is no name of a service or scope.
    """

    kind = KIND
    signals: frozenset[str] = frozenset()

    def __init__(self, launch: Launch, place: Place, ladder: Ladder) -> None:
        if not _UNIT.fullmatch(launch.target) or launch.target.endswith((".slice", ".target", ".socket", ".mount")):
            raise InvalidInputError(
                "This is not the name of a service", where=str(launch), todo="systemctl list-units shows them"
            )
        self.launch = str(launch)
        self.place = place
        self._target = launch.target
        self._unit = launch.target if launch.target.endswith((".service", ".scope")) else f"{launch.target}.service"
        self._ladder = ladder
        self._systemctl = "systemctl"

    def find(self) -> JobIdentity:
        """The unit as systemd shows it now.

        Raises:
            JobNotFoundError: If there is none, or it is not active.
            HostError: If systemd cannot be asked.
        """
        found = self._show()
        if found["ActiveState"] in _OVER or not _INVOCATION.fullmatch(found["InvocationID"]):
            raise JobNotFoundError(
                f"No such unit runs, it is {found['LoadState']} and {found['ActiveState']}", where=self.launch
            )
        facts = {"unit": found["Id"], "invocation": found["InvocationID"], **self.place.facts()}
        label = f"unit {found['Id']}, main pid {found['MainPID']}, {clean(redact(found['Description']), 100)}"
        return JobIdentity(KIND, self.place.host, self._target, facts, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """What saves the state, systemctl stop (SIGTERM, then SIGKILL by systemd itself), SIGKILL to all of it."""
        del identity
        how = self._ladder
        steps = how.saving(self._kill)
        argv = (self._systemctl, "stop", "--no-block", "--", self._unit)
        steps.append(StopStep(f"Stop unit {self._unit}", argv=argv, wait=how.grace + _STOP_TIMEOUT))
        if how.kill_wait is not None:
            steps.append(self._kill(f"SIGKILL to unit {self._unit}", "SIGKILL", how.kill_wait))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        del identity
        return f"systemctl shows {self._unit} as inactive or failed"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the unit."""
        del note
        invocation = identity.facts.get("invocation", "")
        if not _INVOCATION.fullmatch(invocation):
            raise StopRefusedError("The identity names no run of a unit", where=self.launch)
        return Looking(lambda: self._look(invocation))

    def _look(self, invocation: str) -> Probe:
        found = self._show()
        state = f"{found['ActiveState']} ({found['SubState']})"
        if found["ActiveState"] in _OVER:
            return Probe(JobState.GONE, f"unit {self._unit}: {state}")
        # Restart=always brings it back under a new invocation: it runs, so it is not stopped.
        again = "" if found["InvocationID"] == invocation else "it was started again, "
        return Probe(JobState.ALIVE, f"unit {self._unit}: {again}{state}", (f"main pid {found['MainPID']}: {state}",))

    def _show(self) -> dict[str, str]:
        self._systemctl = self.place.program("systemctl")
        argv = (self._systemctl, "show", "--no-pager", f"--property={','.join(_FIELDS)}", "--", self._unit)
        ran = self.place.run(argv)
        said = ran.output.decode("utf-8", "replace")
        pairs = (line.partition("=") for line in said.splitlines())
        # Of a name that stands twice the first counts: a description cannot hold a line break, but who knows.
        found: dict[str, str] = {}
        for name, _, value in pairs:
            found.setdefault(name, value)
        if ran.exit_code != 0 or not set(_FIELDS) <= found.keys():
            raise HostUnreachableError(f"systemd gives no answer: {clean(redact(said), 200)}", where=self.place.host)
        return found

    def _kill(self, label: str, signal: str, wait: float) -> StopStep:
        return StopStep(label, argv=(self._systemctl, "kill", f"--signal={signal}", "--", self._unit), wait=wait)
