"""The demo, as a stranger meets it: a real training with the real wandb SDK goes wrong and is stopped."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from trainwatch_core.testing.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A place of its own."""
    place = Desk(tmp_path)
    yield place
    place.clear()


def trainings(folder: Path) -> list[int]:
    """Processes that still belong to the demo of a folder; zombies are gone."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(folder / "demo") in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.info["pid"])
    return found


def nothing_left(folder: Path) -> bool:
    """Whether every process of the demo is gone, given a moment: wandb's helper ends by itself after the training."""
    limit = time.monotonic() + 60
    while trainings(folder) and time.monotonic() < limit:
        time.sleep(0.1)
    return not trainings(folder)


def test_without_a_person_it_ends_by_itself_with_everything_shown(desk: Desk) -> None:
    """CONTINUE at least twice, suspicion, STOP, the proof, FINAL_SUMMARY, evidence, exit code 0, no process left."""
    done = desk.run("demo", "--terminal", "--auto", "--dir", "demo")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    decisions = re.findall(r"^- Decision: (\w+)$", done.stdout, flags=re.MULTILINE)
    assert decisions.count("CONTINUE") >= 2, decisions
    assert decisions[-1] == "STOP"
    assert "WAIT" in decisions
    assert decisions == sorted(decisions, key=("CONTINUE", "WAIT", "STOP").index)
    assert "wandb_ok (offline)" in done.stdout
    assert "stopped, proven gone" in done.stdout
    folder = desk.folder / "demo"
    (evidence,) = (folder / "evidence").iterdir()
    assert (evidence / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "proven gone" in (folder / "NOTES.md").read_text()
    assert len(list((folder / "pictures").rglob("*.png"))) == len(decisions)
    assert nothing_left(desk.folder)


def test_a_person_says_yes(desk: Desk) -> None:
    """`Stop it? [y/N]` waits for the answer while rounds go on."""
    terminal = desk.terminal("demo", "--terminal", "--dir", "demo")
    terminal.expect_exact("Stop it? [y/N]", timeout=200)
    assert trainings(desk.folder)
    terminal.sendline("yes")
    terminal.expect_exact("FINAL_SUMMARY")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    assert nothing_left(desk.folder)


@pytest.mark.parametrize("moment", [0.05, 0.4, 0.9, 1.6, 2.5])
def test_ctrl_c_at_any_moment_leaves_no_process(desk: Desk, moment: float) -> None:
    """A stranger who changes their mind finds nothing running afterwards."""
    terminal = desk.terminal("demo", "--terminal", "--dir", "demo")
    time.sleep(moment)  # the moment is what varies, nothing is waited for
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    # Before its first line runs, the interpreter itself answers Ctrl-C, with 1.
    assert terminal.exitstatus in {1, 130} or terminal.signalstatus == signal.SIGINT
    assert nothing_left(desk.folder)


def test_a_demo_that_is_told_to_end_takes_its_training_along(desk: Desk) -> None:
    """SIGTERM, as from a closing session."""
    terminal = desk.terminal("demo", "--terminal", "--dir", "demo")
    terminal.expect_exact("Training Check")
    terminal.kill(signal.SIGTERM)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 143
    assert nothing_left(desk.folder)
