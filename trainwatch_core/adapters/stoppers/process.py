"""Stops a process of this machine, with all that belongs to it. Linux only: it rests on /proc and on pidfds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.procfs import Process
from trainwatch_core.adapters.stoppers.jobs import Key
from trainwatch_core.adapters.stoppers.pursuit import Pursuit, describe
from trainwatch_core.adapters.stoppers.rungs import await_gone, climb
from trainwatch_core.adapters.stoppers.tokens import Tokens
from trainwatch_core.model.errors import InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import LOCALHOST, parse_pid
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, Probe, StopPlan, StopStep
from trainwatch_core.ports import Clock
from trainwatch_core.report.redact import clean

KIND = "pid"
TERM_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that a trainer may be asked with to end by itself."""

_SIGNALS = frozenset({*TERM_SIGNALS, "SIGKILL"})


class ProcessStopper:
    """Stops the job of one process id.

    The job is that process, its descendants, and the process group and session that it leads. A zombie counts as gone:
    it does no work, holds no memory and no GPU, only its number until its parent asks for it.

    Args:
        target: The process id, as text.
        clock: Time.
        tokens_dir: Where marks of begun stops are kept.
        grace: Seconds between the polite signal and SIGKILL.
        kill_wait: Seconds to wait after SIGKILL; None if SIGKILL shall never be sent.
        term_signal: The polite signal, one of TERM_SIGNALS.

    Raises:
        InvalidInputError: If the target or an option cannot be used.
    """

    def __init__(
        self,
        target: str,
        *,
        clock: Clock,
        tokens_dir: Path,
        grace: float = 30.0,
        kill_wait: float | None = 10.0,
        term_signal: str = "SIGTERM",
    ) -> None:
        self._pid = parse_pid(target)
        if term_signal not in TERM_SIGNALS:
            raise InvalidInputError(
                "This signal does not ask a process to end", where=term_signal, todo=f"One of {', '.join(TERM_SIGNALS)}"
            )
        if not 0 <= grace < float("inf") or (kill_wait is not None and not 0 <= kill_wait < float("inf")):
            raise InvalidInputError("The waits of a stop are numbers of seconds", where=f"{grace}, {kill_wait}")
        self._clock = clock
        self._tokens = Tokens(tokens_dir)
        self._grace = grace
        self._kill_wait = kill_wait
        self._term = term_signal
        self._seen: frozenset[Key] = frozenset()

    def identify(self) -> JobIdentity:
        """The job as it is now.

        Raises:
            JobNotFoundError: If there is no such process, or it has ended.
            StopRefusedError: If it is trainwatch or an ancestor of it, or another user's, or this is not Linux.
        """
        if not hasattr(os, "pidfd_open") or not procfs.boot_id():
            raise StopRefusedError("Processes can be stopped safely on Linux only", where=self._name)
        found = procfs.process(self._pid)
        if found is None or found.over:
            raise JobNotFoundError("There is no such process", where=self._name, todo="ps shows what runs")
        self._refuse_unsafe(found)
        identity = JobIdentity(KIND, LOCALHOST, str(self._pid), _facts(found), describe(found))
        again = procfs.process(self._pid)
        if again is None or again.key != found.key:
            raise JobNotFoundError("The process ended a moment ago", where=self._name)
        self._find(Pursuit(found.key, self._seen))
        return identity

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """The ladder for that job: the polite signal, then SIGKILL unless it is switched off.

        Raises:
            StopRefusedError: If no job is given.
        """
        if identity is None:
            raise StopRefusedError("No job is known that could be stopped", where=self._name)
        leads = identity.facts.get("pgid") == identity.target
        whom = f"process group {self._pid}" if leads else f"process {self._pid} and its children"
        steps = [StopStep(f"{self._term} to {whom}", signal=self._term, wait=self._grace)]
        if self._kill_wait is not None:
            rest = f"SIGKILL to what is left of the job of process {self._pid}"
            steps.append(StopStep(rest, signal="SIGKILL", wait=self._kill_wait))
        verify = f"/proc shows neither process {self._pid} (start {identity.facts.get('start')}) nor any of its job"
        return StopPlan(KIND, self._name, LOCALHOST, tuple(steps), identity, verify)

    def probe(self, identity: JobIdentity | None) -> Probe:
        """Look for that job: its process, and what of its job is left after it."""
        leader = _leader(identity)
        if identity is None or leader is None:
            return Probe(JobState.UNKNOWN, f"{self._name}: no identity to look for")
        if identity.facts.get("boot_id") != procfs.boot_id():
            return Probe(JobState.GONE, f"{self._name}: the machine was started anew since")
        probe = Pursuit(leader, self._seen).look()
        now = procfs.process(leader[0])
        if probe.state is JobState.GONE and now is not None and now.key != leader:
            return Probe(JobState.REPLACED, f"The job is gone; its number is now another one's: {describe(now)}")
        return probe

    def begun(self, token: str) -> bool:
        """Whether a stop with this token was begun, by this process or one before it."""
        return self._tokens.recall(token) is not None

    def execute(self, plan: StopPlan, token: str) -> Execution:
        """Carry the plan out, if its job is still the same.

        A token that was used before only looks, and waits as long as the longest rung.

        Raises:
            StopRefusedError: If the job is another one, or the mark of the stop cannot be written. Nothing was done.
        """
        leader = _leader(plan.identity)
        if plan.identity is None or leader is None or plan.identity.target != str(self._pid):
            raise StopRefusedError("The plan names no process that could be stopped", where=self._name)
        unknown = [step.label for step in plan.steps if not step.argv and step.signal not in _SIGNALS]
        if unknown:
            raise StopRefusedError("The plan has a step that nobody knows", where=clean(unknown[0]))
        note = self._tokens.recall(token)
        if note is not None:
            return self._watch_only(plan, leader, note)
        try:
            now = self.identify()
        except JobNotFoundError:
            return Execution((), _final(self.probe(plan.identity)))
        _require_same(plan.identity, now)
        pursuit = Pursuit(leader, self._seen)
        self._find(pursuit)
        if not self._tokens.claim(token, _write(pursuit.seen)):
            return self._watch_only(plan, leader, self._tokens.recall(token) or "")
        return climb(plan, self._clock, send=pursuit.send, look=pursuit.look)

    def _find(self, pursuit: Pursuit) -> None:
        """Look for the job's processes and remember them: a child found later without its parent is known by this."""
        pursuit.find()
        self._seen = pursuit.seen

    def _watch_only(self, plan: StopPlan, leader: Key, note: str) -> Execution:
        pursuit = Pursuit(leader, self._seen | _read(note))
        return Execution((), await_gone(pursuit.look, max(step.wait for step in plan.steps), self._clock))

    @property
    def _name(self) -> str:
        return f"{KIND}:{self._pid}"

    def _refuse_unsafe(self, found: Process) -> None:
        if found.pid in procfs.lineage(procfs.processes(), os.getpid()):
            raise StopRefusedError(
                "This is trainwatch itself, or what started it",
                where=describe(found),
                todo="Give the process id of the training",
            )
        first = procfs.status(found.pid).get("Tgid", "")
        if first not in {"", str(found.pid)}:
            raise JobNotFoundError("This is a thread, not a process", where=self._name, todo=f"Give pid:{first}")
        problem = procfs.send(found, 0)
        if problem:
            raise StopRefusedError(
                "This process may not be signalled by this user",
                where=f"{problem}; {describe(found)}",
                todo="Run trainwatch as the user who runs the training",
            )


