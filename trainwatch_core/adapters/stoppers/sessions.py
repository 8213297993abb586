"""Stops what runs in a session of a terminal multiplexer. What tmux and screen have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trainwatch_core.adapters.machines import Snapshot
from trainwatch_core.adapters.procfs import lineage
from trainwatch_core.adapters.stoppers.jobs import Key
from trainwatch_core.adapters.stoppers.ladders import TERM_SIGNALS, Ladder, by_signal
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.pursuit import Pursuit, describe, read_note
from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobIdentity, StopStep
from trainwatch_core.report.redact import clean

_QUIT_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its multiplexer shows it.

    Attributes:
        server: Pid of the process that holds it.
        facts: What else names it for ever, e.g. its id and when it was created.
        heads: Pids of the programs that were started in its windows and still run.
        quit: The command that ends it.
    """

    server: int
    facts: Mapping[str, str]
    heads: tuple[int, ...]
    quit: tuple[str, ...]


class Multiplexer(Protocol):
    """One program that holds sessions."""

    @property
    def kind(self) -> str:
        """Kind of launch."""
        ...

    def session(self, place: Place, name: str, snapshot: Snapshot) -> Session | None:
        """The session with exactly this name; None if there is none, or nothing runs in it any more.

        Raises:
            StopRefusedError: If the name is not that of one session.
            HostError: If the multiplexer cannot be asked.
        """
        ...


class SessionJob:
    """The job of one session: all that was started in its windows, wherever it went from there.

    Args:
        launch: Its target is the session's name.
        place: Where it runs.
        ladder: How it is stopped.
        multiplexer: What holds it.
    """

    signals = frozenset({*TERM_SIGNALS, "SIGKILL"})

    def __init__(self, launch: Launch, place: Place, ladder: Ladder, multiplexer: Multiplexer) -> None:
        self.kind = multiplexer.kind
        self.launch = str(launch)
        self.place = place
        self._name = launch.target
        self._ladder = ladder
        self._multiplexer = multiplexer
        self._quit: tuple[str, ...] = ()

    def find(self) -> JobIdentity:
        """The session as it is now.

        Raises:
            JobNotFoundError: If there is none of exactly this name.
            StopRefusedError: If trainwatch runs in it, or the name is ambiguous.
            HostError: If its machine cannot be asked.
        """
        snapshot = self.place.machine.snapshot()
        found = self._multiplexer.session(self.place, self._name, snapshot)
        server = None if found is None else snapshot.table.get(found.server)
        if found is None or server is None:
            raise JobNotFoundError(
                f"There is no such {self.kind} session, or nothing runs in it",
                where=self.launch,
                todo="The whole name counts: tmux ls, or screen -ls, shows them",
            )
        ours = lineage(snapshot.table, snapshot.observer)
        if found.server in ours or ours & set(found.heads):
            raise StopRefusedError(
                "trainwatch itself runs in this session", where=self.launch, todo="Run it in another one"
            )
        self._quit = found.quit
        facts = {
            **found.facts,
            "server": f"{server.pid}:{server.start}",
            "boot_id": snapshot.boot_id,
            **self.place.facts(),
        }
        heads = [snapshot.table[pid] for pid in found.heads if pid in snapshot.table]
        runs = "; ".join(describe(heads[:3], self.place.machine, snapshot))
        return JobIdentity(
            self.kind, self.place.host, self._name, facts, clean(f"{self.kind} session {self._name}: {runs}", 600)
        )

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """What saves the state, the polite signal to what runs in it, the end of the session, SIGKILL to the rest."""
        del identity
        how, whose = self._ladder, f"what runs in {self.kind} session {self._name}"
        steps = [*how.saving(by_signal), by_signal(f"{how.term} to {whose}", how.term, how.grace)]
        steps.append(StopStep(f"End {self.kind} session {self._name}", argv=self._quit, wait=_QUIT_WAIT))
        if how.kill_wait is not None:
            steps.append(by_signal(f"SIGKILL to what is left of {whose}", "SIGKILL", how.kill_wait))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        del identity
        return f"{self.kind} has no such session, and /proc shows nothing of what was started in it"

    def chase(self, identity: JobIdentity, note: str) -> Pursuit:
        """Begin to stop or only to look at the session."""
        if not {"server", "boot_id"} <= set(identity.facts):
            raise StopRefusedError("The identity names no session", where=self.launch)
        return _SessionPursuit(self, identity, note)

    def heads(self, identity: JobIdentity, snapshot: Snapshot) -> list[Key] | None:
        """The programs in the windows of exactly that session; None if it is gone.

        Raises:
            HostError: If the multiplexer cannot be asked.
        """
        found = self._multiplexer.session(self.place, self._name, snapshot)
        server = None if found is None else snapshot.table.get(found.server)
        if found is None or server is None or f"{server.pid}:{server.start}" != identity.facts["server"]:
            return None
        if any(identity.facts.get(name) != value for name, value in found.facts.items()):
            return None
        return [snapshot.table[pid].key for pid in found.heads if pid in snapshot.table]


class _SessionPursuit(Pursuit):
    """Follows what runs in a session; windows that were opened later belong to it too."""

    def __init__(self, job: SessionJob, identity: JobIdentity, note: str) -> None:
        name = f"{job.kind} session {identity.target}"
        super().__init__(job.place.machine, name, identity.facts["boot_id"], (), read_note(note))
        self._job = job
        self._identity = identity

    def _further_leaders(self, snapshot: Snapshot) -> list[Key]:
        return self._job.heads(self._identity, snapshot) or []
