"""TensorBoard event files, read by TensorBoard's own loader: `pip install "trainwatch[tensorboard]"`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainwatch_core.adapters.sources.gathering import Gathering
from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.report.redact import clean

MARK = "tfevents"
_DEPTH = 3  # of folders such as train/ and validation/ under the one that is named
_MOST_FILES = 64
_LARGEST = 4 * 1024**3
_SHARE = 0.8  # of the deadline that reading may take
_KEPT = 32


@dataclass(slots=True)
class _Open:
    """One event file that stays open between rounds, and how many of its events were read."""

    loader: Any
    inode: int
    read: int = 0

    def read_on(self, known: int, prefix: str, found: Gathering, until: float) -> bool:
        """Read further events, passing by those that are known; returns whether the end of the file was reached."""
        for event in self.loader.Load():
            self.read += 1
            if self.read > known:
                for tag, value in _scalars(event):
                    found.add(prefix + tag, float(event.step), value, float(event.wall_time))
            if found.full or time.monotonic() > until:
                return False
        return True


@dataclass(slots=True)
class _Shelf:
    """Loaders of this process by source path: they cannot begin in the middle of a file, so they are kept."""

    folders: dict[str, dict[str, _Open]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, path: str) -> dict[str, _Open]:
        with self.lock:
            return self.folders.pop(path, {})

    def put(self, path: str, files: dict[str, _Open]) -> None:
        with self.lock:
            self.folders[path] = files
            while len(self.folders) > _KEPT:
                del self.folders[next(iter(self.folders))]


_SHELF = _Shelf()


class TensorboardSource:
    """Reads the scalars of a run's event files after those that were read, file by file, oldest first.

    Args:
        path: An event file, or the folder of a run; event files in folders under it get the folder in their names.
        roots: Directories that the files must lie under; empty for anywhere.
    """

    key = "tensorboard"
    status = SourceStatus.LOG_FALLBACK
    kind = "tensorboard"

    def __init__(self, path: str, roots: tuple[str, ...] = ()) -> None:
        self.path = os.path.expanduser(path)  # noqa: PTH111  # a path kept as text
        self.roots = roots

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor, each sample once.

        Raises:
            SourceUnavailableError: If there is no event file to be read, or TensorBoard is not installed.
        """
        until = time.monotonic() + deadline * _SHARE
        files = event_files(self.path)
        if not files:
            raise SourceUnavailableError(
                "There is no TensorBoard event file",
                where=clean(self.path),
                todo="Check the path, or wait until the training has begun to log",
            )
        known: dict[str, list[int]] = dict(cursor["files"]) if cursor is not None else {}
        shelf = _SHELF.take(self.path)
        found, behind, written = Gathering(), False, 0.0
        for name in files:
            inode, modified = self._look(name)
            written = max(written, modified)
            before, read = known.get(name, [inode, 0])
            read = read if before == inode else 0
            file = shelf[name] = _opened(name, inode, read, shelf.get(name))
            behind |= not file.read_on(read, self._prefix(name), found, until)
            known[name] = [inode, max(file.read, read)]
        _SHELF.put(self.path, shelf)
        return Batch(
            rows=found.rows(),
            info=RunInfo(name=clean(Path(self.path).name, 100), heartbeat_at=written, last_step=found.last_step),
            cursor={"files": known},
            inspected=tuple(clean(name) for name in files[-3:]),
            notes=("The newest events were not read yet; reading goes on next time.",) if behind else (),
        )

    def _look(self, name: str) -> tuple[int, float]:
        with opened(name, self.roots) as descriptor:
            about = os.fstat(descriptor)
        if about.st_size > _LARGEST:
            raise SourceUnavailableError("This event file is too large to be read", where=clean(name))
        return about.st_ino, about.st_mtime

    def _prefix(self, name: str) -> str:
        folder = os.path.relpath(os.path.dirname(name), self.path) if name != self.path else "."  # noqa: PTH120  # text
        return "" if folder == "." else f"{folder}/"


def event_files(path: str) -> list[str]:
    """The event files at a path, oldest first: their names begin with the time."""
    place = Path(path).expanduser()
    if place.is_file():
        return [str(place)] if MARK in place.name else []
    found: list[Path] = []
    for depth in range(_DEPTH):
        found += [each for each in place.glob(f"{'*/' * depth}*{MARK}*") if each.is_file()]
    return [str(each) for each in sorted(found, key=lambda each: (each.name, str(each)))[-_MOST_FILES:]]


def _opened(name: str, inode: int, read: int, kept: _Open | None) -> _Open:
    """The file, open. One that this process has not open is read from its start; what is known is passed by."""
    if kept is not None and kept.inode == inode and kept.read <= read:
        return kept
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader  # noqa: PLC0415  # an extra
    except ImportError:
        raise SourceUnavailableError(
            "TensorBoard's reader is not installed", where=clean(name), todo='pip install "trainwatch[tensorboard]"'
        ) from None
    return _Open(EventFileLoader(name), inode)


def _scalars(event: Any) -> Iterator[tuple[str, float]]:  # noqa: ANN401  # a message of TensorBoard
    for value in event.summary.value:
        tensor = value.tensor
        for numbers in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val):
            if len(numbers) == 1 and not tensor.tensor_shape.dim:
                yield str(value.tag), float(numbers[0])
                break
        else:
            if value.HasField("simple_value"):
                yield str(value.tag), float(value.simple_value)
