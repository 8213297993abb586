"""Which run a person means: a W&B run, or something on this machine."""

from __future__ import annotations

from pathlib import Path

from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_run

_LOCAL = ("/", "./", "../", "~", "file:")


def locate(text: str, *, cwd: Path) -> RunRef:
    """The run named by `entity/project/run`, its page's address, an offline run (directory or `.wandb`), or a log file.

    Raises:
        InvalidInputError: If it names none of them.
    """
    plain = text.strip()
    path = cwd / Path(plain).expanduser()
    try:
        exists = "\0" not in plain and "://" not in plain and path.exists()
    except OSError:
        exists = False
    if exists:
        return _on_this_machine(path)
    if plain.startswith(_LOCAL):
        raise InvalidInputError("There is no such file or directory", where=plain[:200])
    return parse_wandb_run(plain)


def _on_this_machine(path: Path) -> RunRef:
    resolved = path.resolve()
    if resolved.is_dir():
        if not any(resolved.glob("run-*.wandb")):
            raise InvalidInputError(
                "This directory holds no W&B offline run",
                where=str(resolved),
                todo="Expected a directory like wandb/offline-run-20260101_120000-abcdefgh with run-*.wandb in it",
            )
        return RunRef(RunKind.WANDB_OFFLINE, str(resolved))
    kind = RunKind.WANDB_OFFLINE if resolved.suffix == ".wandb" else RunKind.LOG
    return RunRef(kind, str(resolved))
