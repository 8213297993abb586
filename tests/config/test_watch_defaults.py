"""What the file says for one run."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from trainwatch_core.config import Settings, load_settings
from trainwatch_core.config.settings import PolicyTable
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_run
from trainwatch_core.model.watch import Mode, Policy, WatchContext

LAB = """
[watch]
interval = "10m"
notes = "notes/{project}.md"
baseline = { "val/loss" = 2.5, "val/acc" = 0.5 }
announce = ["30000=harder data"]
policy.soft_rounds = 4
policy.confirm_share = 0.1
policy.stale_after = "2h"

[[project]]
match = "lab/*"
mode = "auto"
interval = "20m"
baseline = { "val/loss" = 2.3 }
roles = { objective = "train_loss" }
log = "gpu1:/mnt/logs/{entity}/{project}/{run}.log"
policy.soft_rounds = 5

[[project]]
match = "lab/vision"
baseline_runs = ["lab/vision/r0"]
interval = "5m"
key_metrics = ["val/acc"]
goals = { "val/score" = "max" }
planned_steps = 90000
announce = ["60,000", "30000=harder data"]
log_command = ["/usr/bin/tail", "-n", "500", "/mnt/{run}"]
launch = "tmux:gpu1/{run}"
stop_command = "/usr/local/bin/stop {run}"
"""


@pytest.fixture
def lab(tmp_path: Path) -> Settings:
    """The settings of a lab with two tables of projects."""
    file = tmp_path / "lab.toml"
    file.write_text(LAB)
    return load_settings(file, {"HOME": str(tmp_path)}, cwd=tmp_path)


def test_without_a_file_a_run_has_the_defaults_of_the_model(tmp_path: Path) -> None:
    """There is one place for defaults of a watch: the model."""
    found = load_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path).watch_defaults(parse_wandb_run("a/b/c"))
    assert (found.context, found.policy) == (WatchContext(), Policy())


def test_every_matching_project_applies_in_the_order_of_the_file(lab: Settings, tmp_path: Path) -> None:
    """[watch] comes first, then each project that matches; what is given later wins, tables merge name by name."""
    found = lab.watch_defaults(parse_wandb_run("lab/vision/run-7"))
    assert found.context == WatchContext(
        log_path="gpu1:/mnt/logs/lab/vision/run-7.log",
        log_argv=("/usr/bin/tail", "-n", "500", "/mnt/run-7"),
        baseline={"val/loss": 2.3, "val/acc": 0.5},
        baseline_runs=(parse_wandb_run("lab/vision/r0"),),
        key_metrics=("val/acc",),
        roles={"objective": Role.TRAIN_LOSS},
        goals={"val/score": Goal.MAXIMIZE},
        launch="tmux:gpu1/run-7",
        stop_command="/usr/local/bin/stop {run}",
        notes_path=str(tmp_path / "notes/vision.md"),
        mode=Mode.AUTO,
        interval=300.0,
        planned_steps=90000.0,
        announced=(Announcement(30_000.0, "harder data"), Announcement(60_000.0)),
    )
    assert found.policy == Policy(soft_rounds=5, confirm_share=0.1, stale_after=7200.0)


def test_other_projects_keep_the_common_defaults(lab: Settings) -> None:
    """A pattern applies to whole names only, and upper and lower case differ."""
    for name in ("other/vision/r", "lab2/vision/r", "LAB/vision/r"):
        found = lab.watch_defaults(parse_wandb_run(name))
        assert (found.context.interval, found.context.mode, found.policy.soft_rounds) == (600.0, Mode.ASK, 4)


def test_runs_that_are_files_match_no_project(lab: Settings, tmp_path: Path) -> None:
    """A log or an offline run has no project: it gets [watch], and a placeholder stays as it was written."""
    found = lab.watch_defaults(RunRef(RunKind.WANDB_OFFLINE, "/lab/vision/offline-run"))
    assert found.context.interval == 600.0
    assert found.context.notes_path == str(tmp_path / "notes/{project}.md")


def test_the_file_knows_every_gate() -> None:
    """A new figure of the policy needs a key in the file."""
    assert [field.name for field in fields(PolicyTable)] == [field.name for field in fields(Policy)]
