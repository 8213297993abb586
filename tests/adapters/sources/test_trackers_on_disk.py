"""Runs that other trackers left on this machine, written by the trackers themselves."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwatch_core.adapters.sources import tensorboard
from trainwatch_core.adapters.sources.kinds import Kind, kind_of
from trainwatch_core.adapters.sources.mlflow import MlflowSource
from trainwatch_core.adapters.sources.tensorboard import TensorboardSource
from trainwatch_core.adapters.sources.trackio import TrackioSource
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.model.run import RunState
from trainwatch_core.ports import Source

NAN, INF = math.nan, math.inf


def _fetch(source: Source, cursor: Cursor | None = None) -> Batch:
    return source.fetch(cursor, deadline=30.0)


def _told(batch: Batch, name: str) -> str:
    rows = batch.rows[name]
    return str(list(zip(rows.steps.tolist(), rows.values.tolist(), strict=True)))


@pytest.fixture
def events(tmp_path: Path) -> Callable[[str], Any]:
    """TensorBoard's own writer of event files, by folder under the run."""
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415  # costs a second
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415  # likewise
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: PLC0415  # likewise

    def writer(folder: str = "") -> Callable[[int, str, float], None]:
        out = EventFileWriter(str(tmp_path / "run" / folder))

        def write(step: int, tag: str, value: float) -> None:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            out.add_event(Event(step=step, wall_time=1000.0 + step, summary=summary))
            out.flush()

        return write

    return writer


def test_tensorboard_gives_what_is_new_and_nothing_twice(tmp_path: Path, events: Callable[[str], Any]) -> None:
    """While it is written, in this process and after a restart; NaN and infinities as logged; folders in the names."""
    train, val = events(""), events("validation")
    for step in range(3):
        train(step, "loss", [2.0, NAN, INF][step])
    val(2, "loss", 2.5)
    source = TensorboardSource(str(tmp_path / "run"))
    first = _fetch(source)
    assert _told(first, "loss") == "[(0.0, 2.0), (1.0, nan), (2.0, inf)]"
    assert first.rows["loss"].times.tolist() == [1000.0, 1001.0, 1002.0]
    assert _told(first, "validation/loss") == "[(2.0, 2.5)]"
    assert _fetch(source, first.cursor).rows == {}
    train(3, "loss", 1.5)
    second = _fetch(TensorboardSource(str(tmp_path / "run")), first.cursor)
    assert {name: _told(second, name) for name in second.rows} == {"loss": "[(3.0, 1.5)]"}
    train(4, "loss", 1.25)
    tensorboard._SHELF.folders.clear()  # as after a restart: the loader is gone, the cursor is not
    third = _fetch(TensorboardSource(str(tmp_path / "run")), second.cursor)
    assert _told(third, "loss") == "[(4.0, 1.25)]"


