"""Files of metrics that grow or are written anew: CSV of any trainer, and the state of Hugging Face's trainer."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources import csv_table
from trainwatch_core.adapters.sources.csv_table import CsvSource
from trainwatch_core.adapters.sources.trainer_state import TrainerStateSource
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.ports import Source


def _fetch(source: Source, cursor: Cursor | None = None) -> Batch:
    kept = None if cursor is None else json.loads(json.dumps(cursor))
    return source.fetch(kept, deadline=30.0)


def _told(batch: Batch) -> dict[str, str]:
    return {
        name: str(list(zip(rows.steps.tolist(), rows.values.tolist(), strict=True)))
        for name, rows in batch.rows.items()
    }


class LightningLikeCsv:
    """Writes as Lightning's CSVLogger does, by its documentation: Lightning itself needs a gigabyte of torch.

    One row for each call of `log`, blank where a metric was not logged, columns sorted; appended while the columns stay
    the same, and the whole file anew when a metric appears.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.rows, self.keys = path, [], []  # type: tuple[Path, list[dict[str, float]], list[str]]

    def log(self, step: int, **metrics: float) -> None:
        """Log and save."""
        row = {**metrics, "step": float(step)}
        self.rows.append(row)
        anew = sorted({key for each in self.rows for key in each})
        mode, rows = ("a", [row]) if anew == self.keys else ("w", self.rows)
        self.keys = anew
        with self.path.open(mode, newline="") as file:
            writer = csv.DictWriter(file, anew)
            if mode == "w":
                writer.writeheader()
            writer.writerows(rows)


def test_lightning_metrics_are_read_once_also_when_the_file_is_written_anew(tmp_path: Path) -> None:
    """A new key in the middle of a run moves all columns; no row is lost or comes twice."""
    logger = LightningLikeCsv(tmp_path / "metrics.csv")
    source = CsvSource(str(logger.path))
    logger.log(9, train_loss=2.0, epoch=0)
    logger.log(19, train_loss=math.nan, epoch=0)
    first = _fetch(source)
    assert _told(first)["train_loss"] == "[(9.0, 2.0), (19.0, nan)]"
    logger.log(29, train_loss=1.5, epoch=0)
    second = _fetch(source, first.cursor)
    assert _told(second)["train_loss"] == "[(29.0, 1.5)]"
    logger.log(29, acc=0.5, val_loss=1.75, epoch=0)
    logger.log(39, train_loss=1.25, epoch=1)
    third = _fetch(source, second.cursor)
    assert not third.restarted
    assert {name: told for name, told in _told(third).items() if name != "epoch"} == {
        "acc": "[(29.0, 0.5)]",
        "val_loss": "[(29.0, 1.75)]",
        "train_loss": "[(39.0, 1.25)]",
    }
    assert _fetch(source, third.cursor).rows == {}


def test_another_run_in_the_same_file_begins_anew(tmp_path: Path) -> None:
    """What is known of the old run is void, and says so."""
    path = tmp_path / "results.csv"
    path.write_text("                  epoch,         train/box_loss\n                      1,                 1.5\n")
    source = CsvSource(str(path))
    first = _fetch(source)
    assert _told(first) == {"train/box_loss": "[(1.0, 1.5)]"}
    path.write_text("epoch,loss\n0,9.5\n1,9.25\n")
    second = _fetch(source, first.cursor)
    assert second.restarted
    assert _told(second) == {"loss": "[(0.0, 9.5), (1.0, 9.25)]"}
    path.unlink()
    path.write_text("epoch,loss\n")
    third = _fetch(source, second.cursor)
    assert (third.restarted, third.rows) == (True, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("step;loss\n1;2.5\n", {"loss": "[(1.0, 2.5)]"}),
        ("step\tloss\n1\t2.5\n", {"loss": "[(1.0, 2.5)]"}),
        ('\ufeff"step","a, b"\n"1","inf"\n', {"a, b": "[(1.0, inf)]"}),
        ('#{"t_start": 1.5}\nr,l\n-21.0,800\n-20.0,900\n', {"r": "[(0.0, -21.0), (1.0, -20.0)]"}),
        ("# epoch,loss\n3,Infinity\n4,\n5,x\n", {"loss": "[(3.0, inf)]"}),
        ("global_step,epoch,loss\n5,0,1\n5,0,2,3,4\n6\n", {"loss": "[(5.0, 1.0), (5.0, 2.0)]"}),
    ],
)
def test_tables_of_many_writers(tmp_path: Path, text: str, told: dict[str, str]) -> None:
    """Delimiters, quotes, byte order marks, remarks, blanks, rows that are too long or too short."""
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    assert {name: each for name, each in _told(_fetch(CsvSource(str(path)))).items() if name in told} == told


