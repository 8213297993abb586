"""Whole watches against a stand-in for the W&B server: what a person would read in the morning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainwatch_core.testing.desk import TRAINWATCH, Desk, falling
from trainwatch_core.testing.wandb_runs import FakeRun
from trainwatch_core.testing.wandb_server import FakeWandb, Fault

_FAST = "[watch.policy]\nsuspicious_interval = '1s'\n[stop]\nauto_grace = '0s'\ngrace = '5s'\n[wandb]\ntimeout = '2s'\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A place of its own."""
    place = Desk(tmp_path)
    yield place
    place.clear()


@pytest.fixture
def wandb() -> Iterator[FakeWandb]:
    """A stand-in for the W&B server."""
    with FakeWandb() as server:
        yield server


def log(run: FakeRun, losses: list[str]) -> None:
    """Let the run log some losses, one a second, the last one just now."""
    first = len(run.rows)
    begun = time.time() - len(losses)
    for n, loss in enumerate(losses):
        value: object = loss if loss in {"NaN", "Infinity"} else float(loss)
        run.rows.append({"_step": first + n, "_timestamp": begun + n, "train/loss": value, "eval/loss": value})
    run.heartbeat_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def decisions(text: str) -> list[tuple[str, str]]:
    """Source and decision of each report."""
    return re.findall(r"^- Data source: (\S+).*?^- Decision: (\w+)$", text, flags=re.MULTILINE | re.DOTALL)


def test_an_outage_of_wandb_is_bridged_by_the_log_and_ends_by_itself(desk: Desk, wandb: FakeWandb) -> None:
    """F-W01 F-W02 B6: wandb_ok, then log_fallback, then (log gone too) unreachable, then wandb_ok again; never STOP."""
    run = wandb.add("lab/vision/r1", display_name="resnet50-lr3e4")
    log(run, falling())
    path = desk.log(falling())
    (desk.folder / "trainwatch.toml").write_text(_FAST)
    environ = {**desk.environ, **wandb.environment()}
    out = desk.folder / "out"
    argv = [*TRAINWATCH, "watch", "lab/vision/r1", "--log", str(path), "--every", "1s"]

    def until(*expected: tuple[str, str]) -> None:
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            seen = decisions(out.read_text())
            if all(pair in seen for pair in expected):
                return
            time.sleep(0.1)
        raise AssertionError(out.read_text()[-3000:])

    with (
        out.open("wb") as file,
        subprocess.Popen(
            argv, cwd=desk.folder, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            until(("wandb_ok", "CONTINUE"))
            wandb.fault = Fault.HTML
            until(("log_fallback", "CONTINUE"))
            path.rename(desk.folder / "moved.log")
            until(("unreachable", "WAIT"))
            wandb.fault = Fault.NONE
            before = len(decisions(out.read_text()))
            log(run, falling()[-20:])
            limit = time.monotonic() + 120
            while ("wandb_ok", "CONTINUE") not in decisions(out.read_text())[before:] and time.monotonic() < limit:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(90)
    seen = decisions(out.read_text())
    assert ("wandb_ok", "CONTINUE") in seen[before:]
    assert "STOP" not in {decision for _, decision in seen}
    text = out.read_text()
    assert "resnet50-lr3e4 (lab/vision/r1)" in text
    assert all(key not in text for key in wandb.keys if key)


def test_a_run_that_goes_bad_on_the_server_is_stopped_and_proven(desk: Desk, wandb: FakeWandb) -> None:
    """NaN as W&B sends it, as a string; the tracker says running to the end."""
    run = wandb.add("lab/vision/r1")
    log(run, falling())
    log(run, ["NaN"] * 30)
    job = desk.training()
    (desk.folder / "trainwatch.toml").write_text(_FAST)
    argv = [*TRAINWATCH, "watch", "lab/vision/r1", "--every", "1s", "--mode", "auto", "--launch", f"pid:{job.pid}"]
    with subprocess.Popen(
        argv,
        cwd=desk.folder,
        env={**desk.environ, **wandb.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        limit = time.monotonic() + 150
        while process.poll() is None and time.monotonic() < limit:
            log(run, ["NaN"] * 3)
            time.sleep(0.3)  # the pace of the training
        assert process.stdout is not None
        text = process.stdout.read()
    assert process.returncode == 0, text[-3000:]
    assert "Stopped" in text
    assert job.poll() is not None


@pytest.mark.parametrize(("state", "word"), [("finished", "finished"), ("failed", "failed")])
def test_a_run_that_ended_before_it_is_watched_is_told_and_over(
    desk: Desk, wandb: FakeWandb, state: str, word: str
) -> None:
    """D5: one report, one FINAL_SUMMARY, exit code 0."""
    run = wandb.add("lab/vision/r1", state=state)
    log(run, falling())
    done = subprocess.run(
        [*TRAINWATCH, "watch", "lab/vision/r1"],
        cwd=desk.folder,
        env={**desk.environ, **wandb.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"r1: {word}" in done.stdout
    assert "Next check: ending" in done.stdout


_TRAINER = """
import sys, time, wandb
run = wandb.init(entity="lab", project="vision", id="real1", name="by-the-sdk", config={"max_steps": 400})
for step in range(60):
    run.log({"train/loss": 2.0 / (1 + step / 20), "lr": 3e-4})
run.finish()
"""


def test_what_the_real_sdk_logged_is_what_check_reads(desk: Desk, wandb: FakeWandb) -> None:
    """The real wandb SDK writes over the network to the stand-in; one look reads it back."""
    environ = {**os.environ, **wandb.environment(), "WANDB_MODE": "online", "WANDB_DIR": str(desk.folder)}
    subprocess.run(
        [sys.executable, "-c", _TRAINER], env=environ, cwd=desk.folder, check=True, timeout=150, capture_output=True
    )
    done = subprocess.run(
        [*TRAINWATCH, "check", "lab/vision/real1"],
        cwd=desk.folder,
        env={**desk.environ, **wandb.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Data source: wandb_ok" in done.stdout, done.stdout + done.stderr
    assert "by-the-sdk (lab/vision/real1)" in done.stdout
    assert "step 59 of 400" in done.stdout
    assert done.returncode == 0
