"""Stops a job of Slurm, on this machine or on a login node by SSH."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "slurm"

_TARGET = re.compile(r"([1-9][0-9]{0,9})(?:_(0|[1-9][0-9]{0,8}|all))?")
_OVER = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
        *("REVOKED", "TIMEOUT"),
    }
)
"""States in which no process of a job is left. COMPLETING is none of them: its processes may hang for hours."""

# The name of a job is the user's and may hold anything: it comes last.
_FORMAT = "%F|%K|%u|%V|%T|%j"
_NO_ARRAY = "N/A"
KILL_WAIT = 45.0
"""Seconds. scancel sends SIGTERM, and SIGKILL after the site's KillWait, which is 30 seconds by default."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of squeue: one job, or one task of an array."""

    base: str
    task: str
    user: str
    submitted: str
    state: str
    name: str


class SlurmJob:
    """A job, `12345`; a task of an array, `12345_7`; or a whole array, `12345_all`.

    Args:
        launch: Its target is one of these.
        place: Where Slurm's commands run.
        ladder: How it is stopped.
        kill_wait: Seconds that Slurm itself waits from SIGTERM to SIGKILL, and some more.

    Raises:
        InvalidInputError: If the target is none of these.
    """

    kind = KIND
    signals: frozenset[str] = frozenset()

    def __init__(self, launch: Launch, place: Place, ladder: Ladder, kill_wait: float = KILL_WAIT) -> None:
        found = _TARGET.fullmatch(launch.target)
        if found is None:
            raise InvalidInputError(
                "This is not the id of a Slurm job",
                where=f"slurm {launch.target[:40]!r}",
                todo="Give the number that squeue shows: slurm:12345, slurm:12345_7 or slurm:12345_all",
            )
        self.launch = str(launch)
        self.place = place
        self._base, self._task = found[1], found[2] or ""
        self._operand = found[1] if self._task in {"", "all"} else launch.target
        self._target = launch.target
        self._ladder = ladder
        self._kill_wait = kill_wait
        self._scancel = "scancel"

    def find(self) -> JobIdentity:
        """The job as Slurm knows it now.

        Raises:
            JobNotFoundError: If there is none, or it is over.
            StopRefusedError: If it is an array and no task was named: scancel would end all of them.
            HostError: If Slurm cannot be asked.
        """
        rows = self._rows()
        if self._task == "" and any(row.task != _NO_ARRAY for row in rows):
            tasks = ", ".join(f"slurm:{row.base}_{row.task}" for row in rows[:3])
            raise StopRefusedError(
                f"This is an array of {len(rows)} tasks, and no task was named",
                where=self.launch,
                todo=f"Name one ({tasks}, ...), or all of them: slurm:{rows[0].base}_all",
            )
        alive = [row for row in rows if row.state not in _OVER]
        if not alive:
            states = f"it is over: {rows[0].state}" if rows else "Slurm knows no job with this id"
            raise JobNotFoundError(f"There is no such job, {states}", where=self.launch, todo="squeue shows what runs")
        self._scancel = self.place.program("scancel")
        # A requeued job keeps its id and gets a new time of submission.
        submitted = ",".join(sorted({row.submitted for row in rows}))
        facts = {"job": self._target, "submitted": submitted, "user": alive[0].user, **self.place.facts()}
        several = f", {len(alive)} tasks" if len(alive) > 1 else ""
        label = f'Slurm job {self._target}, user {alive[0].user}, "{clean(redact(alive[0].name), 100)}"{several}'
        return JobIdentity(KIND, self.place.host, self._target, facts, f"{label}, submitted {alive[0].submitted}")

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """What saves the state, scancel (SIGTERM, then SIGKILL by Slurm itself), SIGKILL to all of its processes."""
        del identity
        how, job = self._ladder, self._operand
        steps = how.saving(self._signal)
        label = f"Cancel Slurm job {self._target}"
        steps.append(StopStep(label, argv=(self._scancel, "--", job), wait=how.grace + self._kill_wait))
        if how.kill_wait is not None:
            steps.append(self._signal(f"SIGKILL to Slurm job {self._target}", "SIGKILL", how.kill_wait))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        del identity
        return f"squeue shows job {self._target} in a final state (not COMPLETING), or not at all"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the job."""
        del note
        submitted = identity.facts.get("submitted")
        if submitted is None:
            raise StopRefusedError("The identity names no job of Slurm", where=self.launch)
        return Looking(lambda: self._look(submitted))

    def _look(self, submitted: str) -> Probe:
        rows = self._rows()
        alive = [row for row in rows if row.state not in _OVER]
        if not alive:
            state = f"state={rows[0].state}" if rows else "Slurm does not know it any more"
            return Probe(JobState.GONE, f"Slurm job {self._target}: {state}")
        lines = tuple(f"{self._named(row)} of user {row.user}: state={row.state}" for row in alive[:20])
        again = "" if {row.submitted for row in alive} <= set(submitted.split(",")) else "it was requeued, "
        states = ", ".join(sorted({row.state for row in alive}))
        return Probe(JobState.ALIVE, f"Slurm job {self._target}: {again}state={states}", lines)

    def _rows(self) -> list[_Row]:
        squeue = self.place.program("squeue")
        ran = self.place.run((squeue, "-h", "-r", "-a", "-t", "all", "-o", _FORMAT, "-j", self._base))
        said = ran.output.decode("utf-8", "replace")
        if ran.exit_code != 0 or ran.written > len(ran.output):
            if ran.exit_code is not None and "Invalid job id" in said:
                return []
            raise HostUnreachableError(f"Slurm gives no answer: {clean(redact(said), 200)}", where=self.place.host)
        found = [_Row(*line.split("|", 5)) for line in said.splitlines() if line.count("|") >= 5]  # noqa: PLR2004
        return found if self._task in {"", "all"} else [row for row in found if row.task == self._task]

    def _named(self, row: _Row) -> str:
        return f"job {row.base}" if row.task == _NO_ARRAY else f"job {row.base}_{row.task}"

    def _signal(self, label: str, signal: str, wait: float) -> StopStep:
        # --full: the batch script and all of its processes, not only what srun started.
        words = ("--full", f"--signal={signal.removeprefix('SIG')}", "--", self._operand)
        return StopStep(label, argv=(self._scancel, *words), wait=wait)
