"""A tag and a note on a run: added to what people wrote, once, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.noting import put_note
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import parse_wandb_run
from trainwatch_core.testing.wandb_runs import FakeRun
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb, Fault

TAG, TEXT = "trainwatch-stopped", "## Stopped\n\n- Loss is NaN."
READ = """
import wandb
run = wandb.Api().run("lab/vision/r1")
print(run.tags, repr(run.notes))
"""


@pytest.fixture
def server() -> Iterator[FakeWandb]:
    """A stand-in with one run that people have written on."""
    with FakeWandb() as fake:
        fake.add("lab/vision/r1", tags=["baseline"], notes="Mine.", config='{"lr": {"value": 1}}')
        yield fake


def put(server: FakeWandb, run: str = "lab/vision/r1") -> FakeRun:
    """Put it there; returns the run as it is then."""
    put_note(Endpoint(server.url, server.url, API_KEY), parse_wandb_run(run), TAG, TEXT, seconds=60.0)
    return server.runs["lab", "vision", "r1"]


def test_it_is_added_to_what_people_wrote_once(server: FakeWandb) -> None:
    """A reply that was lost, and the second try."""
    for _ in range(2):
        run = put(server)
    assert run.tags == ["baseline", TAG]
    assert run.notes == f"Mine.\n\n{TEXT}"
    assert run.config == '{"lr": {"value": 1}}'
    written = [body for body in server.requests if "mutation" in str(body["query"])]
    assert len(written) == 1
    variables = written[0]["variables"]
    assert isinstance(variables, dict)
    assert set(variables) == {"id", "tags", "notes"}, "nothing else of the run is sent"


def test_a_part_that_is_missing_is_added(server: FakeWandb) -> None:
    """Somebody removed the tag."""
    run = put(server)
    run.tags.remove(TAG)
    assert put(server).tags == ["baseline", TAG]
    assert str(run.notes).count(TEXT) == 1


def test_the_sdk_reads_it_as_its_own(server: FakeWandb, tmp_path: Path) -> None:
    """The real SDK, asking the same server."""
    put(server)
    environ = {**os.environ, **server.environment(), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", READ], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert TAG in done.stdout
    assert "Loss is NaN." in done.stdout


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.NULL, Fault.GARBAGE, Fault.BAD_GATEWAY, Fault.NO_PROJECT])
def test_what_does_not_arrive_is_said(server: FakeWandb, fault: Fault) -> None:
    """It is tried again later, by whoever asked."""
    server.fault = fault
    with pytest.raises(SourceUnavailableError):
        put(server)
    server.fault = Fault.NONE
    server.faulty_after = (1, fault)  # the read succeeds, the write does not
    with pytest.raises(SourceUnavailableError):
        put(server)


def test_a_run_that_is_not_there_is_said(server: FakeWandb) -> None:
    """Somebody deleted it."""
    with pytest.raises(SourceUnavailableError, match="no such run"):
        put(server, "lab/vision/r2")
