"""One job over resume, rewind, requeue and new run ids: one history, with seams, and nothing overwritten left in it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.wandb.job import Job, next_run, offset_of
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.model.run import RunState, parse_wandb_run
from trainwatch_core.model.series import History
from trainwatch_core.testing.cursors import stored
from trainwatch_core.testing.wandb_runs import FakeRun, Row
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb

CONFIG = json.dumps({"lr": {"value": 0.1}, "resume_from": {"value": None}, "_wandb": {"value": {"t": 1}}})


def moment(seconds_ago: float) -> str:
    """A time as the server writes it."""
    return datetime.fromtimestamp(time.time() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rows(first: int, end: int, *, at: float = 1e9, loss: Callable[[int], float] = lambda n: 3 / (n + 1)) -> list[Row]:
    """A row for each step."""
    return [{"_step": n, "_timestamp": at + n, "loss": loss(n)} for n in range(first, end)]


class Reader:
    """Reads a run round by round into one history, as the engine does."""

    def __init__(self, fake: FakeWandb, path: str = "e/p/r") -> None:
        endpoint = Endpoint(fake.url, fake.url, API_KEY)
        self._source = WandbServerSource(parse_wandb_run(path), endpoint=lambda: endpoint)
        self._cursor: Cursor | None = None
        self.history = History()

    def look(self) -> Batch:
        """One round."""
        batch = self._source.fetch(self._cursor, deadline=20)
        self._cursor = stored(batch)
        self.history = (History() if batch.restarted else self.history).add(batch.news)
        return batch

    def values(self, name: str = "loss") -> list[tuple[float, float]]:
        """Step and value of all samples that are kept."""
        series = self.history.series[name]
        return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))

    @property
    def seams(self) -> tuple[float, ...]:
        """Where the picture shows a line."""
        return self.history.series["loss"].seams


@pytest.fixture
def run(fake: FakeWandb) -> FakeRun:
    """The run that the watch names; it has a name of its own, a group and settings."""
    return fake.add("e/p/r", display_name="base", group="g", config=CONFIG, created_at=moment(90_000))


@pytest.fixture
def reader(fake: FakeWandb, run: FakeRun) -> Reader:
    """A watch of that run."""
    del run
    return Reader(fake)


def falls_silent(run: FakeRun, state: str = "crashed") -> None:
    """The job is preempted: no heartbeat for an hour."""
    run.state, run.heartbeat_at = state, moment(3600)


def test_a_rewind_drops_what_it_overwrites_in_every_metric(run: FakeRun, reader: Reader) -> None:
    """A7: an evaluation that was logged behind the rewind is gone, though no new one has come yet."""
    run.rows.extend(rows(0, 100))
    run.rows[95] = {**run.rows[95], "val_loss": math.nan}
    run.rows[40] = {**run.rows[40], "val_loss": 2.0}
    reader.look()
    del run.rows[60:]
    batch = reader.look()
    assert batch.rewound_to == 60
    assert any("went back to step 60" in note for note in batch.notes)
    assert reader.values("val_loss") == [(40, 2.0)]
    assert reader.values()[-1][0] == 59
    run.rows.extend(rows(60, 70, at=2e9, loss=lambda _: 7.0))
    again = reader.look()
    assert again.rewound_to is None
    assert reader.values()[59:] == [(59, 3 / 60), *((n, 7.0) for n in range(60, 70))]
    assert reader.seams == (60.0,)


def test_a_rewind_that_the_run_has_long_overtaken_is_found(run: FakeRun, reader: Reader) -> None:
    """F-W06: back to step 50 and on to step 5,000 between two looks: nothing of the old stretch is left."""
    run.rows.extend(rows(0, 100))
    reader.look()
    del run.rows[50:]
    run.rows.extend(rows(50, 5000, at=2e9, loss=lambda _: 7.0))
    assert reader.look().notes == ("Not read this time: loss; the next round does",)
    reader.look()
    assert {value for step, value in reader.values() if step >= 50} == {7.0}
    assert reader.history.series["loss"].bucket("minimum")[-1] == 7.0
    assert reader.values()[-1][0] == 4999
    assert not reader.look().rows


def test_a_run_that_was_resumed_where_it_ended_keeps_all_and_shows_the_seam(run: FakeRun, reader: Reader) -> None:
    """A7: crashed at step 49, resumed two hours later from step 50."""
    run.rows.extend(rows(0, 50))
    falls_silent(run)
    reader.look()
    run.state, run.heartbeat_at = "running", moment(0)
    run.rows.extend(rows(50, 60, at=1e9 + 7200))
    batch = reader.look()
    assert batch.seams == (50.0,)
    assert len(reader.values()) == 60
    assert not reader.look().seams


def test_a_crash_that_was_only_the_servers_guess_is_no_seam(run: FakeRun, reader: Reader) -> None:
    """F-W04: the tracker said crashed for a while, the rows never paused."""
    run.rows.extend(rows(0, 50))
    run.state = "crashed"
    reader.look()
    run.state = "running"
    run.rows.extend(rows(50, 60))
    assert not reader.look().seams


def test_a_requeued_job_goes_on_under_its_new_run_id(fake: FakeWandb, run: FakeRun, reader: Reader) -> None:
    """A7: the same name and group under another id, with its own steps from 0; a trainer's count says where it is."""
    run.rows.extend(rows(0, 100))
    run.summary = {"train/global_step": 990}
    reader.look()
    falls_silent(run)
    heir = fake.add("e/p/r2", display_name="base", group="g", created_at=moment(60))
    heir.config = CONFIG.replace("null", '"ckpt-800"')
    heir.summary = {"train/global_step": 990}
    heir.rows.extend(rows(0, 20, at=2e9, loss=lambda _: 0.5))
    batch = reader.look()
    assert batch.info.state is RunState.RUNNING
    assert batch.info.url.endswith("/r2")
    assert batch.notes[0] == "The job goes on as run r2, after r"
    assert reader.values()[79:82] == [(79, 3 / 80), (80, 0.5), (81, 0.5)]
    assert reader.values()[-1] == (99, 0.5)
    assert reader.seams == (80.0,)
    heir.rows.extend(rows(20, 30, at=2e9))
    batch = reader.look()
    assert reader.values()[-1][0] == 109
    assert batch.info.last_step == 109
    assert not batch.seams
    assert batch.rewound_to is None