def test_a_row_that_is_being_written_waits(tmp_path: Path) -> None:
    """Half a number is no number."""
    path = tmp_path / "t.csv"
    path.write_text("step,loss\n1,2.5\n2,1.")
    source = CsvSource(str(path))
    first = _fetch(source)
    assert _told(first) == {"loss": "[(1.0, 2.5)]"}
    with path.open("a") as file:
        file.write("75\n")
    assert _told(_fetch(source, first.cursor)) == {"loss": "[(2.0, 1.75)]"}


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    """No names, one endless line (F-L02), a folder, a FIFO (F-L03)."""
    (tmp_path / "a.csv").write_text("1,2,3\n4,5,6\n")
    (tmp_path / "b.csv").write_bytes(b"x" * (3 * 1024 * 1024))
    (tmp_path / "c.csv").mkdir()
    os.mkfifo(tmp_path / "d.csv")
    for name in "abcde":
        with pytest.raises(SourceUnavailableError):
            _fetch(CsvSource(str(tmp_path / f"{name}.csv")))


def test_a_long_table_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that cut lines in two lose nothing."""
    monkeypatch.setattr(csv_table, "_BLOCK", 7)
    path = tmp_path / "t.csv"
    path.write_text("step,loss\n" + "".join(f"{step},{step}.5\n" for step in range(200)))
    rows = _fetch(CsvSource(str(path))).rows["loss"]
    assert rows.values.tolist() == [step + 0.5 for step in range(200)]


def _state(*entries: dict[str, float]) -> str:
    steps = int(max(entry["step"] for entry in entries))
    return json.dumps({"global_step": steps, "max_steps": 100, "log_history": entries})


def test_a_trainer_state_is_read_from_checkpoint_to_checkpoint(tmp_path: Path) -> None:
    """The newest checkpoint counts, entries that are known are passed by, NaN and words are told as numbers."""
    source = TrainerStateSource(str(tmp_path))
    entries: list[dict[str, float]] = [{"step": 10, "loss": 2.0, "epoch": 0.1}, {"step": 20, "loss": math.nan}]
    for number in (20, 30):
        folder = tmp_path / f"checkpoint-{number}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(_state(*entries))
        os.utime(folder / "trainer_state.json", (number, number))
        if number == 20:
            first = _fetch(source)
            entries.append({"step": 30, "eval_loss": 2.5})
    assert _told(first)["loss"] == "[(10.0, 2.0), (20.0, nan)]"
    assert (first.info.planned_steps, first.info.last_step) == (100, 20)
    second = _fetch(source, first.cursor)
    assert (_told(second), second.restarted) == ({"eval_loss": "[(30.0, 2.5)]"}, False)
    assert second.inspected == (str(tmp_path / "checkpoint-30" / "trainer_state.json"),)
    assert _fetch(source, second.cursor).rows == {}


def test_a_trainer_state_of_another_run_or_a_resume_is_read_anew(tmp_path: Path) -> None:
    """A history that was cut, or tells other values: what is known is void."""
    path = tmp_path / "trainer_state.json"
    path.write_text(_state({"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0}))
    source = TrainerStateSource(str(path))
    first = _fetch(source)
    for entries in ([{"step": 10, "loss": 2.0}], [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 1.0}]):
        path.write_text(_state(*entries))
        again = _fetch(source, first.cursor)
        assert again.restarted
        assert len(again.rows["loss"]) == len(entries)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"log_history": 5}', "[" * 100_000, '{"log_history": [[[1]]]}x'])
def test_a_state_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    """Half written, something else, nested without end."""
    path = tmp_path / "trainer_state.json"
    path.write_text(text)
    with pytest.raises(SourceUnavailableError):
        _fetch(TrainerStateSource(str(path)))