def _facts(found: Process) -> dict[str, str]:
    return {
        "pid": str(found.pid),
        "start": str(found.start),
        "boot_id": procfs.boot_id(),
        "pgid": str(found.group),
        "session": str(found.session),
        "uid": procfs.user_of(found.pid)[0],
    }


def _leader(identity: JobIdentity | None) -> Key | None:
    if identity is None or identity.kind != KIND:
        return None
    facts = (identity.facts.get("pid", ""), identity.facts.get("start", ""))
    return (int(facts[0]), int(facts[1])) if all(fact.isascii() and fact.isdigit() for fact in facts) else None


def _require_same(planned: JobIdentity, now: JobIdentity) -> None:
    if dict(planned.facts) != dict(now.facts):
        changed = ", ".join(sorted(key for key in now.facts if planned.facts.get(key) != now.facts[key]))
        raise StopRefusedError(
            f"This is not the process that was to be stopped: {changed or 'what is known of it'} differs",
            where=f"now {now.label}; then {planned.label}",
            todo="Nothing was done; watch the run again with the process id that it has now",
        )


def _final(probe: Probe) -> Probe:
    """After the fact it does not matter who has the number now."""
    return replace(probe, state=JobState.GONE) if probe.state is JobState.REPLACED else probe


def _write(seen: Iterable[Key]) -> str:
    return "".join(f"{pid} {start}\n" for pid, start in sorted(seen))


def _read(note: str) -> frozenset[Key]:
    pairs = (line.split() for line in note.splitlines())
    return frozenset((int(pid), int(start)) for pid, start in pairs)
