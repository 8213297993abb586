"""Runs on a server: what is read, how often it is asked, and what happens to a run's past."""

from __future__ import annotations

import base64
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trainwatch_core.adapters.sources.wandb.following import Reach
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch
from trainwatch_core.model.run import RunState, parse_wandb_run
from trainwatch_core.model.series import MAX_SERIES
from trainwatch_core.testing.cursors import stored
from trainwatch_core.testing.wandb_runs import FakeRun, Row
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb


def rows(first: int, end: int, *, at: float = 1e9, **further: float) -> list[Row]:
    """A row for each step."""
    return [{"_step": n, "_timestamp": at + n, "loss": 1 / (n + 1), **further} for n in range(first, end)]


def steps(batch: Batch, name: str = "loss") -> list[float]:
    return batch.rows[name].steps.tolist() if name in batch.rows else []


@pytest.fixture
def run(fake: FakeWandb) -> FakeRun:
    """The run that is watched."""
    return fake.add("e/p/r")


def test_a_run_is_read_with_its_times(fake: FakeWandb, run: FakeRun, watched: WandbServerSource) -> None:
    """Name, address, state, heartbeat, settings and every value with its step and time."""
    run.display_name, run.heartbeat_at = "<b>", "2024-05-01T12:00:00"
    run.config = json.dumps({"max_steps": {"value": 500}, "_wandb": {"value": {}}, "lr": {"value": 0.1, "desc": None}})
    run.rows.extend(rows(0, 100))
    batch = watched.fetch(None, deadline=60)
    loss = batch.rows["loss"]
    assert loss.steps.tolist() == list(range(100))
    assert loss.values.tolist() == [1 / (n + 1) for n in range(100)]
    assert loss.times.tolist() == [1e9 + n for n in range(100)]
    info = batch.info
    assert (info.name, info.state, info.heartbeat_at) == ("<b>", RunState.RUNNING, 1714564800)
    assert (info.last_step, info.planned_steps, dict(info.config)) == (99, 500, {"max_steps": "500", "lr": "0.1"})
    assert info.url == f"{fake.url}/e/p/runs/r"
    assert batch.inspected == (info.url,)
    assert not batch.notes


def test_a_round_is_one_request(fake: FakeWandb, run: FakeRun, watched: WandbServerSource) -> None:
    """The first look asks twice, because the names are not known yet; every later one once."""
    run.rows.extend(rows(0, 100, acc=0.5))
    batch = watched.fetch(None, deadline=60)
    assert len(fake.requests) == 2
    for n in range(100, 150, 10):
        run.rows.extend(rows(n, n + 10, acc=0.5))
        batch = watched.fetch(stored(batch), deadline=60)
        assert steps(batch) == steps(batch, "acc") == list(range(n, n + 10))
    assert len(fake.requests) == 7
    assert not watched.fetch(stored(batch), deadline=60).rows


def test_no_sample_is_lost_or_doubled_however_the_run_grows(run: FakeRun, watched: WandbServerSource) -> None:
    """Metrics logged at different steps, in bursts of any length, come complete and once."""
    chance = random.Random(1)
    seen: dict[str, list[float]] = {}
    logged: dict[str, list[float]] = {}
    step, cursor = 0, None
    for _ in range(25):
        for _ in range(chance.randrange(60)):
            step += chance.choice([1, 1, 1, 1000])
            row = {name: float(step) for name in ("loss", "val_loss", "lr") if chance.random() < 0.6}
            run.rows.append({"_step": step, "_timestamp": 1e9 + step, **row})
            for name, value in row.items():
                logged.setdefault(name, []).append(value)
        batch = watched.fetch(cursor, deadline=60)
        cursor = stored(batch)
        for name, new in batch.rows.items():
            seen.setdefault(name, []).extend(new.values.tolist())
    assert seen == logged


def test_a_metric_that_appears_later_is_read_in_the_same_round(
    fake: FakeWandb, run: FakeRun, watched: WandbServerSource
) -> None:
    """The first evaluation does not wait for the next look."""
    run.rows.extend(rows(0, 10))
    first = watched.fetch(None, deadline=60)
    run.rows.extend(rows(10, 20, val_loss=2.0))
    batch = watched.fetch(stored(first), deadline=60)
    assert steps(batch, "val_loss") == list(range(10, 20))
    assert len(fake.requests) == 4


