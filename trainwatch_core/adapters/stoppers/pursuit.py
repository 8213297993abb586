"""One stop of one local job: signals to its processes, and the look whether any of them is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.procfs import Process
from trainwatch_core.adapters.stoppers.jobs import Key, members, owns_number
from trainwatch_core.model.stop import JobState, Probe, StepResult, StopStep
from trainwatch_core.report.redact import clean, redact

_MAX_LISTED = 20


class Pursuit:
    """Follows the processes of one job. What was once seen to belong to it stays known, wherever it goes.

    Args:
        leader: Pid and start of the process that the job was named by.
        seen: Processes that were found to belong to the job earlier.

    Attributes:
        seen: Those that belonged to it at the last look.
    """

    def __init__(self, leader: Key, seen: Iterable[Key] = ()) -> None:
        self._leader = leader
        self._number_is_ours = True
        self.seen = frozenset(seen)
        self._signal = 0
        self._told: set[Key] = set()

    def find(self) -> dict[int, Process]:
        """The processes of the job that still work, by pid."""
        table = procfs.processes()
        # Once the number was free it may be anybody's later, with a group of its own.
        self._number_is_ours = self._number_is_ours and owns_number(table, self._leader)
        heads = [pid for pid, start in self.seen if pid in table and table[pid].start == start]
        if self._number_is_ours:
            heads.append(self._leader[0])
        left = members(table, heads, os.getpid())
        self.seen = frozenset(each.key for each in left.values())
        return left

    def send(self, step: StopStep) -> StepResult:
        """Send the signal of a rung.

        A signal that can be obeyed goes to the leader's process group if it leads one, and to what else of its job is
        in its session. Helpers that run in a session of their own (the wandb service, say) get it when the leader is
        gone: a trainer that saves its state on SIGTERM needs them until then. SIGKILL goes to everything at once.
        """
        self._signal, self._told = signal.Signals[step.signal], set()
        left = self.find()
        leader = left.get(self._leader[0])
        if leader is not None:
            self._tell_group(leader, left)
        at_once = leader is None or self._signal == signal.SIGKILL
        problems = self._tell(each for each in left.values() if at_once or _near(each, leader))
        reached = len(self._told) - len(problems)
        of_group = f" (process group {leader.pid})" if leader is not None and _leads(leader) else ""
        detail = f"{step.signal} sent to {_count(reached)}{of_group}"
        return StepResult(step.label, ok=reached > 0, detail=clean("; ".join([detail, *problems[:_MAX_LISTED]]), 1000))

    def look(self) -> Probe:
        """Look what is left of the job; what was left behind by a rung gets its signal too."""
        left = self.find()
        if self._signal and (self._leader[0] not in left or self._signal == signal.SIGKILL):
            self._tell(left.values())
        return report(left, self._leader[0])

    def _tell_group(self, leader: Process, left: Mapping[int, Process]) -> None:
        """Signal a whole group at once, so that no member escapes by forking. Never the group that we are in."""
        current = procfs.process(leader.pid)
        if not _leads(leader) or leader.group == os.getpgrp() or current is None or current.key != leader.key:
            return
        try:
            os.killpg(leader.group, self._signal)
        except OSError:
            # One by one then, and each tells its own problem.
            return
        self._told.update(each.key for each in left.values() if each.group == leader.group)

    def _tell(self, targets: Iterable[Process]) -> list[str]:
        fresh = [each for each in targets if each.key not in self._told]
        self._told.update(each.key for each in fresh)
        return [problem for each in fresh if (problem := procfs.send(each, self._signal))]


def report(left: Mapping[int, Process], leader: int) -> Probe:
    """What is left of a job, in words."""
    name = f"pid {leader}"
    if not left:
        ended = procfs.process(leader)
        how = "ended, a zombie until its parent asks for it" if ended is not None and ended.over else "no such process"
        return Probe(JobState.GONE, f"{name}: {how}, and nothing else of its job is left")
    survivors = tuple(describe(each) for each in list(left.values())[:_MAX_LISTED])
    if len(left) > _MAX_LISTED:
        survivors += (f"and {_count(len(left) - _MAX_LISTED)} more",)
    if leader in left:
        return Probe(JobState.ALIVE, f"{name} runs, {_count(len(left))} in all", survivors)
    return Probe(JobState.ALIVE, f"{name} is gone, but {_count(len(left))} of its job still run", survivors)


def describe(each: Process) -> str:
    """A process in one line for a person; its command line is untrusted and may hold secrets."""
    _, user = procfs.user_of(each.pid)
    command = clean(redact(procfs.command_of(each.pid)), 160)
    started = procfs.started_at(each.start).strftime("%a %Y-%m-%d %H:%M:%S %z")
    return f'pid {each.pid}, user {user or "unknown"}, "{command}", started {started}'


def _near(each: Process, leader: Process | None) -> bool:
    return leader is not None and each.session == leader.session


def _leads(leader: Process) -> bool:
    return leader.group == leader.pid


def _count(number: int) -> str:
    return f"{number} process" if number == 1 else f"{number} processes"
