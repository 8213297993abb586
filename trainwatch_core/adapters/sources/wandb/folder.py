"""W&B runs that are logged offline, found by their run id in the folder that wandb writes them to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus

_RUN = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(?P<id>.+)")


def runs_in(folder: str, *, last: int) -> list[str]:
    """The paths of the last runs in a folder (or in the `wandb` folder in it), newest first.

    Raises:
        SourceUnavailableError: If it cannot be read, or holds no run.
    """
    inside = Path(folder) / "wandb"
    place = inside if inside.is_dir() else Path(folder)
    # The time in the name orders them, to the second; an unfinished download has no file in it.
    found = [path for path in _entries(str(place)) if _RUN.fullmatch(path.name) and any(path.glob("run-*.wandb"))]
    if not found:
        raise SourceUnavailableError(
            "This folder holds no W&B run",
            where=str(place),
            todo="Expected directories like offline-run-20260101_120000-abcdefgh",
        )
    newest = sorted(found, key=lambda path: path.name.removeprefix("offline-"), reverse=True)
    return [str(path) for path in newest[:last]]


def _entries(folder: str) -> list[Path]:
    try:
        return list(Path(folder).iterdir())
    except OSError as error:
        raise SourceUnavailableError(
            f"The folder of offline runs cannot be read: {error.strerror}", where=folder
        ) from None


class WandbFolderSource:
    """Reads the offline run of an id; a watch keeps to the run that it found first.

    Args:
        folder: wandb's own folder, which holds `offline-run-<time>-<id>` directories.
        run_id: The last part of `entity/project/run`.
    """

    key: ClassVar[str] = "wandb"
    status: ClassVar[SourceStatus] = SourceStatus.WANDB_OK
    kind: ClassVar[str] = "offline"

    def __init__(self, folder: str, run_id: str) -> None:
        self._folder = folder
        self._run_id = run_id

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """What is new; see `ports.Source`.

        Raises:
            SourceUnavailableError: If the folder holds no such run, or it cannot be read.
        """
        return WandbOfflineSource(str(self._newest())).fetch(cursor, deadline=deadline)

    def _newest(self) -> Path:
        names = [entry.name for entry in _entries(self._folder)]
        # The time in the name orders them: an id that was used again means its latest run.
        mine = [name for name in names if (match := _RUN.fullmatch(name)) and match["id"] == self._run_id]
        if not mine:
            raise SourceUnavailableError(
                f"No offline run has the id {self._run_id}", where=self._folder, todo="Look at [[project]] offline"
            )
        return Path(self._folder) / max(mine, key=lambda name: name.removeprefix("offline-"))
