"""Offline runs that are named by entity/project/run, and found in the folder of the project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.folder import WandbFolderSource
from trainwatch_core.config import load_settings
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import parse_wandb_run


@pytest.fixture
def folder(offline: Path, tmp_path: Path) -> Path:
    """The folder of wandb with a run of the real SDK, an older one of the same id, and one whose id only ends alike."""
    run = next(offline.glob("offline-run-*"))
    ident = run.name.rpartition("-")[2]
    shutil.copytree(run, tmp_path / "wandb" / run.name)
    for name in (f"offline-run-20200101_000000-{ident}", f"run-20990101_000000-x-{ident}"):
        (tmp_path / "wandb" / name).mkdir()
    return tmp_path / "wandb"


def test_the_latest_run_of_the_id_is_read_and_then_kept_to(folder: Path) -> None:
    """The same rows as by its path; the cursor goes on in the same file."""
    source = WandbFolderSource(str(folder), "abc12345")
    batch = source.fetch(None, deadline=30)
    assert "train/loss" in batch.rows
    again = source.fetch(json.loads(json.dumps(batch.cursor)), deadline=30)
    assert not again.rows


@pytest.mark.parametrize("ident", ["abc", "12345", "*", "nothing"])
def test_another_id_is_not_taken_for_it(folder: Path, ident: str) -> None:
    """Neither a part of an id nor a pattern finds a run."""
    with pytest.raises(SourceUnavailableError, match="No offline run"):
        WandbFolderSource(str(folder), ident).fetch(None, deadline=60)


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    """A mount that went away is no reason to stop."""
    with pytest.raises(SourceUnavailableError, match="cannot be read"):
        WandbFolderSource(str(tmp_path / "gone"), "a").fetch(None, deadline=60)


def test_the_last_matching_project_names_the_folder(tmp_path: Path) -> None:
    """As for every other key; other projects ask the server."""
    file = tmp_path / "trainwatch.toml"
    file.write_text(
        '[[project]]\nmatch = "lab/*"\noffline = "/a/{project}"\n[[project]]\nmatch = "lab/v*"\noffline = "/b/{run}"\n'
    )
    settings = load_settings(file, {"HOME": str(tmp_path)}, cwd=tmp_path)
    found = [settings.offline_folder(parse_wandb_run(name)) for name in ("lab/text/r1", "lab/vision/r1", "x/y/z")]
    assert found == ["/a/text", "/b/r1", ""]