def test_without_a_trainers_count_the_loss_tells_where_a_new_run_goes_on(
    fake: FakeWandb, run: FakeRun, reader: Reader
) -> None:
    """A7: a loss near the old end goes on behind it, one near the old beginning is a new start."""
    run.rows.extend(rows(0, 100))
    reader.look()
    falls_silent(run)
    on = fake.add(
        "e/p/on", display_name="base", group="g", config=CONFIG, created_at=moment(60), heartbeat_at=moment(0)
    )
    on.rows.extend(rows(0, 10, at=2e9, loss=lambda _: 0.04))
    assert reader.look().seams == (100.0,)
    assert [step for step, _ in reader.values()] == list(range(110))
    on.state, on.heartbeat_at = "killed", moment(30)
    again = fake.add("e/p/again", display_name="base", group="g", config=CONFIG, created_at=moment(20))
    again.rows.extend(rows(0, 10, at=3e9))
    batch = reader.look()
    assert batch.rewound_to == 0
    assert reader.values() == [(n, 3 / (n + 1)) for n in range(10)]


def test_the_end_of_the_old_run_comes_before_the_new_one(fake: FakeWandb, run: FakeRun, reader: Reader) -> None:
    """Rows that came between the last look and the crash are not lost, and the watch does not end."""
    run.rows.extend(rows(0, 50))
    reader.look()
    run.rows.extend(rows(50, 60))
    falls_silent(run, "failed")
    heir = fake.add("e/p/r2", display_name="base", group="g", config=CONFIG, created_at=moment(60))
    heir.rows.extend(rows(60, 70, at=2e9))
    first = reader.look()
    assert first.info.state is RunState.PENDING
    assert "it is read next" in first.notes[-1]
    reader.look()
    assert [step for step, _ in reader.values()] == list(range(70))
    assert reader.seams == (60.0,)


