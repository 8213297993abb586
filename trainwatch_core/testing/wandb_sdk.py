"""Offline runs, written by the real W&B SDK in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_TRAINING = """
import json, sys, wandb
for told in json.load(sys.stdin):
    run = wandb.init(project="p", entity="e", id=told["id"], name=told["name"], config=told["config"], dir=sys.argv[1])
    for row in told["rows"]:
        run.log(row)
    run.finish(exit_code=told["exit_code"])
"""


@dataclass(frozen=True, slots=True)
class OfflineRun:
    """What a training logs.

    Attributes:
        id: Its id.
        rows: One mapping for each call of `run.log`; `_timestamp` (Unix seconds) may be among the values.
        name: The display name.
        config: Its settings.
        exit_code: 0 for a run that finished.
    """

    id: str
    rows: Sequence[Mapping[str, float]]
    name: str = ""
    config: Mapping[str, float] = field(default_factory=dict)
    exit_code: int = 0


def log_offline(folder: Path, *runs: OfflineRun) -> list[Path]:
    """Let the SDK log runs offline; their directories, in the order of the runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environ = {**kept, "HOME": str(folder), "WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", _TRAINING, str(folder)],
        input=json.dumps([asdict(run) for run in runs]),
        text=True,
        env=environ,
        cwd=folder,
        check=True,
        timeout=150,
    )
    return [next((folder / "wandb").glob(f"offline-run-*-{run.id}")) for run in runs]
