"""Which run a person means: a W&B run, or something on this machine."""

from __future__ import annotations

from pathlib import Path

from trainwatch_core.adapters.sources.kinds import kind_of, parted
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_run

_LOCAL = ("/", "./", "../", "~", "file:")


def locate(text: str, *, cwd: Path) -> RunRef:
    """The run named by `entity/project/run`, its page's address, an offline run (directory or `.wandb`), or a log.

    A log of another machine is `host:/path`; whether it is there is seen when it is read. A log of this one is any file
    or directory that `kinds` knows; `mlflow.db#run` names a run in a database.

    Raises:
        InvalidInputError: If it names none of them.
    """
    plain = text.strip()
    file, run = ("", "") if "\0" in plain or "://" in plain else parted(str(cwd / Path(plain).expanduser()))
    path = Path(file)
    try:
        exists = bool(file) and path.exists()
    except OSError:
        exists = False
    if exists:
        found = _on_this_machine(path)
        return RunRef(found.kind, f"{found.target}#{run}") if run else found
    if remote_part(plain):
        return RunRef(RunKind.LOG, plain)
    if plain.startswith(_LOCAL):
        raise InvalidInputError("There is no such file or directory", where=plain[:200])
    return parse_wandb_run(plain)


def _on_this_machine(path: Path) -> RunRef:
    resolved = path.resolve()
    if resolved.is_dir():
        if any(resolved.glob("run-*.wandb")):
            return RunRef(RunKind.WANDB_OFFLINE, str(resolved))
        if kind_of(str(resolved)) is None:
            raise InvalidInputError(
                "This directory holds no run that can be read",
                where=str(resolved),
                todo="Expected a W&B offline run (run-*.wandb), TensorBoard event files, a metrics.csv or results.csv, "
                "or the checkpoints of a trainer",
            )
    kind = RunKind.WANDB_OFFLINE if resolved.suffix == ".wandb" else RunKind.LOG
    return RunRef(kind, str(resolved))
