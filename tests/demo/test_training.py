"""The demo's training is a real one that really goes wrong, and leaves nothing behind."""

from __future__ import annotations

import math
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

DEADLINE = 120.0


@dataclass(frozen=True, slots=True)
class Training:
    """A training that runs in a process group of its own, with its output in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self.log.read_text().splitlines()

    def wait_until(self, found: Callable[[list[str]], bool]) -> list[str]:
        """The lines as soon as they are as wanted; fails if the process ends or takes too long before."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            ended = self.process.poll() is not None
            if found(lines := self.lines()):
                return lines
            assert not ended, lines[-5:]
            time.sleep(0.05)
        pytest.fail("the training took too long")

    def family(self) -> list[psutil.Process]:
        """The process and everything it started; wandb's own service is one of them."""
        leader = psutil.Process(self.process.pid)
        return [leader, *leader.children(recursive=True)]


Start = Callable[..., Training]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts trainings and kills what is left of them afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def start_training(*arguments: str) -> Training:
        log = tmp_path / "train.log"
        argv = [sys.executable, "-m", "trainwatch_core.demo.training", "--dir", str(tmp_path / "run"), *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append(process)
        return Training(process, log)

    yield start_training
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(DEADLINE)


def runs(process: psutil.Process) -> bool:
    """Whether a process is there and does anything: what nobody has reaped yet is only a name."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def figures(lines: list[str], name: str) -> list[tuple[int, float]]:
    """Step and value of a metric of the log lines."""
    found = [dict(word.split("=", 1) for word in line.split()) for line in lines if line.startswith("step=")]
    return [(int(row["step"]), float(row[name])) for row in found if name in row]


def test_the_loss_falls_then_rises_then_is_nan(start: Start) -> None:
    """The network learns well until the wrong learning rate blows it up, and the script goes on without noticing."""
    training = start("--seconds", "120", "--break-at", "0.005", "--steps-per-second", "180")
    # A line for each five steps: more than 200 of them after the first NaN.
    training.wait_until(lambda lines: sum(" loss=nan" in line for line in lines) > 200 / 5 + 1)
    training.process.kill()
    training.process.wait(DEADLINE)
    loss = dict(figures(training.lines(), "loss"))
    rate = dict(figures(training.lines(), "lr"))
    accuracy = dict(figures(training.lines(), "eval_accuracy"))
    assert statistics.median(loss[step] for step in (200, 205, 210)) < 0.25 * loss[0]
    assert accuracy[200] > 0.8
    best = min(loss, key=lambda step: loss[step] if math.isfinite(loss[step]) else math.inf)
    first_nan = next(step for step, value in loss.items() if math.isnan(value))
    assert 200 < best < best + 60 < first_nan < 600
    assert all(math.isnan(value) for step, value in loss.items() if step >= first_nan)
    assert max(loss) - first_nan > 200
    assert all(later > earlier for earlier, later in pairwise(rate[step] for step in range(110, first_nan, 5)))


def test_the_run_can_be_read_while_it_is_written(start: Start) -> None:
    """The place of the run is printed early, and rows reach its file within seconds, not when it ends."""
    training = start("--seconds", "60", "--steps-per-second", "20")
    lines = training.wait_until(lambda lines: len(lines) > 1)
    [directory] = re.findall(r"^run directory: (.*)$", lines[0])
    file = next(Path(directory).glob("run-*.wandb"))
    assert file.read_bytes().startswith(b":W&B")
    before = file.stat().st_size
    training.wait_until(lambda _lines: file.stat().st_size > max(before, 7))
    assert file.stat().st_size < 32 * 1024  # a buffer that was handed on before it was full
    assert b"train/grad_norm" in file.read_bytes()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_its_group_ends_everything(start: Start, sent: signal.Signals) -> None:
    """It dies as an ordinary script does, and wandb's service, which has a group of its own, goes with it."""
    training = start("--seconds", "60")
    training.wait_until(lambda lines: any(line.startswith("step=") for line in lines))
    family = training.family()
    assert len(family) > 1
    os.killpg(training.process.pid, sent)
    assert training.process.wait(DEADLINE) == -sent
    until = time.monotonic() + DEADLINE
    while (alive := [process for process in family if runs(process)]) and time.monotonic() < until:
        time.sleep(0.02)
    assert alive == []


def test_a_forgotten_training_ends_by_itself(start: Start) -> None:
    """When its seconds are over it ends, also on a machine that was too busy to give it all its steps."""
    training = start("--seconds", "4", "--steps-per-second", "100")
    training.wait_until(lambda lines: any(line.startswith("step=") for line in lines))
    os.kill(training.process.pid, signal.SIGSTOP)
    time.sleep(4.0)  # its own seconds: not a guess how long something takes
    os.kill(training.process.pid, signal.SIGCONT)
    assert training.process.wait(DEADLINE) == 0
    assert "training 400 steps, pid" in training.lines()[1]
    assert max(step for step, _ in figures(training.lines(), "loss")) < 380


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--break-at", "2"], ["--seconds", "nan"], []])
def test_wrong_arguments_are_refused(wrong: list[str], tmp_path: Path) -> None:
    """A figure out of its limits, or no directory, is answered with how to call it."""
    argv = [sys.executable, "-m", "trainwatch_core.demo.training", *wrong]
    directory = ["--dir", str(tmp_path)] if wrong else []
    ended = subprocess.run([*argv, *directory], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ended.returncode == 2
    assert "usage: " in ended.stderr


def test_importing_the_script_does_not_import_wandb() -> None:
    """Reading the module costs nothing of the SDK."""
    code = "import sys, trainwatch_core.demo.training; print('wandb' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert shown.stdout.strip() == "False"
