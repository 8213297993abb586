"""Stops the kernel of a Jupyter notebook by the server's REST API.

A kernel is a process of the server's: it is interrupted first (KeyboardInterrupt in the training, which may save its
state), and shut down after the grace, because an idle kernel still holds its graphics card. The number of a kernel is
random and never given again; a kernel that is restarted from the notebook keeps it, which nobody can see from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
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

KIND = "jupyter"
INTERRUPT, SHUT_DOWN = "INTERRUPT", "SHUT DOWN"

_KERNEL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SPARE = 15.0  # seconds that the server itself takes to end a kernel
_LEFT = 50  # runtime files that are looked at
_REDIRECT = 300


class JupyterKernel:
    """A kernel, by its id.

    Args:
        launch: Its host is a server of `[servers]` (none: one of this machine), its target the kernel's id.
        place: Where the marks of stops are.
        ladder: How long each rung waits.
        servers: `[servers]`.
        runtime: Where Jupyter notes the servers of this machine.

    Raises:
        InvalidInputError: If the target is no id of a kernel, or the server is not declared.
    """

    kind = KIND
    signals = frozenset({INTERRUPT, SHUT_DOWN})

    def __init__(
        self, launch: Launch, place: Place, ladder: Ladder, servers: Mapping[str, ServerTable], runtime: Path
    ) -> None:
        if not _KERNEL.fullmatch(launch.target):
            raise InvalidInputError(
                "This is not the id of a kernel", where=str(launch), todo="Give jupyter:[<server>/]<kernel id>"
            )
        if launch.host != LOCALHOST and launch.host not in servers:
            raise InvalidInputError(
                "This server is not declared", where=str(launch), todo=f"Declare it: [servers.{launch.host}] with url"
            )
        self.launch = str(launch)
        self.place = place
        self._kernel = launch.target
        self._ladder = ladder
        self._table = servers.get(launch.host)
        self._runtime = runtime

    def find(self) -> JobIdentity:
        """The kernel as the server shows it now.

        Raises:
            JobNotFoundError: If no server has it.
            HostError: If the server cannot be asked.
        """
        for server in self._servers():
            found = self._seen(server)
            if found is not None:
                break
        else:
            raise JobNotFoundError(
                "No server has this kernel", where=self.launch, todo="jupyter server list shows them"
            )
        facts = {"kernel": self._kernel, "server": server.url, "kind": str(found.get("name", "")), **self.place.facts()}
        state = clean(str(found.get("execution_state", "unknown")), 20)
        named = clean(redact(self._notebook(server)), 200)
        label = f"kernel {self._kernel[:8]} ({clean(facts['kind'], 40)}, {state}){named} at {clean(server.url, 120)}"
        return JobIdentity(KIND, self.place.host, self._kernel, facts, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """Interrupt the kernel, then shut it down."""
        del identity
        short = self._kernel[:8]
        first = by_signal(
            f"Interrupt kernel {short} (KeyboardInterrupt in what it runs)", INTERRUPT, self._ladder.grace
        )
        return (first, by_signal(f"Shut kernel {short} down", SHUT_DOWN, (self._ladder.kill_wait or 0.0) + _SPARE))

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        return f"the server does not know kernel {identity.target[:8]} any more"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the kernel."""
        del note
        url = identity.facts.get("server", "")
        if not url or identity.facts.get("kernel") != self._kernel:
            raise StopRefusedError("The identity names no kernel", where=self.launch)
        return _Chase(self, url)

    def server_at(self, url: str) -> Server:
        """The server of an identity, with the token that it wants now.

        Raises:
            HostUnreachableError: If no such server is declared or runs here.
        """
        for server in self._servers():
            if server.url == url:
                return server
        raise HostUnreachableError("The server of this kernel is not there", where=clean(url, 200))

    def _seen(self, server: Server) -> dict[str, Any] | None:
        answer = server.ask("GET", f"/api/kernels/{self._kernel}")
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK or not isinstance(answer.body, dict) or answer.body.get("id") != self._kernel:
            raise HostUnreachableError(f"The server answers oddly: {answer.status}", where=clean(server.url, 200))
        return answer.body

    def look_at(self, server: Server) -> Probe:
        """Whether a server still knows the kernel."""
        found, short = self._seen(server), self._kernel[:8]
        if found is None:
            return Probe(JobState.GONE, f"kernel {short}: the server does not know it any more")
        state = clean(str(found.get("execution_state", "unknown")), 20)
        return Probe(JobState.ALIVE, f"kernel {short}: state={state}", (f"kernel {short}: {state}",))

    def _notebook(self, server: Server) -> str:
        """The notebook that the kernel belongs to, for people; empty if nobody can say."""
        try:
            answer = server.ask("GET", "/api/sessions")
        except TrainwatchError:
            return ""
        sessions = answer.body if isinstance(answer.body, list) else []
        for each in sessions:
            if (
                isinstance(each, dict)
                and isinstance(each.get("kernel"), dict)
                and each["kernel"].get("id") == self._kernel
            ):
                return f" of {each.get('path') or each.get('name') or 'a console'}"
        return ""

    def _servers(self) -> list[Server]:
        if self._table is not None:
            return [Server(self._table.url, read_token(self._table.token_file))]
        return servers_here(self._runtime)


class _Chase(Looking):
    """One stop of a kernel under way."""

    def __init__(self, job: JupyterKernel, url: str) -> None:
        super().__init__(lambda: job.look_at(job.server_at(url)))
        self._job, self._url = job, url

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Interrupt the kernel or shut it down."""
        del mark
        kernel = self._job.launch.rpartition("/")[2].rpartition(":")[2]
        method, path = (
            ("POST", f"/api/kernels/{kernel}/interrupt")
            if step.signal == INTERRUPT
            else ("DELETE", f"/api/kernels/{kernel}")
        )
        try:
            answer = self._job.server_at(self._url).ask(method, path)
        except TrainwatchError as error:
            return StepResult(step.label, ok=False, detail=clean(str(error), 500))
        fine = OK <= answer.status < _REDIRECT or answer.status == NOT_FOUND
        return StepResult(step.label, ok=fine, detail=f"the server answered {answer.status}")


def servers_here(runtime: Path) -> list[Server]:
    """The Jupyter servers of this machine that note themselves where only we may write."""
    found = []
    for file in sorted(runtime.glob("jpserver-*.json"))[:_LEFT]:
        try:
            about = json.loads(file.read_text(encoding="utf-8"))
            url, token = str(about["url"]).rstrip("/"), str(about.get("token", ""))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if url.startswith(("http://", "https://")):
            found.append(Server(url, token))
    return found
