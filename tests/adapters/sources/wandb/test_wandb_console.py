"""What a run printed, read from W&B when nothing else tells of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwatch_core.adapters.sources.wandb.console import MOST, USUAL, WandbConsoleSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import parse_wandb_run
from trainwatch_core.testing.cursors import stored
from trainwatch_core.testing.wandb_runs import FakeRun
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb, Fault


def source_of(fake: FakeWandb, path: str = "e/p/r", **options: Any) -> WandbConsoleSource:
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    return WandbConsoleSource(parse_wandb_run(path), endpoint=lambda: endpoint, **options)


def lines(first: int, end: int) -> list[str]:
    """What a trainer prints."""
    return [f"step {n} loss={1 / (n + 1):.6f}" for n in range(first, end)]


@pytest.fixture
def run(fake: FakeWandb) -> FakeRun:
    """The run that is watched."""
    return fake.add("e/p/r", display_name="talks")


def test_what_is_printed_is_read_once_line_by_line(fake: FakeWandb, run: FakeRun) -> None:
    """B1: metrics, steps and the last lines come from the console, each once, in one request a round."""
    run.console.extend(["Starting", *lines(0, 50)])
    source = source_of(fake)
    first = source.fetch(None, deadline=10)
    assert first.rows["loss"].steps.tolist() == list(range(50))
    assert first.tail[-1] == lines(49, 50)[0]
    assert first.inspected == (f"{fake.url}/e/p/runs/r/logs",)
    assert first.info.name == "talks"
    run.console.extend(lines(50, 60))
    second = source.fetch(stored(first), deadline=10)
    assert second.rows["loss"].steps.tolist() == list(range(50, 60))
    assert not source.fetch(stored(second), deadline=10).rows
    assert len(fake.requests) == 3


def test_more_lines_than_usual_are_asked_for_and_what_is_missing_is_said(fake: FakeWandb, run: FakeRun) -> None:
    """A night's output is read whole up to a bound; beyond it the report says how much is not."""
    run.console.extend(lines(0, 10))
    source = source_of(fake)
    first = source.fetch(None, deadline=10)
    run.console.extend(lines(10, 10 + USUAL + 500))
    second = source.fetch(stored(first), deadline=20)
    assert len(second.rows["loss"]) == USUAL + 500
    assert not second.notes
    run.console.extend(lines(USUAL + 510, USUAL + 510 + MOST + 7))
    third = source.fetch(stored(second), deadline=20)
    assert len(third.rows["loss"]) == MOST
    assert third.notes == ("7 older lines of the console were not read",)


def test_a_console_that_began_anew_is_another_one(fake: FakeWandb, run: FakeRun) -> None:
    """The run was made anew under its id: what is known of it is void."""
    run.console.extend(lines(0, 50))
    source = source_of(fake)
    first = source.fetch(None, deadline=10)
    run.console[:] = lines(0, 5)
    second = source.fetch(stored(first), deadline=10)
    assert second.restarted
    assert second.rows["loss"].steps.tolist() == list(range(5))


def test_secrets_and_tricks_in_the_output_are_inert(fake: FakeWandb, run: FakeRun) -> None:
    """F-I06 F-L05: the tail is redacted and clean, a traceback is an event."""
    run.console.extend(
        [*lines(0, 3), "token hf_" + "a" * 34, "\x1b[31mred\u202e", "CUDA out of memory. Tried to allocate 2 GiB"]
    )
    batch = source_of(fake).fetch(None, deadline=10)
    assert "hf_aaa" not in repr(batch)
    assert "\x1b" not in "".join(batch.tail)
    assert [event.kind for event in batch.events] == ["oom"]


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HTML, Fault.NULL, Fault.NO_PROJECT])
def test_a_console_that_cannot_be_read_is_unavailable(fake: FakeWandb, run: FakeRun, fault: Fault) -> None:
    """F-W01: no fault of the server is more than a blind look."""
    run.console.extend(lines(0, 3))
    fake.fault = fault
    with pytest.raises(SourceUnavailableError):
        source_of(fake).fetch(None, deadline=1)


def test_a_run_that_prints_nothing_says_so(fake: FakeWandb, run: FakeRun) -> None:
    """An empty console is no source."""
    assert run.console == []
    with pytest.raises(SourceUnavailableError, match="printed nothing"):
        source_of(fake).fetch(None, deadline=10)


def test_the_key_is_not_lent_for_a_strangers_console(fake: FakeWandb) -> None:
    """F-W09: what may not be read as metrics may not be read as text either."""
    fake.add("stranger/p/r").console.extend(lines(0, 3))
    with pytest.raises(SourceUnavailableError, match="not watched here"):
        source_of(fake, "stranger/p/r", only_own=True).fetch(None, deadline=10)
    assert source_of(fake, "stranger/p/r").fetch(None, deadline=10).rows


PRINTS = """
import sys, wandb
run = wandb.init(project="p", entity="e", id="prints", dir=sys.argv[1])
for step in range(40):
    print(f"step {step} loss={1 / (step + 1):.6f}", flush=True)
print("oops", file=sys.stderr, flush=True)
run.finish()
"""


def test_what_the_sdk_captures_of_a_real_training_is_read(fake: FakeWandb, train: Callable[..., Path]) -> None:
    """B1: the SDK streams what the script prints, and nothing else of it is logged."""
    train(script=PRINTS, **fake.environment())
    batch = source_of(fake, "e/p/prints").fetch(None, deadline=10)
    assert batch.rows["loss"].steps.tolist() == list(range(40))
    assert "oops" in batch.tail