def test_a_long_run_comes_as_a_sample_and_a_tail(run: FakeRun, watched: WandbServerSource) -> None:
    """Of 60,000 rows the newest thousand are complete, older ones are drawn, and the report says below which step."""
    run.rows.extend({"_step": 7 * n, "_timestamp": 1e9 + n, "loss": 1.0} for n in range(60_000))
    batch = watched.fetch(None, deadline=20)
    got = steps(batch)
    assert 2800 < len(got) <= 3000
    assert got[-1000:] == [7.0 * n for n in range(59_000, 60_000)]
    assert any("below 413" in note for note in batch.notes)
    again = watched.fetch(stored(batch), deadline=60)
    assert not again.rows
    assert again.notes == batch.notes


def test_after_a_long_silence_the_tail_has_no_gaps(run: FakeRun, fake: FakeWandb) -> None:
    """More new rows than one answer holds: a sample of them, and the newest complete."""
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    source = WandbServerSource(parse_wandb_run("e/p/r"), endpoint=lambda: endpoint, reach=Reach(200, 100, 1000))
    run.rows.extend(rows(0, 100))
    first = source.fetch(None, deadline=60)
    run.rows.extend(rows(100, 5000))
    batch = source.fetch(stored(first), deadline=60)
    got = steps(batch)
    assert got == sorted(set(got))
    assert got[0] >= 100
    assert got[-100:] == list(range(4900, 5000))
    assert any("below 4900" in note for note in batch.notes)


@pytest.mark.parametrize("regrown", [60, 80, 100, 130])
def test_a_rewound_run_gives_only_what_was_logged_anew(run: FakeRun, watched: WandbServerSource, regrown: int) -> None:
    """F-W06: after a rewind to step 50 new rows come from there on, whether or not the run has passed the old end."""
    run.rows.extend(rows(0, 100))
    first = watched.fetch(None, deadline=60)
    del run.rows[50:]
    run.rows.extend(rows(50, regrown, at=2e9))
    second = watched.fetch(stored(first), deadline=60)
    assert steps(second) == list(range(50, regrown))
    run.rows.extend(rows(regrown, regrown + 5, at=2e9))
    third = watched.fetch(stored(second), deadline=60)
    assert steps(third) == list(range(regrown, regrown + 5))


def test_a_rewind_without_new_rows_gives_nothing(run: FakeRun, watched: WandbServerSource) -> None:
    """F-W06: what was taken back is not delivered a second time."""
    run.rows.extend(rows(0, 100))
    first = watched.fetch(None, deadline=60)
    del run.rows[50:]
    second = watched.fetch(stored(first), deadline=60)
    assert not second.rows
    run.rows.extend(rows(50, 52, at=2e9))
    assert steps(watched.fetch(stored(second), deadline=60)) == [50, 51]


def test_a_run_made_anew_under_its_id_begins_anew(run: FakeRun, watched: WandbServerSource) -> None:
    """A deleted run whose id is used again is another run."""
    run.rows.extend(rows(0, 100))
    first = watched.fetch(None, deadline=60)
    run.created_at = "2030-01-01T00:00:00"
    run.rows[:] = rows(0, 200)
    second = watched.fetch(stored(first), deadline=60)
    assert second.restarted
    assert steps(second) == list(range(200))


def test_rows_without_times_are_read_too(run: FakeRun, watched: WandbServerSource) -> None:
    """A run that was imported has no times; asking for them would lose its rows, also from the middle on."""
    run.rows.extend(rows(0, 10))
    first = watched.fetch(None, deadline=60)
    run.rows.extend({"_step": n, "loss": 1.0} for n in range(10, 20))
    second = watched.fetch(stored(first), deadline=60)
    assert steps(second) == list(range(10, 20))
    assert all(map(math.isnan, second.rows["loss"].times))
    run.rows.extend({"_step": n, "loss": 1.0} for n in range(20, 25))
    assert steps(watched.fetch(stored(second), deadline=60)) == list(range(20, 25))


