"""Machines whose processes are looked at and signalled: this one. Other ones are in `remote_machine`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.procfs import Process


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All processes of a machine at one moment.

    Attributes:
        boot_id: What names this boot of it.
        observer: Pid of who looks. It, its ancestors, its group and its session belong to no job.
        table: The processes, by pid.
        booted_at: Unix seconds.
        ticks: Clock ticks a second, in which starts are counted.
    """

    boot_id: str
    observer: int
    table: Mapping[int, Process]
    booted_at: float
    ticks: float

    def started_at(self, process: Process) -> datetime:
        """When a process started, aware, in the zone of this machine, to about a second."""
        return datetime.fromtimestamp(self.booted_at + process.start / self.ticks, UTC).astimezone()


@dataclass(frozen=True, slots=True)
class Details:
    """What a process is beside its place in the table.

    Attributes:
        uid: Real user id, as text.
        user: Name of that user.
        leader: Pid of its first thread: another one if this is the number of a thread.
        command: Its command line as it shows itself, untrusted.
    """

    uid: str
    user: str
    leader: int
    command: str


class Machine(Protocol):
    """What a stopper of processes asks of the machine that they run on."""

    @property
    def problem(self) -> str:
        """Why its processes cannot be stopped safely; empty if they can."""
        ...

    def snapshot(self) -> Snapshot:
        """All processes that this user can see.

        Raises:
            HostError: If the machine cannot be asked.
        """
        ...

    def details(self, pids: Sequence[int]) -> Mapping[int, Details]:
        """More about some processes; those that are gone are left out.

        Raises:
            HostError: If the machine cannot be asked.
        """
        ...

    def send(self, targets: Sequence[Process], name: str, snapshot: Snapshot, mark: str = "") -> list[str]:
        """Send a signal to exactly these processes, not to others that have got their numbers meanwhile.

        Args:
            targets: As they were seen.
            name: Of the signal, e.g. `SIGTERM`; `0` only asks whether it may be sent.
            snapshot: Where they were seen.
            mark: The mark of a rung. Where a signal travels, the mark is made on the far side right before it; here it
                was made by whoever asks.

        Returns:
            What went wrong, a line each.

        Raises:
            HostError: If the machine cannot be asked; some may have got it then.
            StopRefusedError: If the mark was there already, or cannot be made; nothing was sent.
        """
        ...

    def send_group(self, leader: Process, name: str, snapshot: Snapshot, mark: str = "") -> bool:
        """Send a signal to a whole process group at once, so that no member escapes by forking.

        Returns:
            Whether it was sent: not if the leader is another process by now, or we are in that group.

        Raises:
            HostError: If the machine cannot be asked; the group may have got it then.
            StopRefusedError: If the mark was there already, or cannot be made; nothing was sent.
        """
        ...


class LocalMachine:
    """This machine, through /proc and pidfds."""

    @property
    def problem(self) -> str:
        """Why its processes cannot be stopped safely; empty if they can."""
        return "" if hasattr(os, "pidfd_open") and procfs.boot_id() else "this machine has no pidfds or no boot id"

    def snapshot(self) -> Snapshot:
        """All processes that this user can see."""
        ticks = float(os.sysconf("SC_CLK_TCK"))
        return Snapshot(procfs.boot_id(), os.getpid(), procfs.processes(), procfs.booted_at(), ticks)

    def details(self, pids: Sequence[int]) -> Mapping[int, Details]:
        """More about some processes; those that are gone are left out."""
        found = {pid: (procfs.user_of(pid), procfs.status(pid).get("Tgid", "")) for pid in pids}
        return {
            pid: Details(uid, user, int(first), procfs.command_of(pid))
            for pid, ((uid, user), first) in found.items()
            if first
        }

    def send(self, targets: Sequence[Process], name: str, snapshot: Snapshot, mark: str = "") -> list[str]:
        """Send a signal to exactly these processes, by pidfd."""
        del snapshot, mark
        number = procfs.signal_number(name)
        return [problem for each in targets if (problem := procfs.send(each, number))]

    def send_group(self, leader: Process, name: str, snapshot: Snapshot, mark: str = "") -> bool:
        """Send a signal to a whole process group; never to the group that we are in."""
        del snapshot, mark
        current = procfs.process(leader.pid)
        if leader.group == os.getpgrp() or current is None or current.key != leader.key:
            return False
        try:
            os.killpg(leader.group, procfs.signal_number(name))
        except OSError:
            # One by one then, and each tells its own problem.
            return False
        return True
