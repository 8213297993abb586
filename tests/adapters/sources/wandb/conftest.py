"""Runs made by the real SDK, and the stand-in for its server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.run import parse_wandb_run
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb

TRAINING = """
import os, sys, wandb
config = {"max_steps": 400, "lr": 1e-3, "model": {"layers": 2}, "big": "x" * 100_000}
run = wandb.init(project="p", entity="e", id="abc12345", name="my <run>", config=config, dir=sys.argv[1])
for step in range(int(sys.argv[2])):
    row = {"train/loss": 1 / (step + 1), "flag": True, "text": "x", "nested": {"a": step}}
    if step % 5 == 0:
        row["val/loss"] = float("nan") if step == 10 else 2.0
    if step == 7:
        row["train/loss"] = float("inf")
    if step % 50 == 0:
        row["weights"] = wandb.Histogram(list(range(500)))
    if step == 11:
        row["huge"] = -10**400
    run.log(row)
run.log({"late": 1}, step=int(sys.argv[2]) + 50)
run.finish(exit_code=int(sys.argv[3]))
"""


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Trains with the real SDK, knowing nothing of this machine's W&B settings, and returns what it wrote into."""

    def run(rows: int = 300, *, exit_code: int = 0, script: str = TRAINING, **further: str) -> Path:
        folder = tmp_path_factory.mktemp("training")
        command = [sys.executable, "-c", script, str(folder), str(rows), str(exit_code)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
        environment = {**kept, "HOME": str(folder), "WANDB_SILENT": "true", **further}
        subprocess.run(command, env=environment, cwd=folder, check=True, timeout=120)
        return folder

    return run


@pytest.fixture(scope="session")
def offline(train: Callable[..., Path]) -> Path:
    """The `wandb` directory of a training of 301 rows that ran offline and finished."""
    return train(WANDB_MODE="offline") / "wandb"


@pytest.fixture
def fake() -> Iterator[FakeWandb]:
    """A server without runs."""
    with FakeWandb() as server:
        yield server


@pytest.fixture
def watched(fake: FakeWandb) -> WandbServerSource:
    """The source that reads the run `e/p/r` of that server."""
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    return WandbServerSource(parse_wandb_run("e/p/r"), endpoint=lambda: endpoint)
