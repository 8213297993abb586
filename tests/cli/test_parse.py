"""`trainwatch parse`: what is understood of a log, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trainwatch_core.cli import cli

LOG = """starting on cpu
step=1 loss=2.5 lr=0.1
step=2 loss=nan lr=0.1
step=2 val_loss=2.75
OVERFLOW! Skipping step. Attempted loss scale: 65536
step=3 loss=2.25 lr=0.05
step=1 loss=9.5 lr=0.1
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A small log with one of everything."""
    path = tmp_path / "train.log"
    path.write_text(LOG)
    return path


def _parse(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["parse", *map(str, words)], obj={})


def test_csv_has_a_row_for_each_step_and_names_as_in_the_log(log: Path) -> None:
    """Lines of one step are one row, what was not logged is empty, NaN is spelled out, a step back is a new row."""
    done = _parse(log, "--format", "csv")
    assert done.exit_code == 0
    assert list(csv.reader(io.StringIO(done.stdout))) == [
        ["step", "loss", "lr", "val_loss"],
        ["1", "2.5", "0.1", ""],
        ["2", "nan", "0.1", "2.75"],
        ["3", "2.25", "0.05", ""],
        ["1", "9.5", "0.1", ""],
    ]


def test_json_tells_metrics_events_and_the_share_of_other_lines(log: Path) -> None:
    """For programs: nothing in it is no JSON."""
    told = json.loads(_parse(log, "--format", "json").stdout)
    assert told["metrics"]["loss"] == {
        "role": "train_loss",
        "count": 4,
        "not_finite": 1,
        "first": 2.5,
        "last": 9.5,
        "min": 2.25,
        "max": 9.5,
    }
    assert (told["lines"], told["unparsed"], told["steps_go_back"]) == (7, round(2 / 7, 4), 1)
    assert [(event["kind"], event["step"]) for event in told["events"]] == [("overflow", 2.0)]


def test_text_says_the_same_to_people(log: Path) -> None:
    """Counts, steps, roles, events."""
    told = _parse(log).stdout
    assert "7 lines, 29% of them without a metric; 4 rows" in told
    assert "steps 1 to 3, going back 1 times" in told
    assert "1 not finite" in told
    assert "overflow at step 2: OVERFLOW! Skipping step." in told


def test_a_copy_of_the_log_in_the_log_is_left_out(tmp_path: Path) -> None:
    """A console and its log file in one: rows that repeat to the digit are told, not shown. Another run is shown."""
    run = "step=1 loss=nan\nstep=2 loss=1.5\n"
    path = tmp_path / "twice.log"
    path.write_text(run + run + run.replace("1.5", "1.25"))
    done = _parse(path, "--format", "csv")
    assert [row["loss"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["nan", "1.5", "nan", "1.25"]
    assert "2 rows repeat earlier ones to the digit" in _parse(path).stdout


def test_a_pattern_may_be_given_or_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line, and in the file for watches too."""
    path = tmp_path / "own.log"
    path.write_text("@5> 2.5 ~\n@6> 2.25 ~\n")
    assert "without a metric; 0 rows" in _parse(path).stdout
    assert "2 values, 2.5 ... 2.25" in _parse(path, "--pattern", "@{step}> {loss} ~").stdout
    (tmp_path / "trainwatch.toml").write_text('[log]\npatterns = ["@{step}> {loss} ~"]\n')
    monkeypatch.chdir(tmp_path)
    assert "2 values, 2.5 ... 2.25" in _parse(path).stdout


def test_what_is_no_log_is_said_in_words(tmp_path: Path) -> None:
    """No traceback for a file that is not there, a folder, or a pattern without a field."""
    for words in ((tmp_path / "none.log",), (tmp_path,), (tmp_path, "--pattern", "loss")):
        done = _parse(*words)
        assert done.exit_code in {1, 2}
        assert "Error: " in done.output
        assert "Traceback" not in done.output


def test_hostile_names_and_lines_are_shown_inert(tmp_path: Path) -> None:
    """Escapes, secrets and 64 KiB names in a log reach neither the terminal nor the CSV."""
    path = tmp_path / "evil.log"
    path.write_text(
        "step=1 loss\x1b[31m=2.5 \u202eacc=0.5\nTraceback (most recent call last): password=hunter2hunter2\n"
        "loss_" + "x" * 70000 + "=1\n"
    )
    for form in ("text", "csv", "json"):
        told = _parse(path, "--format", form).stdout
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "hunter2" not in told
        assert len(told) < 2000
