"""Offline runs, written by the real SDK."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wandb.proto import wandb_internal_pb2

from trainwatch_core.adapters.sources.wandb.framing import BLOCK, START, read_frames
from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource
from trainwatch_core.adapters.sources.wandb.records import item_number
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunState
from trainwatch_core.model.series import Rows
from trainwatch_core.testing.cursors import stored

Samples = dict[str, list[tuple[float, float, float]]]


def samples(rows: Mapping[str, Rows]) -> Samples:
    """Rows as plain tuples that compare equal, NaN by its name."""
    return {
        name: [(s, -1e308 if math.isnan(v) else v, t) for s, v, t in zip(r.steps, r.values, r.times, strict=True)]
        for name, r in rows.items()
    }


def added(one: Samples, other: Samples) -> Samples:
    return {name: one.get(name, []) + other.get(name, []) for name in {**one, **other}}


def run_file(offline: Path) -> Path:
    return next(offline.glob("offline-run-*/run-*.wandb"))


def test_a_real_run_is_read_as_it_was_logged(offline: Path) -> None:
    """Every number of every row comes with its step and time, NaN and infinities included, nothing else does."""
    batch = WandbOfflineSource(str(offline)).fetch(None, deadline=30)
    assert set(batch.rows) == {"train/loss", "val/loss", "nested.a", "huge", "late"}
    loss, val = batch.rows["train/loss"], batch.rows["val/loss"]
    assert loss.steps.tolist() == list(range(300))
    assert loss.values[7] == math.inf
    assert loss.values[299] == 1 / 300
    assert val.steps.tolist() == list(range(0, 300, 5))
    assert math.isnan(val.values[2])
    assert np.count_nonzero(np.isnan(val.values)) == 1
    assert batch.rows["huge"].values.tolist() == [-math.inf]
    assert batch.rows["late"].steps.tolist() == [350]
    assert np.all(np.diff(loss.times) >= 0)
    assert loss.times[0] > 1.7e9


def test_a_run_tells_about_itself(offline: Path) -> None:
    """Name, state, times, settings and planned length come from the run's own records."""
    batch = WandbOfflineSource(str(offline)).fetch(None, deadline=30)
    info = batch.info
    assert (info.name, info.state, info.last_step, info.planned_steps) == ("my <run>", RunState.FINISHED, 350, 400)
    assert dict(info.config) | {"big": ""} == {"big": "", "lr": "0.001", "max_steps": "400", "model.layers": "2"}
    assert len(info.config["big"]) == 200
    assert info.started_at is not None
    assert info.heartbeat_at == run_file(offline).stat().st_mtime
    assert batch.inspected == (str(run_file(offline).resolve()),)


def test_a_training_that_fails_ends_failed(train: Callable[..., Path]) -> None:
    """The exit code that the SDK saw is the run's state."""
    folder = train(3, exit_code=1, WANDB_MODE="offline", WANDB_X_HISTORY_VALUE_ENCODING="json,typed")
    batch = WandbOfflineSource(str(folder / "wandb")).fetch(None, deadline=30)
    assert batch.info.state is RunState.FAILED
    assert batch.rows["train/loss"].values.tolist() == [1, 1 / 2, 1 / 3]
    assert set(batch.rows) == {"train/loss", "val/loss", "nested.a", "late"}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("number", math.inf, math.inf),
        ("integer", 3, 3.0),
        ("boolean", True, None),
        ("text", "NaN", math.nan),
        ("text", "x", None),
        ("json", "-1e999", -math.inf),
        ("json", "{}", None),
        ("none", 0, None),
    ],
)
def test_values_in_typed_form_are_read(field: str, value: Any, expected: float | None) -> None:
    """F-W05: the form of values that SDKs begin to write beside the JSON text means the same."""
    found = item_number(wandb_internal_pb2.HistoryItem(key="x", **{field: value}))  # type: ignore[attr-defined]
    assert str(found) == str(expected)


