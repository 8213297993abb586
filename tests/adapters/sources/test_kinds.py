"""A path tells how it is read."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.kinds import Kind, kind_of, parted
from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunKind


def _database(path: Path, *tables: str) -> None:
    connection = sqlite3.connect(path)
    for table in tables:
        connection.execute(f"CREATE TABLE {table} (id)")
    connection.commit()
    connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """One of everything."""
    for name in (
        "train.log",
        "metrics.csv",
        "rows.jsonl",
        "trainer_state.json",
        "events.out.tfevents.1",
        "odd#name.log",
    ):
        (tmp_path / name).write_text("x\n")
    _database(tmp_path / "mlflow.db", "metrics", "runs", "experiments")
    _database(tmp_path / "proj.db", "metrics", "configs")
    _database(tmp_path / "else.db", "things")
    os.mkfifo(tmp_path / "fifo")
    for name in ("tb/train", "lightning", "hf/checkpoint-5", "empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tb/train/events.out.tfevents.2").write_text("")
    (tmp_path / "lightning/metrics.csv").write_text("step,loss\n")
    (tmp_path / "hf/checkpoint-5/trainer_state.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind", "at"),
    [
        ("train.log", Kind.LOG, "train.log"),
        ("rows.jsonl", Kind.LOG, "rows.jsonl"),
        ("metrics.csv", Kind.CSV, "metrics.csv"),
        ("trainer_state.json", Kind.TRAINER_STATE, "trainer_state.json"),
        ("events.out.tfevents.1", Kind.TENSORBOARD, "events.out.tfevents.1"),
        ("mlflow.db", Kind.MLFLOW, "mlflow.db"),
        ("mlflow.db#run-1", Kind.MLFLOW, "mlflow.db"),
        ("proj.db#a b", Kind.TRACKIO, "proj.db"),
        ("else.db", Kind.LOG, "else.db"),
        ("odd#name.log", Kind.LOG, "odd#name.log"),
        ("fifo", Kind.LOG, "fifo"),
        ("missing.log", Kind.LOG, "missing.log"),
        ("tb", Kind.TENSORBOARD, "tb"),
        ("lightning", Kind.CSV, "lightning/metrics.csv"),
        ("hf", Kind.TRAINER_STATE, "hf"),
    ],
)
def test_what_lies_there_tells_the_kind(place: Path, name: str, kind: Kind, at: str) -> None:
    """By name, first bytes, tables, or what is in the folder; a `#` in a file's own name is part of it."""
    assert kind_of(str(place / name)) == (kind, str(place / at))


def test_a_folder_without_a_run_is_refused_in_words(place: Path) -> None:
    """And nothing is guessed."""
    assert kind_of(str(place / "empty")) is None
    with pytest.raises(InvalidInputError, match="no run that can be read"):
        locate("empty", cwd=place)


def test_a_run_in_a_database_is_named_behind_its_path(place: Path) -> None:
    """The path must be there; the run is asked for when it is read."""
    found = locate("mlflow.db#baseline", cwd=place)
    assert (found.kind, found.target) == (RunKind.LOG, f"{place}/mlflow.db#baseline")
    assert parted(found.target) == (f"{place}/mlflow.db", "baseline")
    with pytest.raises(InvalidInputError):
        locate("./none.db#baseline", cwd=place)


def test_a_log_of_another_machine_is_named_as_scp_has_it(place: Path) -> None:
    """It is not looked for here, unless a file of this machine has that very name."""
    found = locate("gpu1:/mnt/x.log", cwd=place)
    assert (found.kind, found.target) == (RunKind.LOG, "gpu1:/mnt/x.log")