def test_a_torn_event_waits_for_its_rest(tmp_path: Path, events: Callable[[str], Any]) -> None:
    """Half a record at the end of a file is read when it is whole, once."""
    write = events("")
    write(0, "loss", 2.0)
    write(1, "loss", 1.0)
    path = next((tmp_path / "run").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    source = TensorboardSource(str(path))
    first = _fetch(source)
    assert _told(first, "loss") == "[(0.0, 2.0)]"
    with path.open("ab") as file:
        file.write(whole[-7:])
    assert _told(_fetch(source, first.cursor), "loss") == "[(1.0, 1.0)]"


def test_a_resume_of_tensorboard_goes_on_in_a_further_file(tmp_path: Path, events: Callable[[str], Any]) -> None:
    """A second file of the same folder is the same series; a second watch of the folder is not disturbed."""
    events("")(5, "loss", 2.0)
    source = TensorboardSource(str(tmp_path / "run"))
    first = _fetch(source)
    folder = tmp_path / "run"
    written = next(folder.iterdir())
    written.rename(folder / "events.out.tfevents.1.host.1.0")
    first = _fetch(source)
    events("")(6, "loss", 1.0)
    second = _fetch(source, first.cursor)
    assert _told(second, "loss") == "[(6.0, 1.0)]"
    assert _told(_fetch(source), "loss") == "[(5.0, 2.0), (6.0, 1.0)]"
    assert _fetch(source, second.cursor).rows == {}


def test_tensorboard_missing_or_empty_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no reader: what to do stands in the error. A FIFO of that name is not opened (F-L03)."""
    with pytest.raises(SourceUnavailableError, match="no TensorBoard event file"):
        _fetch(TensorboardSource(str(tmp_path)))
    os.mkfifo(tmp_path / "events.out.tfevents.1")
    with pytest.raises(SourceUnavailableError):
        _fetch(TensorboardSource(str(tmp_path)))
    (tmp_path / "events.out.tfevents.2").write_bytes(b"\xff" * 4000)
    assert _fetch(TensorboardSource(str(tmp_path / "events.out.tfevents.2"))).rows == {}
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_file_loader", None)
    tensorboard._SHELF.folders.clear()
    with pytest.raises(SourceUnavailableError, match="not installed"):
        _fetch(TensorboardSource(str(tmp_path / "events.out.tfevents.2")))


WRITERS = Path(f"{sys.prefix}-writers/bin/python")

TRACKIO = """
import sys, trackio
trackio.init(project="proj", name=sys.argv[1], embed=False)
for step in range(int(sys.argv[2]), int(sys.argv[3])):
    loss = float("nan") if step == 1 else float("-inf") if step == 2 else 2.0 - step
    trackio.log({"train": {"loss": loss}, "acc": 0.5}, step=step)
trackio.finish()
"""

MLFLOW = """
import sys
from mlflow.tracking import MlflowClient
client = MlflowClient("sqlite:///mlflow.db")
kept = client.get_experiment_by_name("e")
experiment = kept.experiment_id if kept else client.create_experiment("e")
name, start, end, state = sys.argv[1:5]
runs = [run for run in client.search_runs([experiment]) if run.info.run_name == name]
run = (runs[0] if runs else client.create_run(experiment, run_name=name)).info.run_id
for step in range(int(start), int(end)):
    value = float("nan") if step == 1 else float("-inf") if step == 2 else 2.0 - step
    client.log_metric(run, "loss", value, step=step)
if state != "RUNNING":
    client.set_terminated(run, state)
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Another tracker, in a process of its own, as a training has it: script and arguments."""
    if not WRITERS.exists():
        reason = f"{WRITERS} not found: run `make {Path(sys.prefix).name}-writers/ready`"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)

    def run(script: str, *words: object) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TRACKIO_DIR": str(tmp_path),
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        argv = [str(WRITERS), "-c", script, *map(str, words)]
        done = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)
        assert done.returncode == 0, done.stderr[-2000:]

    return run


def test_trackio_gives_what_is_new_of_its_run(tmp_path: Path, write: Callable[..., None]) -> None:
    """The newest run, or the one that is named; NaN and infinities, which it stores as words; nested metrics."""
    write(TRACKIO, "first", 0, 3)
    path = str(tmp_path / "proj.db")
    assert kind_of(path) == (Kind.TRACKIO, path)
    source = TrackioSource(path)
    batch = _fetch(source)
    assert _told(batch, "train.loss") == "[(0.0, 2.0), (1.0, nan), (2.0, -inf)]"
    assert batch.info.name == "first"
    assert batch.rows["acc"].times[0] > 1e9
    write(TRACKIO, "second", 0, 1)
    assert _fetch(source, batch.cursor).rows == {}
    assert _told(_fetch(TrackioSource(path)), "acc") == "[(0.0, 0.5)]"
    assert len(_fetch(TrackioSource(path, "first")).rows["acc"]) == 3
    with pytest.raises(SourceUnavailableError, match="holds no such run"):
        _fetch(TrackioSource(path, "third"))


def test_mlflow_gives_what_is_new_of_its_run(tmp_path: Path, write: Callable[..., None]) -> None:
    """NaN and infinities are told apart from numbers, the state of the run is told, other runs are not mixed in."""
    write(MLFLOW, "baseline", 0, 3, "RUNNING")
    path = str(tmp_path / "mlflow.db")
    assert kind_of(path) == (Kind.MLFLOW, path)
    source = MlflowSource(path)
    first = _fetch(source)
    assert _told(first, "loss") == "[(0.0, 2.0), (1.0, nan), (2.0, -inf)]"
    assert (first.info.name, first.info.state) == ("baseline", RunState.RUNNING)
    write(MLFLOW, "other", 5, 6, "RUNNING")
    write(MLFLOW, "baseline", 3, 4, "FAILED")
    second = _fetch(source, first.cursor)
    assert (_told(second, "loss"), second.info.state) == ("[(3.0, -1.0)]", RunState.FAILED)
    assert _fetch(source, second.cursor).rows == {}
    assert _told(_fetch(MlflowSource(path, "other")), "loss") == "[(5.0, -3.0)]"


@pytest.mark.parametrize("source", [TrackioSource, MlflowSource])
def test_what_is_no_such_database_is_said(tmp_path: Path, source: type[TrackioSource | MlflowSource]) -> None:
    """Text, another database, a broken one, a FIFO: an error in words, and nothing is written (F-L03)."""
    (tmp_path / "text.db").write_text("hello")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.commit()
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    os.mkfifo(tmp_path / "fifo.db")
    for name in ("text.db", "other.db", "broken.db", "fifo.db", "none.db"):
        with pytest.raises(SourceUnavailableError):
            _fetch(source(str(tmp_path / name)))
    assert not (tmp_path / "none.db").exists()


def test_a_database_outside_of_the_allowed_folders_is_not_opened(tmp_path: Path) -> None:
    """F-L04: also by way of a symbolic link."""
    inside = tmp_path / "inside"
    inside.mkdir()
    sqlite3.connect(tmp_path / "out.db").execute("CREATE TABLE metrics (id)").connection.commit()
    (inside / "link.db").symlink_to(tmp_path / "out.db")
    with pytest.raises(SourceUnavailableError, match="outside of the allowed"):
        _fetch(TrackioSource(str(inside / "link.db"), roots=(str(inside),)))
