"""Leaving, being told to end, and dying: what was begun is finished or said, and nothing is said that is not so."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pexpect
import pytest

from trainwatch_core.bootstrap import build
from trainwatch_core.cli.managing import _wait_for
from trainwatch_core.cli.place import CHANNEL, local_actor
from trainwatch_core.config import load_settings
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Policy, Watch, WatchContext
from trainwatch_core.testing.desk import TRAINWATCH, Desk, falling
from trainwatch_core.testing.fakes import ListNotifier
from trainwatch_core.testing.worlds import ANA, FakeWorld

_STUBBORN = "trap 'echo told >> told' TERM; echo ready; while :; do sleep 1; done"


@contextlib.contextmanager
def engine(desk: Desk) -> Iterator[Engine]:
    """The engine of a process that tells nobody anything."""
    settings = load_settings(None, desk.environ, cwd=desk.folder)
    with build(settings, ListNotifier(), environ={}) as made:
        yield made


def register(made: Engine, desk: Desk, pid: int) -> Watch:
    """A watch of the terminal, with notes."""
    context = WatchContext(launch=f"pid:{pid}", notes_path=str(desk.folder / "n.md"))
    run = RunRef(RunKind.LOG, str(desk.log(falling())))
    return made.watches.register(Registration(run, local_actor(), CHANNEL, context, Policy()))


def stubborn(desk: Desk) -> subprocess.Popen[bytes]:
    """A training that notes that it was told to end, and goes on."""
    argv = ["/bin/sh", "-c", _STUBBORN]
    job = subprocess.Popen(argv, cwd=desk.folder, stdout=subprocess.PIPE, start_new_session=True)
    desk.jobs.append(job)
    assert job.stdout is not None
    with job.stdout:
        assert job.stdout.readline() == b"ready\n"
    return job


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    limit = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_ctrl_c_before_a_stop_by_hand_stops_nothing_and_after_it_began_it_is_finished(desk: Desk) -> None:
    """F-T01 F-D06: half a ladder would leave nobody knowing what became of the run."""
    (desk.folder / "trainwatch.toml").write_text("[stop]\ngrace = '2s'\n")
    job = stubborn(desk)
    with engine(desk) as made:
        watch = register(made, desk, job.pid)
    before = desk.terminal("stop", watch.id)
    before.expect_exact("Stop it?")
    # A Ctrl-C between the prompt and the read that waits for an answer is heard at the next key only: pressed again.
    for _ in range(10):
        before.sendintr()
        if before.expect_exact(["Left. Nothing was stopped.", pexpect.TIMEOUT], timeout=10) == 0:
            break
    else:
        pytest.fail(f"Ctrl-C was not heard: {before.before}")
    before.expect(pexpect.EOF)
    before.wait()
    assert (before.exitstatus, job.poll()) == (130, None)
    terminal = desk.terminal("stop", watch.id, "--yes")
    until((desk.folder / "told").exists)
    terminal.sendintr()
    terminal.expect_exact("I finish it first")
    terminal.kill(signal.SIGTERM)
    terminal.expect_exact("I finish it first")
    terminal.expect_exact("Stopped")
    terminal.expect(pexpect.EOF)
    assert "Nothing was stopped" not in terminal.before
    terminal.wait()
    assert terminal.exitstatus == 0
    assert job.wait(60) == -signal.SIGKILL
    with engine(desk) as made:
        assert [request.state for request in made.world.store.requests()] == [RequestState.STOPPED]


def test_who_leaves_a_stop_that_another_process_has_is_not_kept_waiting() -> None:
    """The other process carries it out to its end: only this terminal is left."""
    world = FakeWorld()
    watch = world.watch()
    request = world.engine.watches.stop_by_hand(watch.id, ANA)
    assert _wait_for(world.engine.world, request, patient=False) is None
    waited = _wait_for(world.engine.world, request, patient=True)
    assert waited is not None
    assert waited.state is RequestState.APPROVED
    world.engine.carrying.carry_out(request.id)
    done = _wait_for(world.engine.world, request, patient=False)
    assert done is not None
    assert done.state is RequestState.STOPPED


def test_last_words_that_died_with_their_process_are_said_by_the_next(desk: Desk) -> None:
    """F-T01: killed right after the last commit, or its terminal gone: outcome, FINAL_SUMMARY and note come later."""
    job = desk.training()
    with engine(desk) as made:
        watch = register(made, desk, job.pid)
        made.check_once(watch)
        made.carrying.carry_out(made.watches.stop_by_hand(watch.id, local_actor()).id)
        # A terminal that hung up had tried to say the first of it.
        (head,) = made.world.store.waiting(made.world.clock.now())
        later = made.world.clock.now() + timedelta(seconds=300)
        made.world.store.delivered(replace(head, attempts=5, next_try_at=later, problem="gone"))
    job.wait(60)
    said = desk.run("watch")
    assert said.returncode == 0, said.stderr
    assert f"Last words of watch {watch.id}" in said.stdout
    assert "FINAL_SUMMARY" in said.stdout
    assert "proven gone" in (desk.folder / "n.md").read_text()
    again = desk.run("watch", watch.id)
    assert again.returncode == 0, again.stderr
    assert "has ended (stop confirmed)" in again.stdout
    assert "FINAL_SUMMARY" not in again.stdout


def test_a_stream_that_is_not_utf8_loses_no_message(desk: Desk) -> None:
    """F-L05: what it cannot show is written in letters that it can."""
    log = desk.log(falling(), "größe.log")
    done = subprocess.run(
        [*TRAINWATCH, "check", str(log)],
        cwd=desk.folder,
        env={**desk.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Decision: CONTINUE" in done.stdout
    assert rb"gr\xf6\xdfe.log" in done.stdout


def test_automatic_mode_needs_neither_terminal_nor_input(desk: Desk) -> None:
    """A watch in a batch job, where nobody can ever type: the stop is proven, the exit code is 0."""
    job = desk.training()
    log = desk.log([*falling(), *["nan"] * 40])
    (desk.folder / "trainwatch.toml").write_text(
        "[watch.policy]\nhard_rounds = 1\n[stop]\ngrace = '5s'\nauto_grace = '1s'\n"
    )
    words = [*TRAINWATCH, "watch", str(log), "--launch", f"pid:{job.pid}", "--mode", "auto"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *words],
        cwd=desk.folder,
        env=desk.environ,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FINAL_SUMMARY" in done.stdout
    assert job.wait(60) == -signal.SIGTERM


def test_a_hangup_that_whoever_started_us_ignores_stays_ignored(desk: Desk) -> None:
    """`nohup trainwatch watch` means it."""
    code = (
        "import os, signal\n"
        "from trainwatch_core.cli.signals import deferred, terminable\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with terminable(), deferred('wait'):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "with terminable():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=desk.folder, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
