"""How a run seems to have been launched, where nobody told. A guess is told to a person, and never acted upon."""

from __future__ import annotations

import socket

from trainwatch_core.adapters.stoppers.writers import writer_of
from trainwatch_core.model.run import RunInfo, RunKind, RunRef


def guessed_launch(run: RunRef, info: RunInfo) -> str:
    """`slurm:48213` where the run's metadata name a job, `pid:4211` where a process of this machine writes the run.

    Args:
        run: Which run.
        info: What its tracker tells.
    """
    if info.slurm_job:
        return f"slurm:{info.slurm_job}"
    if run.kind is RunKind.LOG or info.host not in {"", socket.gethostname()}:
        return ""
    pid = writer_of(run.short.partition(".")[0].rpartition("-")[2])
    return f"pid:{pid}" if pid is not None else ""