def test_non_finite_values_and_what_is_no_number(run: FakeRun, watched: WandbServerSource) -> None:
    """F-W05: NaN and infinities arrive as such, also of a loss that never was a number; text is skipped."""
    run.rows.extend(
        [
            {
                "_step": 0,
                "_timestamp": 1e9,
                "loss": math.nan,
                "val_loss": "NaN",
                "a": {"b": 1},
                "s": "text",
                "o": 10**400,
            },
            {"_step": 1, "_timestamp": 1e9, "loss": math.inf, "val_loss": "NaN", "a": {"b": None}, "flag": True},
            {"_step": 2, "_timestamp": 1e9, "loss": -math.inf, "h": {"_type": "histogram", "bins": [1]}},
        ]
    )
    batch = watched.fetch(None, deadline=60)
    assert str(batch.rows["loss"].values.tolist()) == "[nan, inf, -inf]"
    assert str(batch.rows["val_loss"].values.tolist()) == "[nan, nan]"
    assert batch.rows["a.b"].values.tolist() == [1]
    assert batch.rows["o"].values.tolist() == [math.inf]
    assert set(batch.rows) == {"loss", "val_loss", "a.b", "o"}


def test_of_many_metrics_the_ones_with_a_role_are_read(run: FakeRun, watched: WandbServerSource) -> None:
    """F-W08: a run of 2,000 metrics costs what one of 32 costs, and the report names what is left out."""
    many = {f"layer{n}/norm": 1.0 for n in range(2000)}
    run.rows.extend({"_step": n, "_timestamp": 1e9, "train/loss": 1.0, "system/cpu": 1.0, **many} for n in range(3))
    batch = watched.fetch(None, deadline=20)
    assert "train/loss" in batch.rows
    assert len(batch.rows) <= MAX_SERIES
    assert "and 1974 more" in batch.notes[0]
    assert not any("system" in note for note in batch.notes)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("running", RunState.RUNNING),
        ("crashed", RunState.CRASHED),
        ("killed", RunState.KILLED),
        ("preempting", RunState.RUNNING),
        ("pending", RunState.PENDING),
        ("levitating", None),
    ],
)
def test_the_state_is_the_trackers_word(
    run: FakeRun, watched: WandbServerSource, said: str, meant: RunState | None
) -> None:
    """A word that nobody knows is an unknown state, not an error."""
    run.state = said
    assert watched.fetch(None, deadline=60).info.state is meant


def test_a_run_before_its_first_row(run: FakeRun, watched: WandbServerSource) -> None:
    """A run that has logged nothing yet is read, and goes on with its first row."""
    first = watched.fetch(None, deadline=60)
    assert not first.rows
    run.rows.extend(rows(0, 3))
    second = watched.fetch(stored(first), deadline=60)
    assert steps(second) == [0, 1, 2]
    assert not second.restarted


def test_a_stop_that_somebody_asked_for_is_said(run: FakeRun, watched: WandbServerSource) -> None:
    """The report tells that W&B was asked to stop the run."""
    run.stopped = True
    assert watched.fetch(None, deadline=60).notes == ("W&B has been asked to stop this run",)


def test_a_plan_on_the_trainers_axis_is_scaled(run: FakeRun, watched: WandbServerSource) -> None:
    """A trainer that logs every tenth step plans ten times as many steps as the axis has."""
    run.config = json.dumps({"max_steps": {"value": 1000}})
    run.rows.extend(rows(0, 11))
    run.summary = {"train/global_step": 100}
    assert watched.fetch(None, deadline=60).info.planned_steps == 100


def test_a_strange_cursor_begins_anew(run: FakeRun, watched: WandbServerSource) -> None:
    """A cursor of another version of the program is no reason to fail."""
    run.rows.extend(rows(0, 3))
    batch = watched.fetch({"series": 3}, deadline=60)
    assert batch.restarted
    assert steps(batch) == [0, 1, 2]


@pytest.mark.parametrize("path", ["e/p/other", "e/elsewhere/r"])
def test_a_run_that_nobody_sees_is_unavailable(fake: FakeWandb, run: FakeRun, path: str) -> None:
    """F-W09: not found, private and deleted look the same from outside, and the error says what to look at."""
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    source = WandbServerSource(parse_wandb_run(path), endpoint=lambda: endpoint)
    with pytest.raises(SourceUnavailableError, match="shows no such") as caught:
        source.fetch(None, deadline=60)
    assert caught.value.where == path
    assert "may this key see it" in str(caught.value)
    assert run.name == "r"


