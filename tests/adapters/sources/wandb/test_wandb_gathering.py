"""How much is asked for in how many requests, and what happens when time or the server's age sets a limit."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from trainwatch_core.adapters.sources.wandb import gathering
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunState, parse_wandb_run
from trainwatch_core.testing.cursors import stored
from trainwatch_core.testing.wandb_long import LongRows
from trainwatch_core.testing.wandb_runs import FakeRun, Row
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb, Fault


def rows(first: int, end: int, stride: int = 1, **further: float) -> list[Row]:
    """A row for each step."""
    return [{"_step": n * stride, "_timestamp": 1e9 + n, "loss": 1 / (n + 1), **further} for n in range(first, end)]


def source_of(fake: FakeWandb, path: str = "e/p/r", **options: Any) -> WandbServerSource:
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    return WandbServerSource(parse_wandb_run(path), endpoint=lambda: endpoint, **options)


@pytest.fixture
def run(fake: FakeWandb) -> FakeRun:
    """The run that is watched."""
    return fake.add("e/p/r")


@pytest.mark.parametrize("stride", [1, 10, 1000])
def test_a_night_of_rows_is_read_without_a_gap(fake: FakeWandb, run: FakeRun, stride: int) -> None:
    """B5: 9,000 new rows are more than one answer holds; every one comes, the only NaN too, in a few requests."""
    run.rows.extend(rows(0, 100, stride))
    source = source_of(fake)
    first = source.fetch(None, deadline=20)
    run.rows.extend(rows(100, 9100, stride))
    run.rows[4321] = {**run.rows[4321], "loss": math.nan}
    before = len(fake.requests)
    batch = source.fetch(stored(first), deadline=60)
    assert batch.rows["loss"].steps.tolist() == [n * stride for n in range(100, 9100)]
    assert math.isnan(batch.rows["loss"].values[4221])
    assert not batch.notes
    assert len(fake.requests) - before == 2


def test_a_run_of_a_million_steps_is_attached_by_an_overview_and_a_tail(fake: FakeWandb, run: FakeRun) -> None:
    """B5: first attach costs a few requests, whatever the length; the report says what is a sample."""
    run.rows = LongRows({f"m{n}/loss": lambda step: 1 / (step + 1) for n in range(20)}, 1_000_000)
    batch = source_of(fake).fetch(None, deadline=60)
    assert len(fake.requests) <= 3
    for new in batch.rows.values():
        assert new.steps[-1000:].tolist() == list(range(999_000, 1_000_000))
        assert new.steps[0] < 10_000
        assert len(new) <= 3000
    assert batch.notes == ("Of the steps below 999000 at most 2000 rows of each metric were read",)


def test_many_metrics_go_into_batches_by_their_value(
    fake: FakeWandb, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-W08: the loss comes with the first batch, whatever its place in the alphabet."""
    monkeypatch.setattr(gathering, "ROWS_AT_ONCE", 500)
    run.rows.extend(rows(0, 100, aaa=1.0, bbb=1.0, val_loss=2.0, grad_norm=1.0, lr=0.1, epoch=1.0, zzz=1.0))
    batch = source_of(fake).fetch(None, deadline=20)
    asked = [[json.loads(spec)["keys"][-1] for spec in _specs(request)] for request in fake.requests]
    assert [len(some) for some in asked] == [0, 4, 4]
    assert asked[1] == ["loss", "val_loss", "grad_norm", "lr"]
    assert {name: len(new) for name, new in batch.rows.items()} == dict.fromkeys([*asked[1], *asked[2]], 100)


def _specs(request: dict[str, object]) -> list[str]:
    variables = request["variables"]
    return list(variables.get("specs") or []) if isinstance(variables, dict) else []


