"""Hugging Face's `trainer_state.json`, which is written anew with each checkpoint."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from trainwatch_core.adapters.sources.gathering import Gathering
from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.wandb.values import load_json, load_mapping, number
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.report.redact import clean

NAME = "trainer_state.json"
_LARGEST = 128 * 1024 * 1024
_NO_METRICS = frozenset({"step", "total_flos"})


class TrainerStateSource:
    """Reads the entries of the log history after those that were read already.

    Args:
        path: The file, or the trainer's output directory: then its newest checkpoint counts.
        roots: Directories that the file must lie under; empty for anywhere.
    """

    key = "trainer_state"
    status = SourceStatus.LOG_FALLBACK
    kind = "trainer_state.json"

    def __init__(self, path: str, roots: tuple[str, ...] = ()) -> None:
        self.path = path
        self.roots = roots

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once. A history that was cut or rewritten is read anew.

        Raises:
            SourceUnavailableError: If there is no such file (yet), or it is none of a trainer.
        """
        del deadline  # one bounded file
        path = newest_in(self.path)
        state, written = _load(path, self.roots)
        history = state.get("log_history")
        if not isinstance(history, list):
            raise SourceUnavailableError("This file holds no log history of a trainer", where=clean(path))
        known = cursor["entries"] if cursor is not None else 0
        restarted = cursor is not None and (known > len(history) or _mark(history[:known]) != cursor["mark"])
        found = Gathering()
        for entry in history[0 if restarted else known :]:
            _take(found, load_mapping(entry))
        planned = number(state.get("max_steps"))
        return Batch(
            rows=found.rows(),
            info=RunInfo(
                name=clean(os.path.basename(os.path.dirname(path)), 100),  # noqa: PTH119, PTH120  # a name for people
                heartbeat_at=written,
                planned_steps=planned if planned and planned > 0 else None,
                last_step=number(state.get("global_step")),
            ),
            cursor={"entries": len(history), "mark": _mark(history)},
            inspected=(clean(path),),
            restarted=restarted,
        )


def newest_in(path: str) -> str:
    """The newest `trainer_state.json` of an output directory; the path itself if it is none."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return path
    found = [folder / NAME, *folder.glob(f"checkpoint-*/{NAME}")]
    times = {each: each.stat().st_mtime for each in found if each.is_file()}
    return str(max(times, key=lambda each: times[each], default=folder / NAME))


def _load(path: str, roots: tuple[str, ...]) -> tuple[dict[str, object], float]:
    with opened(path, roots) as descriptor:
        about = os.fstat(descriptor)
        if about.st_size > _LARGEST:
            raise SourceUnavailableError("This file is too large for the state of a trainer", where=clean(path))
        data = os.pread(descriptor, about.st_size, 0)
    try:
        state = load_json(data)
    except ValueError:
        raise SourceUnavailableError(
            "This file is no JSON (yet)", where=clean(path), todo="If it is just being written, the next look reads it"
        ) from None
    return (state if isinstance(state, dict) else {}), about.st_mtime


def _take(found: Gathering, entry: object) -> None:
    values = entry if isinstance(entry, dict) else {}
    step = number(values.get("step"))
    for name, value in values.items():
        told = None if name in _NO_METRICS else number(value)
        if told is not None and step is not None:
            found.add(str(name), step, told)


def _mark(entries: list[object]) -> int:
    return zlib.crc32(repr(entries).encode("utf-8", "replace"))
