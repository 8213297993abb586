"""`trainwatch backtest`: finished runs replayed, on a stand-in for the W&B server and on runs of the real SDK."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from trainwatch_core.cli import cli
from trainwatch_core.testing.desk import falling
from trainwatch_core.testing.wandb_sdk import OfflineRun, log_offline
from trainwatch_core.testing.wandb_server import FakeWandb

BEGIN = 1_700_000_000
GOOD = [float(loss) for loss in falling()]
DEAD = [*GOOD[:60], *[math.nan] * 60]
ROSE_FROM_THE_DEAD = [*GOOD[:40], *[math.nan] * 50, *[0.2] * 30]


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without a configuration, in an empty directory, at a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "TRAINWATCH_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWandb]:
    """A server, and a person whose key opens it."""
    with FakeWandb() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        Path("trainwatch.toml").write_text(f'[wandb]\nbase_url = "{server.url}"\ntimeout = "20s"\n')
        yield server


def rows(losses: list[float]) -> list[dict[str, float]]:
    """A row a minute."""
    return [{"_timestamp": BEGIN + 60.0 * n, "loss": loss} for n, loss in enumerate(losses)]


def backtest(*words: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(cli, ["backtest", *words])


def figures(*words: str, code: int = 0) -> tuple[Mapping[str, Any], Result]:
    """What it wrote down, by the names of the runs, and what it said."""
    done = backtest("--json", "out.json", *words)
    assert done.exit_code == code, done.output
    told = json.loads(Path("out.json").read_text())
    return {run["name"]: run for run in told["runs"]} | {"failed": told["not_replayed"]}, done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five runs of the real SDK, of which one cannot be read."""
    place = tmp_path_factory.mktemp("offline")
    runs = log_offline(
        place,
        OfflineRun("good1111", rows(GOOD), "good"),
        OfflineRun("dead1111", rows(DEAD), "dead", exit_code=1),
        OfflineRun("rose1111", rows(ROSE_FROM_THE_DEAD), "rose"),
        OfflineRun("oom11111", rows(GOOD[:70]), "oom", exit_code=1),
        OfflineRun("sick1111", rows(GOOD[:5]), "sick"),
    )
    next(runs[4].glob("run-*.wandb")).write_bytes(b"this is no run of W&B" * 100)
    return place


def test_offline_runs_are_told_apart(folder: Path) -> None:
    """A right stop, a wrong one, a bad end that nothing announced, a good run, and one that cannot be read."""
    runs, done = figures(str(folder), code=1)
    outcomes = {name: run["outcome"] for name, run in runs.items() if name != "failed"}
    assert outcomes == {"good": "spared", "dead": "stopped", "rose": "wrong", "oom": "missed"}
    assert {name: runs[name]["ended"] for name in outcomes} == {
        "good": "finished",
        "dead": "failed",
        "rose": "finished",
        "oom": "failed",
    }
    dead = runs["dead"]
    assert 60 <= dead["stop_step"] < 100
    assert dead["elapsed_seconds"] == 60 * dead["stop_step"]
    assert dead["saved_seconds"] == 60 * (119 - dead["stop_step"])
    assert (runs["rose"]["best_after"], runs["rose"]["goal"]) == (0.2, "min")
    assert (runs["good"]["stop_step"], runs["good"]["saved_seconds"]) == (None, 0)
    assert [path for path in runs["failed"] if "sick1111" in path]
    assert "4 runs replayed, 2 would have been stopped." in done.output
    assert "Wrong stop: rose finished, and loss went from" in done.output
    assert "Ended badly without a stop: oom (failed)." in done.output


def test_the_table_fits_a_terminal_and_has_the_worst_first(folder: Path) -> None:
    """Eighty columns; one line a run, and one with the reason where it would have been stopped."""
    lines = backtest(str(folder)).stdout.splitlines()
    table = [line for line in lines[: lines.index("")] if not line.startswith(" ")]
    assert [line.split()[0] for line in table] == ["run", "rose", "oom", "dead", "good"]
    assert "wrong stop" in table[1]
    assert "loss is NaN" in lines[lines.index(table[1]) + 1]
    assert max(len(line) for line in lines) <= 80


