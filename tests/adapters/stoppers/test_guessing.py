"""How a run seems to have been launched: by what the real SDK notes, and by who holds its file open."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.facts import machine, slurm_job, writers_of
from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.stoppers.writers import writer_of
from trainwatch_core.model.run import RunInfo, RunKind, RunRef
from trainwatch_core.ports import Source
from trainwatch_core.registry import guessed_launch
from trainwatch_core.report.missing import missing_lines
from trainwatch_core.testing.store_samples import sample_watch
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb
from trainwatch_core.testing.worlds import FakeWorld

RUN = RunRef(RunKind.WANDB, "e/p/guess123")
TRAINING = """
import sys, wandb
run = wandb.init(project="p", entity="e", id="guess123", dir=sys.argv[1])
run.log({"loss": 1.0})
print("logged", flush=True)
sys.stdin.readline()
run.finish()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[FakeWandb]:
    """A stand-in for W&B."""
    with FakeWandb() as fake:
        yield fake


@pytest.fixture(scope="module")
def training(server: FakeWandb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A training with the real SDK in what looks like the third task of an array of Slurm."""
    folder = tmp_path_factory.mktemp("training")
    slurm = {"SLURM_JOB_ID": "48213", "SLURM_ARRAY_JOB_ID": "48200", "SLURM_ARRAY_TASK_ID": "3"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "SLURM"))}
    environ = {**kept, **server.environment(), **slurm, "HOME": str(folder)}
    argv = [sys.executable, "-c", TRAINING, str(folder)]
    job = subprocess.Popen(argv, env=environ, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    assert job.stdout.readline() == "logged\n"
    yield job
    job.communicate("\n", timeout=120)


def test_the_process_that_writes_a_run_is_the_training_and_not_its_helper(training: subprocess.Popen[str]) -> None:
    """wandb-core holds the file; who began it is meant."""
    assert writer_of("guess123") == training.pid
    assert writer_of("guess12") is None
    assert writer_of("../guess123") is None
    here = RunInfo(host=socket.gethostname())
    assert guessed_launch(RUN, here) == f"pid:{training.pid}"
    assert guessed_launch(RUN, RunInfo(host="gpu-a07")) == "", "it runs elsewhere"
    assert guessed_launch(RunRef(RunKind.LOG, "/x/guess123"), here) == ""


def test_what_the_sdk_noted_of_slurm_is_read_from_server_and_file(
    server: FakeWandb, training: subprocess.Popen[str]
) -> None:
    """Both name the task of the array, and the machine."""
    endpoint = Endpoint(server.url, server.url, API_KEY)
    (file,) = Path(str(training.args[-1])).glob("wandb/run-*/run-guess123.wandb")  # type: ignore[index]  # as given above

    def told(source: Source) -> RunInfo:
        limit = time.monotonic() + 90
        while not (info := source.fetch(None, deadline=60.0).info).slurm_job and time.monotonic() < limit:
            time.sleep(0.05)  # the SDK notes it a little later
        return info

    of_server = told(WandbServerSource(RUN, endpoint=lambda: endpoint))
    of_file = told(WandbOfflineSource(str(file)))
    for info in (of_server, of_file):
        assert (info.host, info.slurm_job) == (socket.gethostname(), "48200_3")
        assert guessed_launch(RUN, info) == "slurm:48200_3"


@pytest.mark.parametrize(
    ("slurm", "job"),
    [
        ({"job_id": "48213"}, "48213"),
        ({"job_id": "48213", "array_job_id": "48200", "array_task_id": "3"}, "48200_3"),
        ({"job_id": "1; rm -rf /"}, ""),
        ({"job_id": "0"}, ""),
        ({"job_id": 7}, "7"),
        ({}, ""),
        ("48213", ""),
        (None, ""),
    ],
)
def test_only_ids_of_jobs_are_read(slurm: object, job: str) -> None:
    """The config is whatever somebody uploaded."""
    assert slurm_job(slurm) == job


def test_of_several_machines_the_last_one_counts() -> None:
    """A job that was requeued."""
    config = {
        "_wandb": {
            "e": {"a": {"host": "old", "startedAt": "2026-01-01"}, "b": {"host": "new", "startedAt": "2026-01-02"}}
        }
    }
    assert [writer["host"] for writer in writers_of(config)] == ["new", "old"]
    assert writers_of({"_wandb": {"e": [1]}}) == []
    assert machine("gpu-a07.lab") == "gpu-a07.lab"
    assert machine("<!channel>") == ""


def proc(folder: Path, pid: int, *, comm: str, parent: int, file: str) -> None:
    """A process as Linux shows it."""
    of = folder / str(pid)
    (of / "fd").mkdir(parents=True)
    (of / "fd" / "3").symlink_to(file)
    (of / "comm").write_text(f"{comm}\n")
    (of / "status").write_text(f"Name:\t{comm}\nPPid:\t{parent}\n")


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (None, 41),
        ({"comm": "wandb-core", "parent": 41}, 41),
        ({"comm": "wandb-core", "parent": 77}, None),  # two trainings write one run: nobody can say
        ({"comm": "wandb-core", "parent": 1}, None),  # the training has left it alone
        ({"comm": "python", "parent": 5}, None),
    ],
)
def test_a_guess_is_one_or_none(tmp_path: Path, second: dict[str, object] | None, found: int | None) -> None:
    """Several are no guess."""
    proc(tmp_path, 42, comm="wandb-core", parent=41, file="/x/wandb/run-1-abc/run-abc.wandb")
    proc(tmp_path, 43, comm="python", parent=1, file="/x/other")
    if second is not None:
        proc(tmp_path, 44, file="/y/run-abc.wandb", **second)  # type: ignore[arg-type]  # as given
    assert writer_of("abc", tmp_path) == found


def test_it_is_told_with_what_to_say_and_never_acted_upon() -> None:
    """P2: trainwatch proposes, and asks."""
    world = FakeWorld()
    world.guess = lambda _watch, info: f"slurm:{info.slurm_job or 48213}"
    world.start()
    watch = world.watch(launch="")
    world.rounds(1)
    said = str(world.notifier.said)
    assert "It seems to be slurm:48213; if that is right, tell me: launch slurm:48213" in said
    assert world.now(watch).context.launch == ""
    told = FakeWorld()
    told.guess = lambda _watch, _info: "slurm:48213"
    told.start()
    told.watch()
    told.rounds(1)
    assert "It seems" not in str(told.notifier.said)


def test_without_a_guess_it_says_what_follows() -> None:
    """As before."""
    view = FakeWorld()
    view.watch(launch="")
    view.rounds(1)
    watch = sample_watch()
    assert any("I can only tell you" in line for line in missing_lines(watch, view.views[0]))