def test_the_key_is_sent_and_never_shown(fake: FakeWandb, run: FakeRun, watched: WandbServerSource) -> None:
    """F-I06: the key goes to the server, and into no cursor, note, address, error or repr."""
    run.rows.extend(rows(0, 3))
    batch = watched.fetch(None, deadline=60)
    assert base64.b64decode(fake.keys[0].removeprefix("Basic ")).decode() == f"api:{API_KEY}"
    fake.status = 403
    with pytest.raises(SourceUnavailableError) as caught:
        watched.fetch(None, deadline=60)
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    everything = f"{batch!r}{caught.value!r}{caught.value}{caught.value.__cause__!r}{endpoint!r}"
    assert API_KEY not in everything
    assert fake.keys[0].removeprefix("Basic ") not in everything


@pytest.fixture
def wandb_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Callable[..., None]]:
    """Sets the environment in which wandb looks for its settings."""
    from wandb.sdk import wandb_setup  # noqa: PLC0415  # its cached settings must go before and after

    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "NETRC", "WANDB_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wandb_setup, "_singleton", None)

    def set_environment(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    yield set_environment
    wandb_setup.teardown()


def test_server_and_key_come_from_the_environment(
    fake: FakeWandb, run: FakeRun, wandb_home: Callable[..., None]
) -> None:
    """Whoever can log with wandb can watch without a further word."""
    wandb_home(WANDB_BASE_URL=fake.url, WANDB_API_KEY=API_KEY)
    run.rows.extend(rows(0, 3))
    assert steps(WandbServerSource(parse_wandb_run("e/p/r")).fetch(None, deadline=60)) == [0, 1, 2]
    assert base64.b64decode(fake.keys[0].removeprefix("Basic ")).decode() == f"api:{API_KEY}"


def test_the_key_comes_from_netrc(
    fake: FakeWandb, run: FakeRun, wandb_home: Callable[..., None], tmp_path: Any
) -> None:
    """What `wandb login` wrote is used."""
    key = "f" * 40
    (tmp_path / ".netrc").write_text(f"machine {fake.url.removeprefix('http://')}\n  login user\n  password {key}\n")
    (tmp_path / ".netrc").chmod(0o600)
    wandb_home(WANDB_BASE_URL=fake.url)
    WandbServerSource(parse_wandb_run("e/p/r")).fetch(None, deadline=60)
    assert base64.b64decode(fake.keys[0].removeprefix("Basic ")).decode() == f"api:{key}"
    assert run.name == "r"


def test_a_public_run_needs_no_key(fake: FakeWandb, run: FakeRun, wandb_home: Callable[..., None]) -> None:
    """Without a key the server is asked without one; nobody is prompted."""
    wandb_home(WANDB_BASE_URL=fake.url)
    run.rows.extend(rows(0, 3))
    assert steps(WandbServerSource(parse_wandb_run("e/p/r")).fetch(None, deadline=60)) == [0, 1, 2]
    assert fake.keys[0] == ""


@pytest.mark.parametrize(
    "variables",
    [
        {"WANDB_API_KEY": "hunter2"},
        {"WANDB_BASE_URL": "https://wandb.ai", "WANDB_API_KEY": API_KEY},
        {"WANDB_BASE_URL": "no address", "WANDB_API_KEY": API_KEY},
        {"WANDB_IDENTITY_TOKEN_FILE": "/token"},
        {"WANDB_BASE_URL": "htp://me:hunter2@host", "WANDB_SILENT": "true"},
    ],
    ids=",".join,
)
def test_wrong_settings_are_said_without_their_values(
    wandb_home: Callable[..., None], variables: dict[str, str]
) -> None:
    """F-I06: what wandb refuses of its own settings makes the source unavailable; no key is quoted."""
    wandb_home(**variables)
    with pytest.raises(SourceUnavailableError) as caught:
        WandbServerSource(parse_wandb_run("e/p/r")).fetch(None, deadline=60)
    assert caught.value.todo
    assert "hunter2" not in str(caught.value)
    assert API_KEY not in str(caught.value)
