"""How a run was launched: the grammar `kind:[host/]target`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwatch_core.model.command import hidden_character
from trainwatch_core.model.errors import InvalidInputError

LOCALHOST = "localhost"
"""The host of a launch that names none: this machine."""

# Classes are spelled out: \d and isdigit() also take full-width and Arabic digits.
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_TARGET = re.compile(r"[A-Za-z0-9_.@%+=~][A-Za-z0-9_.@%+=~:,/-]{0,255}")
_PID = re.compile(r"[1-9][0-9]{0,9}")
_NEEDS_NO_TARGET = frozenset({"wandb"})


@dataclass(frozen=True, slots=True)
class Launch:
    """Where a job is found.

    Attributes:
        kind: Kind of launch, e.g. `pid`, `tmux`, `slurm`.
        host: What stands before the first slash: a host, or what the kind has in its place (a Kubernetes namespace);
            `localhost` if nothing does.
        target: The job's name in its kind; empty only for kinds that need none.
    """

    kind: str
    host: str
    target: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}" if self.host == LOCALHOST else f"{self.kind}:{self.host}/{self.target}"


def parse_launch(text: str) -> Launch:
    """Read `kind:[host/]target`, e.g. `pid:4211` or `tmux:gpu1/exp7`. Nothing is trimmed or guessed.

    Raises:
        InvalidInputError: If the text is not of that form, or is a process id that may never be stopped.
    """
    kind, colon, rest = text.partition(":")
    host, slash, target = rest.partition("/")
    if not slash:
        host, target = LOCALHOST, rest
    sound = (
        colon
        and _KIND.fullmatch(kind)
        and _HOST.fullmatch(host)
        and (_TARGET.fullmatch(target) or (not target and not slash and kind in _NEEDS_NO_TARGET))
    )
    if not sound:
        raise InvalidInputError(
            "This does not say how a run was launched",
            where=hidden_character(text) or repr(text[:80]),
            todo="Expected <kind>:[<host>/]<target>, e.g. pid:4211",
        )
    if kind == "pid":
        parse_pid(target)
    return Launch(kind, host, target)


def parse_pid(text: str) -> int:
    """Read a process id. Process 1 is the machine itself; 0 and negative numbers mean groups to the kernel.

    Raises:
        InvalidInputError: If the text is not the plain decimal number of a process that may be stopped.
    """
    if not _PID.fullmatch(text) or text == "1":
        raise InvalidInputError(
            "This is not the id of a process that can be stopped",
            where=f"pid {text[:40]!r}",
            todo="Give the number that ps shows for the training, e.g. pid:4211",
        )
    return int(text)