def test_a_new_run_that_cannot_be_read_yet_does_not_end_the_watch(
    fake: FakeWandb, run: FakeRun, reader: Reader
) -> None:
    """The first row of the new run decides where it is joined, however late it comes."""
    run.rows.extend(rows(0, 50))
    reader.look()
    falls_silent(run)
    heir = fake.add("e/p/r2", display_name="base", group="g", config=CONFIG, created_at=moment(60))
    assert not reader.look().rows
    heir.rows.extend(rows(50, 55, at=2e9))
    assert reader.look().seams == (50.0,)


def test_a_run_that_lives_asks_for_no_other(fake: FakeWandb, run: FakeRun, reader: Reader) -> None:
    """A healthy round stays one request."""
    run.rows.extend(rows(0, 50))
    reader.look()
    before = len(fake.requests)
    reader.look()
    assert len(fake.requests) == before + 1


MINE = {"name": "r", "displayName": "base", "group": "g", "config": CONFIG, "heartbeatAt": "2026-01-01T10:00:00"}


@pytest.mark.parametrize(
    ("difference", "same"),
    [
        ({}, True),
        ({"createdAt": "2026-01-01T09:00:00"}, False),  # it ran beside ours
        ({"createdAt": None}, False),
        ({"group": "other"}, False),
        ({"jobType": "eval"}, False),
        ({"displayName": "other", "config": '{"lr": {"value": 0.2}}'}, False),
        ({"displayName": "other"}, True),  # the same group and settings
        ({"config": '{"lr": {"value": 0.2}}'}, True),  # the same group and name
        ({"name": "before"}, False),
    ],
)
def test_which_runs_are_the_same_job(difference: dict[str, object], same: bool) -> None:  # noqa: FBT001  # a table
    """A7: the same group, name and settings, as far as they are given, and never beside each other."""
    other = {**MINE, "name": "r2", "createdAt": "2026-01-01T11:00:00", **difference}
    assert (next_run(MINE, [None, {}, other], known=("before", "r")) is not None) == same


def test_names_that_wandb_made_up_and_few_settings_prove_nothing() -> None:
    """Without a group, a run of other name is the same job only if it has all of several settings."""
    mine = {**MINE, "group": None, "displayName": "dry-sun-1"}
    other = {**mine, "name": "r2", "displayName": "wet-moon-2", "createdAt": "2026-01-01T11:00:00"}
    assert next_run(mine, [other], known=("r",)) is None
    many = json.dumps({name: {"value": 1} for name in ("lr", "seed", "layers")})
    assert next_run({**mine, "config": many}, [{**other, "config": many}], known=("r",)) == "r2"


def test_a_run_that_kept_its_count_of_steps_stays_where_it_is() -> None:
    """Only runs that begin again at the first steps are moved on the axis."""
    job = Job(at=1000, first_loss=3, last_loss=1)
    assert offset_of(job, 900, (950, math.nan), 1.0) == 0
    assert offset_of(job, 0, (50, math.nan), 1.1) == 1001
    assert offset_of(job, 0, (50, math.nan), 2.9) == 0
    assert offset_of(job, 0, (50, math.nan), math.nan) == 0
    assert Job.of(json.loads(json.dumps(job.plain(), allow_nan=False))).at == 1000


PART = """
import sys, wandb
run = wandb.init(project="p", entity="e", id=sys.argv[4], name="base", group="g", dir=sys.argv[1], config={"lr": 0.1})
for step in range(int(sys.argv[2])):
    run.log({"loss": float(step), "train/global_step": int(sys.argv[5]) + step})
run.finish(exit_code=int(sys.argv[3]))
"""


def test_two_trainings_of_the_real_sdk_are_one_job(fake: FakeWandb, train: Callable[..., Path]) -> None:
    """A7: what the SDK sends of group and name is enough to find the run that goes on."""
    script = PART.replace("sys.argv[4]", repr("one")).replace("sys.argv[5]", "0")
    train(50, exit_code=1, script=script, **fake.environment())
    reader = Reader(fake, "e/p/one")
    reader.look()
    script = PART.replace("sys.argv[4]", repr("two")).replace("sys.argv[5]", "30")
    train(50, script=script, **fake.environment())
    assert reader.look().info.url.endswith("/two")
    assert [step for step, _ in reader.values()] == list(range(80))
    assert reader.seams == (30.0,)
