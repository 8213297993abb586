"""How a run is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunKind, RunRef, RunState, parse_wandb_project, parse_wandb_run


@pytest.mark.parametrize(
    "text",
    [
        "lab/vision/7gk2",
        "/lab/vision/7gk2",
        " lab/vision/7gk2 ",
        "lab/vision/runs/7gk2",
        "https://wandb.ai/lab/vision/runs/7gk2",
        "https://wandb.ai/lab/vision/runs/7gk2/overview?nw=x#y",
        "http://wandb.local:8080/lab/vision/runs/7gk2",
    ],
)
def test_a_run_is_named_in_many_ways(text: str) -> None:
    """Path, address as copied from the browser, self-hosted."""
    assert parse_wandb_run(text) == RunRef(RunKind.WANDB, "lab/vision/7gk2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lab/vision",
        "lab//7gk2",
        "lab/../7gk2",
        "lab/vision/7g k2",
        "lab/vision/\u202e7gk2",
        "https://wandb.ai@evil.example/lab/vision/runs/7gk2",
        "https://wandb.ai\\@evil.example/lab/vision/runs/7gk2",
        "https://wandb.ai/lab/vision/runs/..",
        "https://wandb.ai/lab/vision/runs/%2e%2e",
        "https://wandb.ai/lab/vision/runs/a%2fb",
        "https://wandb.ai/lab/vision/sweeps/7gk2",
        "file:///etc/passwd",
        "ftp://wandb.ai/lab/vision/runs/7gk2",
        "a" * 500 + "/b/c",
    ],
)
def test_what_is_no_run_is_refused_in_words(text: str) -> None:
    """F-I08: an address is parsed strictly and never fetched."""
    with pytest.raises(InvalidInputError, match="W&B run"):
        parse_wandb_run(text)


def test_what_lies_on_this_machine_is_found_there(tmp_path: Path) -> None:
    """An offline run directory, its file, a log; a W&B path otherwise."""
    run = tmp_path / "offline-run-1"
    run.mkdir()
    (run / "run-abc.wandb").write_bytes(b":W&B")
    (tmp_path / "train.log").write_text("")
    assert locate("offline-run-1", cwd=tmp_path) == RunRef(RunKind.WANDB_OFFLINE, str(run))
    assert locate(str(run / "run-abc.wandb"), cwd=tmp_path).kind is RunKind.WANDB_OFFLINE
    assert locate("./train.log", cwd=tmp_path) == RunRef(RunKind.LOG, str(tmp_path / "train.log"))
    assert locate("lab/vision/r1", cwd=tmp_path).kind is RunKind.WANDB


@pytest.mark.parametrize("text", ["./nothing.log", "/nowhere/at/all", "~/nothing-here"])
def test_a_path_that_is_not_there_is_told_as_a_path(text: str, tmp_path: Path) -> None:
    """Nobody means a W&B run by `./train.log`."""
    with pytest.raises(InvalidInputError, match="no such file"):
        locate(text, cwd=tmp_path)


def test_a_directory_without_a_run_is_told(tmp_path: Path) -> None:
    """What was expected there."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="no run that can be read"):
        locate("empty", cwd=tmp_path)


def test_states_that_are_over() -> None:
    """Pending and running are not."""
    assert [state for state in RunState if not state.over] == [RunState.PENDING, RunState.RUNNING]


@pytest.mark.parametrize(
    "text",
    ["lab/vision", "/lab/vision/", "https://wandb.ai/lab/vision", "https://w.example/lab/vision/workspace"],
)
def test_projects_are_read_as_people_copy_them(text: str) -> None:
    """The name, or the address of one of its pages."""
    assert parse_wandb_project(text) == "lab/vision"


@pytest.mark.parametrize(
    "text",
    ["lab", "lab/vision/r1", "", "lab/..", "https://wandb.ai@evil/lab/vision", "file:///lab/vision", "lab/vi\nsion"],
)
def test_what_is_no_project_is_refused(text: str) -> None:
    """F-I08: only parsed, never fetched."""
    with pytest.raises(InvalidInputError):
        parse_wandb_project(text)
