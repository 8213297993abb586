"""The example file is complete and true."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainwatch_core.config import load_settings
from trainwatch_core.config.problems import tables
from trainwatch_core.model.run import parse_wandb_run
from trainwatch_core.model.watch import Policy, WatchContext

EXAMPLE = Path(__file__).parents[2] / "trainwatch.example.toml"
SWITCHED_ON = re.sub(r"^#(?=[^\s#])", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def keys_of(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of all keys that stand in a file."""
    found = set()
    for key, value in table.items():
        found.add((*path, key))
        for inner in value if isinstance(value, list) else [value]:
            found |= keys_of(inner, (*path, key)) if isinstance(inner, dict) else set()
    return found


def test_every_key_stands_in_the_example() -> None:
    """Who reads the example has seen every setting there is."""
    schema = {(*path, key) for path, keys in tables().items() for key in keys}
    # Tables that the person names stand in the example under a name.
    named = {"gpu1", "lab", "lab-slurm", "job_id", "cluster"}
    stand = {tuple(part for part in path if part not in named) for path in keys_of(tomllib.loads(SWITCHED_ON))}
    assert schema - stand == set()


def test_the_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    """Copied without a change, it sets nothing."""
    environ = {"HOME": str(tmp_path), "TZ": "UTC"}
    mine = tmp_path / "mine.toml"
    mine.write_bytes(EXAMPLE.read_bytes())
    found = load_settings(mine, environ, cwd=tmp_path)
    plain = load_settings(None, environ, cwd=tmp_path)
    assert replace(found, project=(), hosts={}, servers={}, stoppers={}) == plain
    defaults = found.watch_defaults(parse_wandb_run("my-team/vision-1/r"))
    assert (defaults.context, defaults.policy) == (WatchContext(), Policy())


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A file with every line of the example switched on."""
    file = tmp_path / "everything.toml"
    file.write_text(SWITCHED_ON)
    return file


def test_every_line_of_the_example_can_be_switched_on(everything: Path, tmp_path: Path) -> None:
    """No line of the example is a mistake, and those of settings with a default show that default."""
    environ = {"HOME": str(tmp_path), "TZ": "Europe/Berlin"}
    found, plain = load_settings(everything, environ, cwd=tmp_path), load_settings(None, environ, cwd=tmp_path)
    assert found.stop == plain.stop
    assert found.log.roots == plain.log.roots
    assert replace(found.wandb, base_url=None) == plain.wandb
    assert replace(found.cost, per_hour=None) == plain.cost
    assert (found.data_dir, found.admins, found.approvers) == (plain.data_dir, plain.admins, plain.approvers)
    common = replace(found, project=()).watch_defaults(parse_wandb_run("my-team/vision-1/r"))
    assert common.policy == Policy()
    assert (common.context.interval, common.context.mode) == (WatchContext().interval, WatchContext().mode)