def test_one_picture_shows_them_all(folder: Path) -> None:
    """As wide as every picture, as tall as it has to be."""
    assert backtest("--png", "sheets/all.png", str(folder)).exit_code == 1
    with Image.open("sheets/all.png") as image:
        assert image.format == "PNG"
        assert image.width == 1200
        assert len(image.convert("RGB").getcolors(maxcolors=10**6) or ()) > 50


def test_runs_of_a_project_on_the_server(wandb: FakeWandb) -> None:
    """Those that are over, newest first, at most as many as wanted; what is under way is left alone."""
    for number, (name, losses, state) in enumerate(
        [("old", GOOD, "finished"), ("bad", DEAD, "crashed"), ("fine", GOOD, "finished"), ("now", DEAD, "running")]
    ):
        run = wandb.add(f"lab/vision/{name}", state=state, created_at=f"2026-01-0{number + 1}T00:00:00")
        run.rows.extend({"_step": n, **row} for n, row in enumerate(rows(losses)))
    runs, done = figures("lab/vision", "--last", "2")
    assert {name: (run["outcome"], run["ended"]) for name, run in runs.items() if name != "failed"} == {
        "bad": ("stopped", "crashed"),
        "fine": ("spared", "finished"),
    }
    assert "old" not in done.output
    assert runs["bad"]["run"] == "lab/vision/bad"
    assert set(figures(f"{wandb.url}/lab/vision")[0]) == {"old", "bad", "fine", "failed"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("lab/nowhere",), 1, "no such project"),
        (("lab/young",), 1, "has ended yet"),
        (("lab",), 2, "does not name a W&B project"),
        (("./missing",), 2, "no such folder"),
        (("empty",), 1, "holds no W&B run"),
        (("https://wandb.ai@evil/lab/vision",), 2, "not the page of a W&B project"),
    ],
)
def test_what_cannot_be_backtested_is_said(wandb: FakeWandb, words: tuple[str, ...], code: int, said: str) -> None:
    """What was wrong, where, and what to do."""
    wandb.add("lab/young/r1", state="running")
    Path("empty").mkdir()
    done = backtest(*words)
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_entities_that_are_not_watched_are_not_backtested(wandb: FakeWandb) -> None:
    """The operator's list holds here as well, before the server is asked."""
    Path("trainwatch.toml").write_text(f'[wandb]\nbase_url = "{wandb.url}"\nentities = ["lab"]\n')
    done = backtest("strangers/vision")
    assert done.exit_code == 2
    assert "not watched here" in done.stderr
    assert not wandb.requests


def test_a_projects_offline_folder_is_used(folder: Path) -> None:
    """A project that the configuration says is logged offline."""
    Path("trainwatch.toml").write_text(f'[[project]]\nmatch = "lab/vision"\noffline = "{folder}/wandb"\n')
    runs, _ = figures("lab/vision", "--last", "3", code=1)
    assert len(runs) - 1 + len(runs["failed"]) == 3


def test_names_cannot_paint_the_terminal(wandb: FakeWandb) -> None:
    """A run's name is untrusted: no control characters, and what looks like a password is left out."""
    run = wandb.add("lab/vision/r1", state="crashed", display_name="\x1b[31mred\u202e password=hunter22")
    run.rows.extend({"_step": n, **row} for n, row in enumerate(rows(GOOD)))
    done = backtest("lab/vision", "--json", "out.json")
    assert done.exit_code == 0, done.output
    for text in (done.stdout, json.loads(Path("out.json").read_text())["runs"][0]["name"]):
        assert "red" in text
        assert not any(word in text for word in ("\x1b", "\u202e", "hunter22"))
