"""Stops a process with all that belongs to it, on this machine or on another one. Linux only: it rests on /proc."""

from __future__ import annotations

from trainwatch_core.adapters.machines import Details, Snapshot
from trainwatch_core.adapters.procfs import Process, lineage
from trainwatch_core.adapters.stoppers.jobs import Key
from trainwatch_core.adapters.stoppers.ladders import TERM_SIGNALS, Ladder, by_signal
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.pursuit import Pursuit, describe, read_note
from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch, parse_pid
from trainwatch_core.model.stop import JobIdentity, StopStep

KIND = "pid"


class ProcessJob:
    """The job of one process id.

    It is that process, its descendants, and the process group and session that it leads. A zombie counts as gone: it
    does no work, holds no memory and no GPU, only its number until its parent asks for it.

    Args:
        launch: Its target is the process id.
        place: Where it runs.
        ladder: How it is stopped.

    Raises:
        InvalidInputError: If the target is no process id.
    """

    kind = KIND
    signals = frozenset({*TERM_SIGNALS, "SIGKILL"})

    def __init__(self, launch: Launch, place: Place, ladder: Ladder) -> None:
        self._pid = parse_pid(launch.target)
        self.launch = str(launch)
        self.place = place
        self._ladder = ladder

    def find(self) -> JobIdentity:
        """The job as it is now.

        Raises:
            JobNotFoundError: If there is no such process, or it has ended.
            StopRefusedError: If it is trainwatch or an ancestor of it, or another user's, or this is not Linux.
            HostError: If its machine cannot be asked.
        """
        machine = self.place.machine
        if machine.problem:
            raise StopRefusedError(f"Processes cannot be stopped safely here: {machine.problem}", where=self.launch)
        snapshot = machine.snapshot()
        found = snapshot.table.get(self._pid)
        details = machine.details([self._pid]).get(self._pid)
        if details is not None and details.leader != self._pid:
            raise JobNotFoundError(
                "This is a thread, not a process", where=self.launch, todo=f"Give pid:{details.leader}"
            )
        if found is None or found.over or details is None:
            raise JobNotFoundError("There is no such process", where=self.launch, todo="ps shows what runs")
        label = describe([found], machine, snapshot)[0]
        self._refuse_unsafe(found, snapshot, label)
        again = machine.snapshot().table.get(self._pid)
        if again is None or again.key != found.key:
            raise JobNotFoundError("The process ended a moment ago", where=self.launch)
        facts = {**_facts(found, details, snapshot), **self.place.facts()}
        return JobIdentity(KIND, self.place.host, str(self._pid), facts, label)

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """What saves the state, the polite signal, then SIGKILL unless it is switched off."""
        leads = identity.facts.get("pgid") == identity.target
        whom = f"process group {self._pid}" if leads else f"process {self._pid} and its children"
        how = self._ladder
        steps = [*how.saving(by_signal), by_signal(f"{how.term} to {whom}", how.term, how.grace)]
        if how.kill_wait is not None:
            rest = f"SIGKILL to what is left of the job of process {self._pid}"
            steps.append(by_signal(rest, "SIGKILL", how.kill_wait))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        return f"/proc shows neither process {self._pid} (start {identity.facts.get('start')}) nor any of its job"

    def chase(self, identity: JobIdentity, note: str) -> Pursuit:
        """Begin to stop or only to look at the job."""
        leader = _leader(identity)
        if leader is None:
            raise StopRefusedError("The identity names no process", where=self.launch)
        boot_id = identity.facts.get("boot_id", "")
        return Pursuit(self.place.machine, f"pid {leader[0]}", boot_id, [leader], read_note(note))

    def _refuse_unsafe(self, found: Process, snapshot: Snapshot, label: str) -> None:
        if found.pid in lineage(snapshot.table, snapshot.observer):
            raise StopRefusedError(
                "This is trainwatch itself, or what started it", where=label, todo="Give the process id of the training"
            )
        problems = self.place.machine.send([found], "0", snapshot)
        if problems:
            raise StopRefusedError(
                "This process may not be signalled by this user",
                where=f"{problems[0]}; {label}",
                todo="Run trainwatch as the user who runs the training",
            )


def _facts(found: Process, details: Details, snapshot: Snapshot) -> dict[str, str]:
    return {
        "pid": str(found.pid),
        "start": str(found.start),
        "boot_id": snapshot.boot_id,
        "pgid": str(found.group),
        "session": str(found.session),
        "uid": details.uid,
    }


def _leader(identity: JobIdentity) -> Key | None:
    facts = (identity.facts.get("pid", ""), identity.facts.get("start", ""))
    return (int(facts[0]), int(facts[1])) if all(fact.isascii() and fact.isdigit() for fact in facts) else None
