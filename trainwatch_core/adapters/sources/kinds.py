"""What lies at a path of this machine: told by its name, its first bytes, or what is in the folder."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from trainwatch_core.adapters.sources import tensorboard, trainer_state
from trainwatch_core.adapters.sources.logs.follow import opened
from trainwatch_core.adapters.sources.sqlite import MAGIC, tables
from trainwatch_core.model.errors import SourceUnavailableError

_TABLES = ("metrics.csv", "results.csv", "progress.csv")  # Lightning, Ultralytics, Stable Baselines


class Kind(StrEnum):
    """How a file or folder is read."""

    LOG = "log"
    CSV = "csv"
    TENSORBOARD = "tensorboard"
    TRAINER_STATE = "trainer_state"
    TRACKIO = "trackio"
    MLFLOW = "mlflow"


def parted(text: str) -> tuple[str, str]:
    """The path and the run in `mlflow.db#run`; without a run if it is a path as it stands."""
    path, mark, run = text.rpartition("#")
    return (path, run) if mark and not Path(text).expanduser().exists() else (text, "")


def kind_of(text: str) -> tuple[Kind, str] | None:
    """How what lies at a path (`PATH` or `PATH#RUN`) is read, and the path at which.

    Returns:
        None for a folder that holds nothing to be read. A file that is not there, or may not be read, is a log: to
        say what is wrong with it is the reader's job.
    """
    path, _ = parted(text)
    place = Path(path).expanduser()
    if place.is_dir():
        return _folder(place)
    if tensorboard.MARK in place.name:
        return Kind.TENSORBOARD, path
    if place.name == trainer_state.NAME:
        return Kind.TRAINER_STATE, path
    if _begins(path) == MAGIC:
        return _database(path), path
    return (Kind.CSV if place.suffix.lower() in {".csv", ".tsv"} else Kind.LOG), path


def _folder(place: Path) -> tuple[Kind, str] | None:
    if Path(trainer_state.newest_in(str(place))).is_file():
        return Kind.TRAINER_STATE, str(place)
    for name in _TABLES:
        if (place / name).is_file():
            return Kind.CSV, str(place / name)
    return (Kind.TENSORBOARD, str(place)) if tensorboard.event_files(str(place)) else None


def _database(path: str) -> Kind:
    found = tables(path)
    if {"metrics", "runs", "experiments"} <= found:
        return Kind.MLFLOW
    return Kind.TRACKIO if "metrics" in found else Kind.LOG


def _begins(path: str) -> bytes:
    try:
        with opened(path, ()) as descriptor:
            return os.pread(descriptor, len(MAGIC), 0)
    except SourceUnavailableError:
        return b""