def test_an_independent_reader_sees_the_same_records(offline: Path) -> None:
    """W&B's own inspector and this reader agree, record for record and value for value."""
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(run_file(offline))]
    lines = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.splitlines()
    theirs: Samples = {}
    for line in lines:
        item = json.loads(line).get("history", {}).get("item", {})
        for name, value in item.items():
            if name in {"train/loss", "val/loss", "nested.a", "huge", "late"}:
                known = -1e308 if value == "NaN" else float(value)
                theirs.setdefault(name, []).append((float(item["_step"]), known, float(item["_timestamp"])))
    assert samples(WandbOfflineSource(str(offline)).fetch(None, deadline=30).rows) == theirs
    with run_file(offline).open("rb") as file:
        assert sum(1 for _ in read_frames(file.fileno(), START)) == len(lines)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_sample_is_lost_or_doubled_however_the_file_grows(
    offline: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """A file that is seen at any lengths, torn anywhere, gives in sum what it gives at once."""
    whole = run_file(offline).read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    target = tmp_path / "run-x.wandb"
    target.write_bytes(b"")
    seen: Samples = {}
    cursor = None
    for cut in [*cuts, len(whole)]:
        target.write_bytes(whole[:cut])
        batch = WandbOfflineSource(str(target)).fetch(cursor, deadline=30)
        assert not batch.restarted
        seen, cursor = added(seen, samples(batch.rows)), stored(batch)
    assert seen == samples(WandbOfflineSource(str(run_file(offline))).fetch(None, deadline=30).rows)
    assert batch.info.state is RunState.FINISHED


def test_a_growing_run_is_read_while_the_sdk_writes_it(tmp_path: Path) -> None:
    """Rows arrive round by round from a live training, each once, and it is running until it says that it ended."""
    script = """
import sys, wandb
run = wandb.init(project="p", entity="e", dir=sys.argv[1], mode="offline")
print(run.settings.sync_file, flush=True)
for burst in range(4):
    for step in range(400):
        run.log({"loss": float(burst * 400 + step)})
    print("burst", flush=True)
    sys.stdin.readline()
run.finish()
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**kept, "HOME": str(tmp_path), "WANDB_SILENT": "true"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as training:
        assert training.stdin
        assert training.stdout
        source = WandbOfflineSource(training.stdout.readline().strip())
        steps: list[float] = []
        cursor = None
        for _ in range(4):
            training.stdout.readline()
            until, before = time.monotonic() + 120, len(steps)
            while len(steps) == before and time.monotonic() < until:  # each burst fills more than a block
                batch = source.fetch(cursor, deadline=30)
                cursor = stored(batch)
                assert batch.info.state in {RunState.RUNNING, RunState.PENDING}
                steps += batch.rows["loss"].steps.tolist() if "loss" in batch.rows else []
            assert len(steps) > before
            training.stdin.write("\n")
            training.stdin.flush()
        training.wait(timeout=120)
    until = time.monotonic() + 120
    while batch.info.state is not RunState.FINISHED and time.monotonic() < until:  # the SDK's own process outlives it
        batch = source.fetch(cursor, deadline=30)
        cursor = stored(batch)
        steps += batch.rows["loss"].steps.tolist() if "loss" in batch.rows else []
    assert steps == list(range(1600))
    assert batch.info.state is RunState.FINISHED


@pytest.mark.parametrize("place", [100, 16_000])
def test_a_damaged_block_is_passed_over_and_said(offline: Path, tmp_path: Path, place: int) -> None:
    """A flipped bit costs the rows of its block, not the rest of the file, and the report says so every time."""
    whole = bytearray(run_file(offline).read_bytes())
    whole[5 * BLOCK + place] ^= 1
    target = tmp_path / "run-x.wandb"
    target.write_bytes(whole)
    source = WandbOfflineSource(str(target))
    batch = source.fetch(None, deadline=30)
    steps = batch.rows["train/loss"].steps
    assert 200 < len(steps) < 300
    assert steps[-1] == 299
    assert any("damaged" in note for note in batch.notes)
    again = source.fetch(stored(batch), deadline=30)
    assert not again.rows
    assert again.notes == batch.notes


def test_a_wrong_checksum_at_the_end_waits(offline: Path, tmp_path: Path) -> None:
    """What is wrong in the last, unfinished block may still be in the writing: nothing of it is taken, nothing lost."""
    whole = run_file(offline).read_bytes()
    target = tmp_path / "run-x.wandb"
    torn = bytearray(whole[: len(whole) - len(whole) % BLOCK + 200])
    torn[-1] ^= 1
    target.write_bytes(torn)
    source = WandbOfflineSource(str(target))
    first = source.fetch(None, deadline=30)
    target.write_bytes(whole)
    second = source.fetch(stored(first), deadline=30)
    sound = WandbOfflineSource(str(run_file(offline))).fetch(None, deadline=30)
    assert added(samples(first.rows), samples(second.rows)) == samples(sound.rows)
    assert not second.notes


@pytest.mark.parametrize("change", ["truncated", "replaced", "other run, longer"])
def test_another_file_in_its_place_begins_anew(
    offline: Path, train: Callable[..., Path], tmp_path: Path, change: str
) -> None:
    """A file that was cut or replaced is read from its beginning, and what was known of it is declared void."""
    target = tmp_path / "run-x.wandb"
    whole = run_file(offline).read_bytes()
    target.write_bytes(whole)
    source = WandbOfflineSource(str(target))
    first = source.fetch(None, deadline=30)
    if change == "truncated":
        target.write_bytes(whole[: len(whole) // 2])
    else:
        rows = 400 if "longer" in change else 5
        other = run_file(train(rows, WANDB_MODE="offline") / "wandb").read_bytes()
        with target.open("r+b") as file:  # the same inode
            file.truncate(0)
            file.write(other)
    second = source.fetch(stored(first), deadline=30)
    assert second.restarted
    assert second.rows["train/loss"].steps[0] == 0


def test_a_copy_of_the_file_goes_on_where_the_last_one_ended(offline: Path, tmp_path: Path) -> None:
    """A directory that rsync brings again and again, always as a new inode, is one run."""
    whole = run_file(offline).read_bytes()
    target = tmp_path / "run-x.wandb"
    target.write_bytes(whole[: len(whole) // 2])
    source = WandbOfflineSource(str(target))
    first = source.fetch(None, deadline=30)
    shutil.copy(run_file(offline), tmp_path / "new")
    (tmp_path / "new").replace(target)
    second = source.fetch(stored(first), deadline=30)
    assert not second.restarted
    assert second.rows["train/loss"].steps[0] == first.rows["train/loss"].steps[-1] + 1


def test_the_latest_run_is_kept_to(offline: Path, tmp_path: Path) -> None:
    """`wandb/latest-run` names one run at the start; when it moves on, the watch stays with its run."""
    folder = tmp_path / "wandb"
    shutil.copytree(offline, folder, symlinks=True)
    source = WandbOfflineSource(str(folder / "latest-run"))
    first = source.fetch(None, deadline=30)
    (folder / "latest-run").unlink()
    (folder / "offline-run-2").mkdir()
    (folder / "latest-run").symlink_to("offline-run-2")
    second = source.fetch(stored(first), deadline=30)
    assert not second.restarted
    assert second.info.name == "my <run>"


def test_a_long_file_is_read_in_parts(offline: Path) -> None:
    """A fetch has a bound; the rest comes with the next ones, and the report says so."""
    source = WandbOfflineSource(str(offline), max_samples=100)
    seen: Samples = {}
    cursor, notes = None, 0
    for _ in range(20):
        batch = source.fetch(cursor, deadline=30)
        assert sum(map(len, batch.rows.values())) < 110
        seen, cursor = added(seen, samples(batch.rows)), stored(batch)
        notes += any("the rest follows" in note for note in batch.notes)
    assert notes >= 5
    assert seen == samples(WandbOfflineSource(str(offline)).fetch(None, deadline=30).rows)


def test_a_deadline_ends_the_reading(offline: Path) -> None:
    """With no time left a fetch takes one record and stops."""
    batch = WandbOfflineSource(str(offline)).fetch(None, deadline=0)
    assert not batch.rows
    assert any("the rest follows" in note for note in batch.notes)


def test_a_file_without_its_header_is_pending(tmp_path: Path) -> None:
    """A run that has just been created is no error."""
    (tmp_path / "run-x.wandb").write_bytes(b":W")
    batch = WandbOfflineSource(str(tmp_path)).fetch(None, deadline=60)
    assert batch.info.state is RunState.PENDING
    assert not batch.rows


def test_what_is_no_run_is_unavailable(tmp_path: Path) -> None:
    """Wrong files and places are said in words, whatever they are; a FIFO holds nobody."""
    (tmp_path / "text").write_text("loss=1\n" * 100)
    (tmp_path / "newer").write_bytes(b":W&B\xe1\xbe\x07" + bytes(100))
    (tmp_path / "two").mkdir()
    for name in "ab":
        (tmp_path / "two" / f"run-{name}.wandb").touch()
    os.mkfifo(tmp_path / "fifo")
    expected = {
        "text": "not a W&B run file",
        "newer": "version 7",
        "two": "2 run files",
        ".": "no run-",
        "none": "No such file",
        "fifo": "regular",
    }
    for name, said in expected.items():
        with pytest.raises(SourceUnavailableError, match=said):
            WandbOfflineSource(str(tmp_path / name)).fetch(None, deadline=60)


def test_a_strange_cursor_starts_from_the_beginning(offline: Path) -> None:
    """A cursor of another version of the program is no reason to fail."""
    batch = WandbOfflineSource(str(offline)).fetch({"offset": "many"}, deadline=30)
    assert len(batch.rows["train/loss"]) == 300


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.tuples(st.integers(7, 200_000), st.binary(min_size=1, max_size=40)), max_size=6))
def test_no_damage_whatever_is_an_error(offline: Path, tmp_path: Path, noise: list[tuple[int, bytes]]) -> None:
    """Any bytes behind the header are read to the end, and no value comes out that was not logged."""
    whole = bytearray(run_file(offline).read_bytes())
    for place, some in noise:
        whole[place : place + len(some)] = some
    target = tmp_path / "run-x.wandb"
    target.write_bytes(whole)
    batch = WandbOfflineSource(str(target)).fetch(None, deadline=30)
    logged = samples(WandbOfflineSource(str(offline)).fetch(None, deadline=30).rows)
    assert all(set(some) <= set(logged[name]) for name, some in samples(batch.rows).items())


def framed(records: list[bytes]) -> bytes:
    """A sound file of records, each in one chunk."""
    whole = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        room = BLOCK - len(whole) % BLOCK
        if room < 7 + len(record):
            whole += bytes(room)
        whole += struct.pack("<IHB", zlib.crc32(record, zlib.crc32(b"\x01")), len(record), 1) + record
    return bytes(whole)


def history_of(step: int, name: str, value: str, nested: list[str]) -> bytes:
    """A record of one value, as the SDK writes it."""
    step_item = wandb_internal_pb2.HistoryItem(key="_step", value_json=str(step))  # type: ignore[attr-defined]
    item = wandb_internal_pb2.HistoryItem(key=name, nested_key=nested, value_json=value)  # type: ignore[attr-defined]
    history = wandb_internal_pb2.HistoryRecord(item=[step_item, item])  # type: ignore[attr-defined]
    record: bytes = wandb_internal_pb2.Record(history=history).SerializeToString()  # type: ignore[attr-defined]
    return record


records = st.one_of(
    st.binary(max_size=300),
    st.builds(
        history_of,
        st.integers(-(10**30), 10**30),
        st.text(max_size=8),
        st.one_of(st.text(max_size=12), st.sampled_from(["NaN", "1e999", "[" * 5000, "1" * 5000, '"Infinity"', "{}"])),
        st.lists(st.text(max_size=3), max_size=3),
    ),
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some=st.lists(records, max_size=20), cut=st.floats(0, 1))
def test_records_of_any_content_in_sound_frames_are_read(tmp_path: Path, some: list[bytes], cut: float) -> None:
    """Fuzzing behind the checksums: whatever a record says, two looks give what one gives, and never an error."""
    whole = framed(some)
    target = tmp_path / "run-x.wandb"
    source = WandbOfflineSource(str(target))
    target.write_bytes(whole[: int(cut * len(whole))])
    first = source.fetch(None, deadline=30)
    target.write_bytes(whole)
    second = source.fetch(stored(first) or None, deadline=30)
    at_once = source.fetch(None, deadline=30)
    in_two = added(samples(first.rows), samples(second.rows))
    assert str(sorted(in_two.items())) == str(sorted(samples(at_once.rows).items()))
    assert all(np.isfinite(rows.steps).all() for rows in at_once.rows.values())
