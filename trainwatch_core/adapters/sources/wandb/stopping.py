"""Asks a run to stop through W&B: the flag that the Stop button of the run's page sets.

The wandb SDK in the training asks for it every 15 seconds or so and interrupts the training (SIGINT,
KeyboardInterrupt). Needs no way to the machine, but a key that may write, and a training that listens: so it is a weak
way to stop. W&B's own word that the run ended is the only proof, and "crashed" is a guess of the server's, which proves
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import pick
from trainwatch_core.adapters.stoppers.ladders import Ladder, by_signal
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.model.errors import (
    HostUnreachableError,
    InvalidInputError,
    JobNotFoundError,
    SourceUnavailableError,
    StopRefusedError,
    TrainwatchError,
)
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StepResult, StopStep
from trainwatch_core.report.redact import clean

KIND = "wandb"
FLAG = "STOP FLAG"

_RUN = """query TrainwatchStoppable($entity: String!, $project: String!, $run: String!) {
  project(name: $project, entityName: $entity) { run(name: $run) { id displayName state stopped createdAt } }
}"""
_STOP = "mutation TrainwatchStop($id: ID!) { stopRun(input: {id: $id}) { success } }"
_LIVES = frozenset({"running", "pending"})
_SAID_GOODBYE = frozenset({"finished", "failed", "killed"})
_HEARD = 60.0  # seconds: the SDK asks every 15, and the end of a run is sent after its last files


class WandbFlag:
    """The stop flag of a W&B run.

    Args:
        launch: `wandb:`, without a target.
        run: The run.
        place: Where the marks of stops are.
        ladder: How long the training may take to end.
        endpoint: The server and its key.
        timeout: Seconds that one request may take.

    Raises:
        InvalidInputError: If the run is none of W&B, or the launch names something else.
    """

    kind = KIND
    signals = frozenset({FLAG})

    def __init__(
        self,
        launch: Launch,
        run: RunRef,
        place: Place,
        ladder: Ladder,
        endpoint: Callable[[], Endpoint],
        timeout: float,
    ) -> None:
        if run.kind is not RunKind.WANDB or launch.target:
            raise InvalidInputError(
                "The stop flag of W&B is one of the run that is watched", where=str(launch), todo="Give wandb: alone"
            )
        self.launch = str(launch)
        self.place = place
        self._run = run
        self._ladder = ladder
        self._endpoint = endpoint
        self._timeout = timeout

    def find(self) -> JobIdentity:
        """The run as W&B shows it now.

        Raises:
            JobNotFoundError: If there is none, or it is over.
            HostError: If W&B cannot be asked.
        """
        found = self._seen()
        state = str(found.get("state"))
        if state not in _LIVES:
            raise JobNotFoundError(f"W&B says that the run is {clean(state, 20)}", where=str(self._run))
        facts = {"id": str(found["id"]), "created": str(found.get("createdAt") or "unknown"), **self.place.facts()}
        name = clean(str(found.get("displayName") or self._run.short), 80)
        return JobIdentity(KIND, self.place.host, str(self._run), facts, f"W&B run {self._run} ({name}), {state}")

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """One rung: there is nothing harder."""
        del identity
        label = f"Set the stop flag of {self._run} in W&B (the SDK interrupts the training)"
        return (by_signal(label, FLAG, self._ladder.grace + _HEARD),)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        del identity
        return "W&B says that the run said goodbye: finished, failed or killed (a guessed crash does not count)"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the run."""
        del note
        if not identity.facts.get("id"):
            raise StopRefusedError("The identity names no run", where=self.launch)
        return _Chase(self, identity.facts["id"])

    def look_at(self, ident: str) -> Probe:
        """What W&B says of the run now."""
        try:
            found = self._seen()
        except JobNotFoundError:
            return Probe(JobState.UNKNOWN, f"{self._run}: W&B does not have it any more, which proves nothing")
        state = clean(str(found.get("state")), 20)
        if found["id"] != ident:
            return Probe(JobState.REPLACED, f"{self._run}: another run has the name now")
        if state in _SAID_GOODBYE:
            return Probe(JobState.GONE, f"{self._run}: {state}")
        if state in _LIVES:
            flag = ", the stop flag is set" if found.get("stopped") is True else ""
            return Probe(JobState.ALIVE, f"{self._run}: state={state}{flag}", (f"W&B run {self._run}: {state}{flag}",))
        return Probe(JobState.UNKNOWN, f"{self._run}: {state}, which W&B only guesses")

    def set_flag(self, ident: str) -> str:
        """Set the flag; what the server said.

        Raises:
            HostUnreachableError: If it did not take it.
        """
        said = self._ask(_STOP, {"id": ident})
        if pick(said, "data.stopRun.success") is not True:
            why = clean(str(pick(said, "errors") or "no success"), 200)
            raise HostUnreachableError(f"W&B did not take the stop flag: {why}", where=str(self._run))
        return "W&B took the stop flag"

    def _seen(self) -> dict[str, Any]:
        entity, project, name = self._run.target.split("/")
        said = self._ask(_RUN, {"entity": entity, "project": project, "run": name})
        found = pick(said, "data.project.run")
        if isinstance(found, dict) and isinstance(found.get("id"), str):
            return found
        if isinstance(said.get("data"), dict):
            raise JobNotFoundError("W&B has no such run", where=str(self._run))
        raise HostUnreachableError("This is no answer of W&B", where=str(self._run))

    def _ask(self, query: str, variables: Mapping[str, str]) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        try:
            said = json.loads(post(self._endpoint(), "/graphql", body, seconds=self._timeout))
        except SourceUnavailableError as error:
            raise HostUnreachableError(f"W&B gives no answer: {error}", where=str(self._run)) from None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise HostUnreachableError("This is no answer of W&B", where=str(self._run))
        return said


class _Chase(Looking):
    """One stop of a run under way."""

    def __init__(self, job: WandbFlag, ident: str) -> None:
        super().__init__(lambda: job.look_at(ident))
        self._job, self._ident = job, ident

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Set the flag."""
        del mark
        try:
            return StepResult(step.label, ok=True, detail=self._job.set_flag(self._ident))
        except TrainwatchError as error:
            return StepResult(step.label, ok=False, detail=clean(str(error), 500))
