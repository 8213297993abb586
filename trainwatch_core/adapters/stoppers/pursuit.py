"""One stop of one job of processes: signals to them, and the look whether any of them is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trainwatch_core.adapters.machines import Machine, Snapshot
from trainwatch_core.adapters.procfs import Process
from trainwatch_core.adapters.stoppers.jobs import Key, members, owns_number
from trainwatch_core.model.errors import HostError, StopRefusedError
from trainwatch_core.model.stop import JobState, Probe, StepResult, StopStep
from trainwatch_core.report.redact import clean, redact

_MAX_LISTED = 20


class Pursuit:
    """Follows the processes of one job. What was once seen to belong to it stays known, wherever it goes.

    Args:
        machine: Where they run.
        name: The job in two words, e.g. `pid 4211`.
        boot_id: The boot of that machine in which they run.
        leaders: Pid and start of the processes that the job was named by.
        seen: Processes that were found to belong to the job earlier.

    Attributes:
        seen: Those that belonged to it at the last look.
    """

    def __init__(
        self, machine: Machine, name: str, boot_id: str, leaders: Iterable[Key], seen: Iterable[Key] = ()
    ) -> None:
        self._machine = machine
        self._name = name
        self._boot_id = boot_id
        self._owned = dict.fromkeys(leaders, True)
        self.seen = frozenset(seen)
        self._signal, self._mark = "", ""
        self._told: set[Key] = set()

    @property
    def note(self) -> str:
        """What a later pursuit of the same job needs to know; `read_note` reads it."""
        return "".join(f"{pid} {start}\n" for pid, start in sorted(self.seen))

    def find(self) -> tuple[Snapshot, dict[int, Process]]:
        """The machine now, and the processes of the job that still work, by pid.

        Raises:
            HostError: If the machine cannot be asked.
        """
        snapshot = self._machine.snapshot()
        if snapshot.boot_id != self._boot_id:
            # Whoever has its numbers now is somebody else.
            self.seen = frozenset()
            return snapshot, {}
        table = snapshot.table
        for leader in self._further_leaders(snapshot):
            self._owned.setdefault(leader, True)
        # Once a number was free it may be anybody's later, with a group of its own.
        self._owned = {leader: owned and owns_number(table, leader) for leader, owned in self._owned.items()}
        heads = [pid for pid, start in self.seen if pid in table and table[pid].start == start]
        heads += [leader[0] for leader, owned in self._owned.items() if owned]
        left = members(table, heads, snapshot.observer)
        self.seen = frozenset(each.key for each in left.values())
        return snapshot, left

    def send(self, step: StopStep, mark: str = "") -> StepResult:
        """Send the signal of a rung.

        A signal that can be obeyed goes to the process groups that leaders of the job lead, and to what else of it is
        in their sessions. Helpers that run in a session of their own (the wandb service, say) get it when the leaders
        are gone: a trainer that saves its state on SIGTERM needs them until then. SIGKILL goes to everything at once.

        Args:
            step: The rung.
            mark: Its mark, which goes with the first signal.
        """
        self._signal, self._mark, self._told = step.signal, mark, set()
        try:
            return self._send(step)
        except (HostError, StopRefusedError) as error:
            return StepResult(step.label, ok=False, detail=clean(f"{step.signal}: {error}", 500), unsure=True)

    def _send(self, step: StopStep) -> StepResult:
        snapshot, left = self.find()
        leaders = self._leaders(left)
        groups = [each for each in leaders if _leads(each) and self._tell_group(each, left, snapshot)]
        sessions = {each.session for each in leaders}
        at_once = not leaders or self._signal == "SIGKILL"
        problems = self._tell((each for each in left.values() if at_once or each.session in sessions), snapshot)
        reached = len(self._told) - len(problems)
        of_group = f" (process group {', '.join(str(each.pid) for each in groups)})" if groups else ""
        detail = f"{step.signal} sent to {_count(reached)}{of_group}"
        return StepResult(step.label, ok=reached > 0, detail=clean("; ".join([detail, *problems[:_MAX_LISTED]]), 1000))

    def look(self) -> Probe:
        """Look what is left of the job; what was left behind by a rung gets its signal too."""
        try:
            snapshot, left = self.find()
            if self._signal and (not self._leaders(left) or self._signal == "SIGKILL"):
                self._tell(left.values(), snapshot)
            return self._report(snapshot, left)
        except (HostError, StopRefusedError) as error:
            return Probe(JobState.UNKNOWN, clean(f"{self._name}: {error}", 500))

    def _further_leaders(self, snapshot: Snapshot) -> Iterable[Key]:
        """Processes that lead the job now, beside those that it was named by."""
        del snapshot
        return ()

    def _leaders(self, left: Mapping[int, Process]) -> list[Process]:
        return [left[pid] for pid, start in self._owned if pid in left and left[pid].start == start]

    def _tell_group(self, leader: Process, left: Mapping[int, Process], snapshot: Snapshot) -> bool:
        told = self._machine.send_group(leader, self._signal, snapshot, self._mark)
        if told:
            self._mark = ""
            self._told.update(each.key for each in left.values() if each.group == leader.group)
        return told

    def _tell(self, targets: Iterable[Process], snapshot: Snapshot) -> list[str]:
        fresh = [each for each in targets if each.key not in self._told]
        self._told.update(each.key for each in fresh)
        problems = self._machine.send(fresh, self._signal, snapshot, self._mark)
        if fresh:
            self._mark = ""
        return problems

    def _report(self, snapshot: Snapshot, left: Mapping[int, Process]) -> Probe:
        """What is left of the job, in words."""
        if not left:
            return self._report_gone(snapshot)
        shown = list(left.values())[:_MAX_LISTED]
        survivors = describe(shown, self._machine, snapshot)
        if len(left) > _MAX_LISTED:
            survivors += (f"and {_count(len(left) - _MAX_LISTED)} more",)
        if self._leaders(left):
            return Probe(JobState.ALIVE, f"{self._name} runs, {_count(len(left))} in all", survivors)
        return Probe(JobState.ALIVE, f"{self._name} is gone, but {_count(len(left))} of its job still run", survivors)

    def _report_gone(self, snapshot: Snapshot) -> Probe:
        if snapshot.boot_id != self._boot_id:
            return Probe(JobState.GONE, f"{self._name}: the machine was started anew since")
        now = [snapshot.table[pid] for pid, _ in self._owned if pid in snapshot.table]
        strangers = [each for each in now if each.key not in self._owned]
        if strangers:
            whose = describe(strangers[:1], self._machine, snapshot)[0]
            return Probe(JobState.REPLACED, f"The job is gone; its number is now another one's: {whose}")
        how = "ended, a zombie until its parent asks for it" if now else "no such process"
        return Probe(JobState.GONE, f"{self._name}: {how}, and nothing else of its job is left")


def describe(processes: Sequence[Process], machine: Machine, snapshot: Snapshot) -> tuple[str, ...]:
    """Processes, a line each for a person; their command lines are untrusted and may hold secrets.

    Raises:
        HostError: If the machine cannot be asked.
    """
    known = machine.details([each.pid for each in processes])
    lines = []
    for each in processes:
        details = known.get(each.pid)
        command = clean(redact(details.command), 160) if details else "ending"
        started = snapshot.started_at(each).strftime("%a %Y-%m-%d %H:%M:%S %z")
        user = clean(details.user, 40) if details and details.user else "unknown"
        lines.append(f'pid {each.pid}, user {user}, "{command}", started {started}')
    return tuple(lines)


def read_note(note: str) -> frozenset[Key]:
    """The processes that a note tells; what is no such line is passed over."""
    pairs = (line.split() for line in note.splitlines())
    return frozenset((int(each[0]), int(each[1])) for each in pairs if len(each) == 2 and all(map(str.isdigit, each)))  # noqa: PLR2004


def _leads(leader: Process) -> bool:
    return leader.group == leader.pid


def _count(number: int) -> str:
    return f"{number} process" if number == 1 else f"{number} processes"
