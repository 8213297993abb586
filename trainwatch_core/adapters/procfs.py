"""Processes as the Linux kernel shows them in /proc. Every other module speaks of processes in these words."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_ENDED = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/<pid>/stat.

    Attributes:
        pid: Process id.
        parent: Its parent's.
        group: Process group id.
        session: Session id.
        threads: How many threads it has.
        start: Clock ticks after boot; pid, start and boot id together name a process for ever.
        state: One letter: R, S, D, T, Z, ...
    """

    pid: int
    parent: int
    group: int
    session: int
    threads: int
    start: int
    state: str

    @property
    def key(self) -> tuple[int, int]:
        """What no two processes of one boot share."""
        return (self.pid, self.start)

    @property
    def over(self) -> bool:
        """Whether it does no work any more: a zombie holds its number until the parent asks, and nothing else.

        A process whose first thread has left while others run looks like a zombie too, but has more than one thread.
        """
        return self.state in _ENDED and self.threads <= 1


def parse_stat(line: bytes) -> Process:
    """Read /proc/<pid>/stat. The name in brackets may hold anything, brackets too: what counts follows the last `)`.

    Raises:
        ValueError: If the line is not of that form.
    """
    head, bracket, tail = line.rpartition(b")")
    if not bracket:
        raise ValueError(f"not a line of /proc/<pid>/stat: {line[:80]!r}")
    fields = tail.split()
    # proc(5) counts from 1 and the state is field 3, so field n stands at n - 3.
    pid = int(head.partition(b"(")[0])
    parent, group, session = (int(field) for field in fields[1:4])
    return Process(pid, parent, group, session, int(fields[17]), int(fields[19]), fields[0].decode("ascii"))


def process(pid: int) -> Process | None:
    """One process; None if there is none."""
    line = _read(f"{pid}/stat")
    return parse_stat(line) if line else None


def processes() -> dict[int, Process]:
    """All processes that this user can see, by pid."""
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isascii() and entry.name.isdigit())
    found = (process(pid) for pid in pids)
    return {each.pid: each for each in found if each is not None}


def lineage(table: Mapping[int, Process], pid: int) -> set[int]:
    """The pids of a process and of all its ancestors."""
    line: set[int] = set()
    while pid in table and pid not in line:
        line.add(pid)
        pid = table[pid].parent
    return line


def descendants(table: Mapping[int, Process], pid: int) -> list[Process]:
    """The children of a process, their children, and so on."""
    return [each for each in table.values() if each.pid != pid and pid in lineage(table, each.pid)]


def send(target: Process, number: int) -> str:
    """Send a signal to exactly this process: never to another one that has got its number meanwhile.

    Args:
        target: As it was seen.
        number: Which signal; 0 only asks whether it may be sent.

    Returns:
        What went wrong, for a person; empty if it was sent or the process is gone.
    """
    try:
        handle = os.pidfd_open(target.pid)
    except ProcessLookupError:
        return ""
    except OSError as error:
        return f"pid {target.pid}: {error.strerror}"
    try:
        # The handle was taken before this look: if the start is right here, the handle is of the right process.
        now = process(target.pid)
        if now is not None and now.key == target.key:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return ""
    except OSError as error:
        return f"pid {target.pid}: {error.strerror}"
    finally:
        os.close(handle)
    return ""


def boot_id() -> str:
    """What names this boot of the machine."""
    return _read("sys/kernel/random/boot_id").decode("ascii").strip()


def status(pid: int) -> dict[str, str]:
    """The fields of /proc/<pid>/status; empty if there is no such process."""
    lines = _read(f"{pid}/status").decode("utf-8", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def user_of(pid: int) -> tuple[str, str]:
    """Real user id and user name of a process, as text; empty if there is no such process."""
    uid = (status(pid).get("Uid", "").split() or [""])[0]
    if not uid:
        return "", ""
    try:
        return uid, pwd.getpwuid(int(uid)).pw_name
    except KeyError:
        return uid, uid


def command_of(pid: int) -> str:
    """The command line of a process as it shows itself, untrusted; its name in square brackets if it shows none."""
    words = _read(f"{pid}/cmdline").rstrip(b"\0").split(b"\0")
    text = " ".join(word.decode("utf-8", "replace") for word in words)
    return text or f"[{_read(f'{pid}/comm').decode('utf-8', 'replace').strip()}]"


def booted_at() -> float:
    """When this machine was started, Unix seconds; 0 if the kernel does not say."""
    # The boot time stands below one figure for each interrupt: long on a machine of many processors.
    for line in _read("stat", 1 << 22).splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


def signal_number(name: str) -> int:
    """The number of a signal; that of `0` is 0."""
    return 0 if name == "0" else int(signal.Signals[name])


def _read(name: str, cap: int = 65536) -> bytes:
    """A file of /proc, at most `cap` bytes; empty if its process is gone or may not be seen."""
    try:
        with (_PROC / name).open("rb") as file:
            return file.read(cap)
    except OSError:
        return b""
