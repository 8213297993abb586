"""Which process of this machine writes a W&B run: wandb-core holds its file open, and the training began wandb-core."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_RUN_ID = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_PARENT = re.compile(r"^PPid:\s*([0-9]+)$", re.MULTILINE)
_HELPER = "wandb-core"


def writer_of(run_id: str, proc: Path = Path("/proc")) -> int | None:
    """The process id of the training that writes a run; None if none does, or several do, or nobody can see.

    Args:
        run_id: Of W&B.
        proc: Where Linux shows its processes.
    """
    if not _RUN_ID.fullmatch(run_id):
        return None
    found = {_training(folder) for folder in _folders(proc) if _writes(folder, f"/run-{run_id}.wandb")}
    return next(iter(found)) if len(found) == 1 else None


def _folders(proc: Path) -> Iterator[Path]:
    try:
        yield from (entry for entry in proc.iterdir() if entry.name.isdigit())
    except OSError:
        return


def _writes(folder: Path, ending: str) -> bool:
    # Processes of others, and those that end meanwhile, show nothing.
    try:
        return any(str(entry.readlink()).endswith(ending) for entry in (folder / "fd").iterdir())
    except OSError:
        return False


def _training(folder: Path) -> int | None:
    """The process itself, or the one that began it where it is W&B's own helper."""
    try:
        name = (folder / "comm").read_text(errors="replace").strip()
        parent = _PARENT.search((folder / "status").read_text(errors="replace"))
    except OSError:
        return None
    if not name.startswith(_HELPER):
        return int(folder.name)
    return int(parent[1]) if parent is not None and int(parent[1]) > 1 else None