def test_what_was_not_read_in_time_is_said_and_follows(
    fake: FakeWandb, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-W08: a server that dies half way through costs the rest of this round, not what had come, and nothing twice."""
    monkeypatch.setattr(gathering, "ROWS_AT_ONCE", 150)
    run.rows.extend(rows(0, 100, aaa=1.0, val_loss=2.0))
    source = source_of(fake)
    fake.faulty_after = (2, Fault.HTML)
    first = source.fetch(None, deadline=5)
    assert set(first.rows) == {"loss"}
    assert first.notes == ("Not read this time: val_loss, aaa; the next round does",)
    fake.faulty_after = None
    second = source.fetch(stored(first), deadline=20)
    assert {name: len(new) for name, new in second.rows.items()} == {"val_loss": 100, "aaa": 100}


def test_a_run_that_stands_still_in_the_sdks_cache_moves_here(fake: FakeWandb, run: FakeRun) -> None:
    """F-W07: state, name and rows are those of this moment in every round."""
    source = source_of(fake)
    run.rows.extend(rows(0, 10))
    batch = source.fetch(None, deadline=10)
    run.state, run.display_name = "failed", "renamed"
    run.rows.extend(rows(10, 12))
    batch = source.fetch(stored(batch), deadline=10)
    assert (batch.info.state, batch.info.name) == (RunState.FAILED, "renamed")
    assert batch.rows["loss"].steps.tolist() == [10, 11]


def test_a_metric_that_the_person_named_is_read_whatever_there_is_beside_it(fake: FakeWandb, run: FakeRun) -> None:
    """B5: among 300 losses the key metric without a telling name has its place."""
    run.rows.extend(
        {"_step": n, "_timestamp": 1e9, "zeta": 1.0, **{f"loss_{k}": 1.0 for k in range(300)}} for n in range(3)
    )
    assert "zeta" not in source_of(fake).fetch(None, deadline=20).rows
    assert "zeta" in source_of(fake, named=("zeta",)).fetch(None, deadline=20).rows


@pytest.mark.parametrize(("path", "allowed"), [("e/p/r", True), ("lab/p/r", True), ("stranger/p/r", False)])
def test_the_bots_key_opens_only_what_is_its_users_or_their_teams(fake: FakeWandb, path: str, allowed: bool) -> None:  # noqa: FBT001  # a table
    """F-W09: whoever asks in chat uses the key of the bot, so it is not lent for runs of strangers."""
    fake.add(path).rows.extend(rows(0, 3))
    source = source_of(fake, path, only_own=True)
    if allowed:
        assert len(source.fetch(None, deadline=10).rows["loss"]) == 3
    else:
        with pytest.raises(SourceUnavailableError, match="not watched here"):
            source.fetch(None, deadline=10)
    assert len(source_of(fake, path).fetch(None, deadline=10).rows["loss"]) == 3


@pytest.mark.parametrize("unknown", [{"stopped"}, {"sampledHistory", "stopped"}])
def test_an_older_server_is_read_by_wandbs_own_reader(fake: FakeWandb, run: FakeRun, unknown: set[str]) -> None:
    """B1: a self-hosted server that does not know a field of the query gives the same rows, and the report says how."""
    run.rows.extend(rows(0, 300, val_loss=math.nan))
    run.display_name, run.config = "old", json.dumps({"max_steps": {"value": 900}})
    fake.unknown = unknown
    source = source_of(fake)
    batch = source.fetch(None, deadline=60)
    assert any("read by wandb.Api" in note for note in batch.notes)
    assert batch.rows["loss"].steps.tolist() == [row["_step"] for row in run.rows]
    assert batch.rows["loss"].values[-1] == 1 / 300
    assert all(map(math.isnan, batch.rows["val_loss"].values))
    assert (batch.info.name, batch.info.state, batch.info.planned_steps) == ("old", RunState.RUNNING, 900)
    run.rows.extend(rows(300, 310))
    again = source.fetch(stored(batch), deadline=60)
    assert again.rows["loss"].steps.tolist() == list(range(300, 310))
    fake.unknown = set()
    run.rows.extend(rows(310, 320))
    updated = source.fetch(stored(again), deadline=20)
    assert updated.rows["loss"].steps.tolist() == list(range(310, 320))
    assert not updated.notes


def kill_the_core() -> None:
    """Kill the process that the SDK starts, if it is there."""
    for process in psutil.Process(os.getpid()).children(recursive=True):
        if "wandb-core" in " ".join(process.cmdline()):
            process.kill()


def children() -> set[int]:
    """All processes that this one started, and theirs."""
    return {process.pid for process in psutil.Process(os.getpid()).children(recursive=True)}


@pytest.fixture
def no_process_left() -> Iterator[None]:
    """Whether all that was started is gone within a while."""
    before = children()
    yield
    until = time.monotonic() + 30
    while children() - before and time.monotonic() < until:
        time.sleep(0.05)
    assert not children() - before


@pytest.mark.usefixtures("no_process_left")
@pytest.mark.parametrize("fault", [(1, Fault.HANG), (13, Fault.BAD_GATEWAY)])
def test_wandbs_own_reader_is_killed_at_the_deadline(fake: FakeWandb, run: FakeRun, fault: tuple[int, Fault]) -> None:
    """F-W08: it would try again for days; at the deadline it and the process that it starts are gone."""
    run.rows.extend(rows(0, 10))
    fake.unknown = {"stopped"}
    fake.faulty_after = fault
    begun = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"wandb\.Api") as caught:
        source_of(fake).fetch(None, deadline=6)
    assert time.monotonic() - begun < 20
    assert API_KEY not in str(caught.value)


@pytest.mark.usefixtures("no_process_left")
def test_a_reader_whose_core_is_killed_is_a_blind_look(fake: FakeWandb, run: FakeRun) -> None:
    """F-W08: the SDK's own process dies in the middle; the round is blind, the next one is not."""
    run.rows.extend(rows(0, 10))
    fake.unknown = {"stopped"}
    source = source_of(fake)
    fake.on_request = kill_the_core
    with pytest.raises(SourceUnavailableError, match=r"wandb\.Api"):
        source.fetch(None, deadline=20)
    fake.on_request = None
    assert len(source.fetch(None, deadline=60).rows["loss"]) == 10
