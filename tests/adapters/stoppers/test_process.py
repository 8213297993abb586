"""Stopping local processes for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.tokens import Tokens
from trainwatch_core.model.errors import InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.stop import JobIdentity, JobState, StopStep
from trainwatch_core.testing.jobs import TOOLS, Jobs, gone

StopperOf = Callable[..., GuardedStopper]

IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); rest()"


def test_a_process_is_known_by_more_than_its_number(jobs: Jobs, stopper_of: StopperOf) -> None:
    """Identity holds pid, start, boot, group, session and user; the label reads like a line of ps."""
    job = jobs.start()
    identity = stopper_of(job.pid).identify()
    assert set(identity.facts) == {"pid", "start", "boot_id", "pgid", "session", "uid"}
    assert identity.facts["pid"] == identity.facts["pgid"] == identity.target == str(job.pid)
    assert identity.facts["uid"] == str(os.getuid())
    assert identity.label.startswith(f"pid {job.pid}, user ")
    assert "python" in identity.label
    assert "started " in identity.label
    assert "\n" not in identity.label


def test_a_label_tells_no_secret(jobs: Jobs, stopper_of: StopperOf) -> None:
    """A key on the command line and a line break in it do not get into the label."""
    key = "hf_" + "a1B2" * 9
    job = jobs.start("ready(); rest()", f"--token={key}\n\x1b[2J")
    label = stopper_of(job.pid).identify().label
    assert key not in label
    assert "\x1b" not in label


def test_a_job_ends_with_its_whole_group(jobs: Jobs, stopper_of: StopperOf) -> None:
    """SIGTERM to the group that the job leads ends trainer and workers, with proof; SIGKILL is not needed."""
    job = jobs.start("ready(child().pid, child().pid); rest()")
    stopper = stopper_of(job.pid)
    plan = stopper.plan(stopper.identify())
    assert [step.signal for step in plan.steps] == ["SIGTERM", "SIGKILL"]
    done = stopper.execute(plan, "a" * 32)
    assert done.probe.state is JobState.GONE
    assert [result.ok for result in done.results] == [True]
    assert done.results[0].detail == f"SIGTERM sent to 3 processes (process group {job.pid})"
    assert all(gone(pid) for pid in (job.pid, *job.children))


def test_a_job_that_ignores_sigterm_is_reported_as_running(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S01: without SIGKILL in the plan nothing harder is sent, and the outcome is a job that lives, by name."""
    job = jobs.start(IGNORING)
    stopper = stopper_of(job.pid, grace=0.3, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), "b" * 32)
    assert done.probe.state is JobState.ALIVE
    assert len(done.results) == 1
    assert f"pid {job.pid}," in done.probe.survivors[0]
    assert not gone(job.pid)


def test_a_job_that_ignores_sigterm_is_killed_if_that_was_approved(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S01: the ladder is climbed after the grace, and only the rungs of the plan are taken."""
    job = jobs.start(IGNORING)
    stopper = stopper_of(job.pid, grace=0.3)
    begun = time.monotonic()
    done = stopper.execute(stopper.plan(stopper.identify()), "c" * 32)
    assert done.probe.state is JobState.GONE
    assert ["SIGTERM" in done.results[0].label, "SIGKILL" in done.results[1].label] == [True, True]
    assert time.monotonic() - begun >= 0.3


def test_a_plan_that_lost_its_last_rung_does_not_kill(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S01: what runs is what the plan says, not what the stopper would plan by itself."""
    job = jobs.start(IGNORING)
    stopper = stopper_of(job.pid, grace=0.2)
    plan = stopper.plan(stopper.identify())
    done = stopper.execute(replace(plan, steps=plan.steps[:1]), "d" * 32)
    assert done.probe.state is JobState.ALIVE
    assert not gone(job.pid)


def test_detached_children_are_listed_if_they_stay(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S04: the trainer ends, its setsid child does not: that is no stop, and the child is named."""
    job = jobs.start("ready(child(STUBBORN, start_new_session=True).pid); rest()")
    stopper = stopper_of(job.pid, grace=2.0, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), "e" * 32)
    assert done.probe.state is JobState.ALIVE
    assert gone(job.pid)
    assert "is gone, but 1 process of its job still run" in done.probe.detail
    assert done.probe.survivors[0].startswith(f"pid {job.children[0]},")


def test_detached_children_are_killed_if_that_was_approved(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S04: SIGKILL reaches what left the group."""
    job = jobs.start("ready(child(STUBBORN, start_new_session=True).pid); rest()")
    stopper = stopper_of(job.pid, grace=0.3)
    done = stopper.execute(stopper.plan(stopper.identify()), "f" * 32)
    assert done.probe.state is JobState.GONE
    assert gone(job.children[0])


ORPHAN = """
middle = (
    "import subprocess, sys; from subprocess import PIPE;"
    "p = subprocess.Popen([sys.executable, '-S', '-E', '-c', sys.argv[1]], stdout=PIPE, start_new_session=True);"
    "p.stdout.readline(); print(p.pid, flush=True); sys.stdin.read()"
)
python = [sys.executable, "-S", "-E", "-c"]
between = subprocess.Popen([*python, middle, STUBBORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
grandchild = int(between.stdout.readline())
def let_go(*_):
    between.stdin.close()
    between.wait()
    say("let go")
signal.signal(signal.SIGUSR1, let_go)
ready(grandchild)
rest()
"""


def test_a_grandchild_that_was_seen_once_is_not_lost(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S04: a process in its own session whose parent has ended since is still known by what was seen before."""
    job = jobs.start(ORPHAN)
    stopper = stopper_of(job.pid)
    identity = stopper.identify()
    os.kill(job.pid, signal.SIGUSR1)
    assert job.line() == "let go"
    orphan = procfs.process(job.children[0])
    assert orphan is not None
    assert orphan.parent != job.pid
    done = stopper.execute(
        replace(stopper.plan(identity), steps=(StopStep("t", signal="SIGTERM", wait=0.3),)), "0" * 32
    )
    assert done.probe.state is JobState.ALIVE
    assert done.probe.survivors[0].startswith(f"pid {orphan.pid},")


HELPED = """
helper = "import signal, sys; print('up', flush=True); print(sys.stdin.readline(), flush=True); signal.pause()"
service = child(helper, stdin=subprocess.PIPE, start_new_session=True)
def save(*_):
    time.sleep(0.3)  # saving takes a while
    try:
        service.stdin.write(b"state\\n")
        service.stdin.flush()
        say("saved" if service.stdout.readline() == b"state\\n" else "lost")
    except OSError:
        say("lost")
    os._exit(0)
signal.signal(signal.SIGTERM, save)
ready(service.pid)
rest()
"""


def test_a_helper_lives_until_the_trainer_has_saved(jobs: Jobs, stopper_of: StopperOf) -> None:
    """SIGTERM reaches a helper in its own session (as the wandb service is) only when the trainer is gone."""
    job = jobs.start(HELPED)
    stopper = stopper_of(job.pid, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), "1" * 32)
    assert job.line() == "saved"
    assert done.probe.state is JobState.GONE
    assert gone(job.children[0])


def test_neighbours_in_the_same_group_are_left_alone(jobs: Jobs, stopper_of: StopperOf) -> None:
    """A job that does not lead its group is stopped alone, with its own children; shell and neighbour live on."""
    nested = 'nested = \'import subprocess, sys; p = subprocess.Popen([sys.executable, "-S", "-E", "-c", sys.argv[1]], '
    nested += "stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True); p.wait()'\n"
    shell = jobs.start(
        nested
        + "job = subprocess.Popen([sys.executable, '-S', '-E', '-c', nested, POLITE], stdout=subprocess.PIPE)\n"
        + "ready(job.pid, int(job.stdout.readline()), child().pid); rest()"
    )
    target, worker, neighbour = shell.children
    stopper = stopper_of(target)
    plan = stopper.plan(stopper.identify())
    assert plan.steps[0].label == f"SIGTERM to process {target} and its children"
    done = stopper.execute(plan, "2" * 32)
    assert done.probe.state is JobState.GONE
    assert [gone(target), gone(worker), gone(neighbour), gone(shell.pid)] == [True, True, False, False]


PIPELINE = """
sys.path[:0] = sys.argv[2].split(os.pathsep)
from pathlib import Path
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.model.launch import parse_launch
job = ProcessJob(parse_launch("pid:" + sys.argv[1]), LocalPlace(SystemClock(), Path(sys.argv[3])), Ladder())
stopper = GuardedStopper(job, SystemClock())
plan = stopper.plan(stopper.identify())
ready()
done = stopper.execute(plan, "3" * 32)
say(done.probe.state)
"""


def test_a_pipeline_that_trainwatch_is_part_of_does_not_end_trainwatch(jobs: Jobs, tokens: Path) -> None:
    """`train | trainwatch`: the job leads the group that trainwatch is in; only the job is signalled."""
    job = jobs.start(group=0)
    watcher = jobs.start(PIPELINE, str(job.pid), os.pathsep.join(sys.path), str(tokens), group=job.pid)
    assert watcher.line() == "gone"
    assert watcher.popen.wait(90) == 0
    assert gone(job.pid)


def test_another_process_under_the_same_number_is_not_touched(jobs: Jobs, stopper_of: StopperOf, tokens: Path) -> None:
    """F-S05: one fact differs, so nothing is sent, nothing is marked, and the message says what differs."""
    job = jobs.start()
    stopper = stopper_of(job.pid)
    identity = stopper.identify()
    for fact in identity.facts:
        if fact == "pid":
            continue
        forged = replace(identity, facts={**identity.facts, fact: "77"})
        with pytest.raises(StopRefusedError, match=f"{fact} differs"):
            stopper.execute(stopper.plan(forged), "4" * 32)
    assert not gone(job.pid)
    assert not tokens.exists()


def _recycle(pid: int) -> subprocess.Popen[bytes] | None:
    """A process that got the number of one that is gone; None if the kernel does not let us choose."""
    last = Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(300):
        try:
            last.write_text(str(pid - 1), encoding="ascii")
        except OSError:
            return None
        again = subprocess.Popen([sys.executable, "-S", "-E", "-c", TOOLS + "ready(); rest()"], stdout=subprocess.PIPE)
        if again.pid == pid:
            return again
        again.kill()
        again.communicate()
    return None


def test_a_recycled_number_is_recognised(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S05: the kernel gave the job's number to a new process: refused, unharmed, and the old job is known as gone."""
    job = jobs.start()
    stopper = stopper_of(job.pid)
    identity = stopper.identify()
    plan = stopper.plan(identity)
    stale = procfs.process(job.pid)
    assert stale is not None
    # Start times are counted in ticks of 10 ms: within one tick two processes would look the same.
    time.sleep(0.05)
    job.end()
    stranger = _recycle(job.pid)
    if stranger is None:
        pytest.skip("this kernel does not let a test choose the next pid")
    try:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == b"ready\n"
        assert stopper.probe(identity).state is JobState.REPLACED
        with pytest.raises(StopRefusedError, match="start"):
            stopper.execute(plan, "5" * 32)
        assert procfs.send(stale, signal.SIGKILL) == ""
        assert not gone(stranger.pid)
    finally:
        stranger.kill()
        stranger.communicate()


@pytest.mark.parametrize(
    "target",
    [
        "0",
        "1",
        "-1",
        "",
        "\uff11\uff12\uff13",
        "12 34",
        "12\n",
        "--help",
        "+7",
        "012",
        "1e3",
        "99999999999",
        "\u0664\u0662",
    ],
)
def test_targets_that_are_no_process_are_refused(target: str, stopper_of: StopperOf) -> None:
    """F-S06: only plain decimal numbers above 1 name a process."""
    with pytest.raises(InvalidInputError, match="not the id of a process"):
        stopper_of(target)


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid()], ids=["itself", "parent"])
def test_trainwatch_never_stops_itself(pid: int, stopper_of: StopperOf) -> None:
    """F-S06: neither the own process nor an ancestor of it is ever a target."""
    if pid == 1:
        pytest.skip("the parent is process 1 here, which is refused before")
    with pytest.raises(StopRefusedError, match="trainwatch itself"):
        stopper_of(pid).identify()


FOREIGN = """
sys.path[:0] = sys.argv[2].split(os.pathsep)
from pathlib import Path
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.launch import parse_launch
import trainwatch_core.report.redact, encodings.idna
stopper = ProcessJob(parse_launch("pid:" + sys.argv[1]), LocalPlace(SystemClock(), Path("/nowhere")), Ladder())
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ready()
try:
    stopper.find()
except StopRefusedError as error:
    say(error.what)
"""


def test_another_users_process_is_refused_in_words(jobs: Jobs) -> None:
    """F-S06: without the right to signal it, the job is refused when it is registered, not when it is too late."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else for this test")
    job = jobs.start()
    other = jobs.start(FOREIGN, str(job.pid), os.pathsep.join(sys.path))
    assert other.line() == "This process may not be signalled by this user"


def test_a_thread_is_no_job(jobs: Jobs, stopper_of: StopperOf) -> None:
    """The number of a thread answers under /proc too; the message names its process."""
    job = jobs.start(
        "import threading; t = threading.Thread(target=time.sleep, args=(999,), daemon=True)\n"
        "t.start(); ready(t.native_id); rest()"
    )
    with pytest.raises(JobNotFoundError, match=f"pid:{job.pid}"):
        stopper_of(job.children[0]).identify()


def test_a_job_that_ended_meanwhile_is_not_signalled(jobs: Jobs, stopper_of: StopperOf, tokens: Path) -> None:
    """F-S12: gone before the first rung: no signal, no mark, and the proof that it is gone."""
    job = jobs.start()
    stopper = stopper_of(job.pid)
    plan = stopper.plan(stopper.identify())
    job.end()
    done = stopper.execute(plan, "6" * 32)
    assert done.results == ()
    assert done.probe.state is JobState.GONE
    assert "no such process" in done.probe.detail
    assert not tokens.exists()
    with pytest.raises(JobNotFoundError):
        stopper.identify()


def test_a_zombie_is_gone(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-S12: an ended process whose parent has not asked for it does no work: gone, and said to be a zombie."""
    job = jobs.start("ready(); sys.stdout.close()")
    stopper = stopper_of(job.pid)
    os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(JobNotFoundError):
        stopper.identify()
    found = procfs.process(job.pid)
    assert found is not None
    identity = JobIdentity(
        "pid",
        "localhost",
        str(job.pid),
        {"pid": str(job.pid), "start": str(found.start), "boot_id": procfs.boot_id()},
        "",
    )
    probe = stopper.probe(identity)
    assert probe.state is JobState.GONE
    assert "zombie" in probe.detail


def test_workers_that_outlive_their_leader_are_seen(jobs: Jobs, stopper_of: StopperOf, tokens: Path) -> None:
    """The leader is gone, a worker of its group is not: not stopped, and nothing is signalled without the leader."""
    job = jobs.start("ready(child(STUBBORN).pid); rest()", group=0)
    identity = stopper_of(job.pid).identify()
    job.end()
    later = stopper_of(job.pid)
    assert later.probe(identity).state is JobState.ALIVE
    done = later.execute(later.plan(identity), "7" * 32)
    assert done.results == ()
    assert done.probe.survivors[0].startswith(f"pid {job.children[0]},")
    assert not gone(job.children[0])
    assert not tokens.exists()


def test_a_machine_that_was_started_anew_has_no_old_jobs(jobs: Jobs, stopper_of: StopperOf) -> None:
    """Another boot id means that the job is gone, whoever has its number now."""
    stopper = stopper_of(jobs.start().pid)
    identity = stopper.identify()
    probe = stopper.probe(replace(identity, facts={**identity.facts, "boot_id": "other"}))
    assert probe.state is JobState.GONE
    assert "started anew" in probe.detail


def test_the_same_stop_runs_once(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-T01: a second execution with the same token sends nothing, also from another process; it looks."""
    job = jobs.start(IGNORING)
    first = stopper_of(job.pid, grace=0.2, kill=None)
    plan = first.plan(first.identify())
    assert len(first.execute(plan, "8" * 32).results) == 1
    again = stopper_of(job.pid, grace=0.2, kill=None).execute(plan, "8" * 32)
    assert again.results == ()
    assert again.probe.state is JobState.ALIVE


def test_two_workers_with_the_same_stop_send_one_signal(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-T01: all arrive at once and see a live job without a mark; the kernel lets one of them make each mark.

    Who finds the mark of the stop but none of its rung yet tries the rung too, and is told that it was begun.
    """
    job = jobs.start(IGNORING)
    plan = stopper_of(job.pid, kill=None, grace=0.3).plan(stopper_of(job.pid).identify())
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(stopper_of(job.pid, grace=0.3, kill=None).execute, plan, "c1" * 16) for _ in range(4)]
        sent = [sum(result.ok for result in each.result(60).results) for each in waiting]
    assert sorted(sent) == [0, 0, 0, 1]


def test_a_resumed_stop_remembers_what_it_saw(jobs: Jobs, stopper_of: StopperOf) -> None:
    """F-T01: after a crash, the mark of the stop knows the detached child that nothing else would find."""
    job = jobs.start("ready(child(STUBBORN, start_new_session=True).pid); rest()")
    first = stopper_of(job.pid, grace=0.2, kill=None)
    plan = first.plan(first.identify())
    first.execute(plan, "9" * 32)
    job.end()
    done = stopper_of(job.pid).execute(plan, "9" * 32)
    assert done.results == ()
    assert done.probe.survivors[0].startswith(f"pid {job.children[0]},")


def test_nothing_is_done_if_the_mark_cannot_be_written(jobs: Jobs, stopper_of: StopperOf, tokens: Path) -> None:
    """F-D01: without a mark on disk no signal is sent."""
    tokens.parent.mkdir(parents=True)
    tokens.write_text("not a directory", encoding="ascii")
    job = jobs.start()
    stopper = stopper_of(job.pid)
    with pytest.raises(StopRefusedError, match="nothing was done"):
        stopper.execute(stopper.plan(stopper.identify()), "a1" * 16)
    assert not gone(job.pid)


@pytest.mark.parametrize("token", ["", "../x", "a/b", ".", "a" * 65, "a\n"])
def test_a_token_is_never_a_path(token: str, tmp_path: Path) -> None:
    """A request id that is no plain word is refused before anything is written."""
    with pytest.raises(StopRefusedError):
        Tokens(tmp_path).claim(token, "")
    assert list(tmp_path.iterdir()) == []


def test_steps_that_nobody_knows_are_refused_before_the_first(jobs: Jobs, stopper_of: StopperOf) -> None:
    """A plan with an unknown signal does nothing at all, not even its first rung."""
    job = jobs.start()
    stopper = stopper_of(job.pid)
    plan = stopper.plan(stopper.identify())
    with pytest.raises(StopRefusedError, match="step that nobody knows"):
        stopper.execute(replace(plan, steps=(*plan.steps, StopStep("x", signal="SIGSTOP"))), "b1" * 16)
    assert not gone(job.pid)


@pytest.mark.parametrize(
    "options", [{"grace": -1.0}, {"grace": float("nan")}, {"kill": float("inf")}, {"term": "SIGKILL"}]
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, float], stopper_of: StopperOf) -> None:
    """Waits are finite numbers of seconds, and the polite signal is one that can be obeyed."""
    with pytest.raises(InvalidInputError):
        stopper_of(4211, **options)


def test_a_probe_without_identity_knows_nothing(stopper_of: StopperOf) -> None:
    """No identity, or one that cannot be read, is UNKNOWN and no exception."""
    stopper = stopper_of(4211)
    assert stopper.probe(None).state is JobState.UNKNOWN
    strange = JobIdentity("pid", "localhost", "4211", {"pid": "x", "start": ""}, "")
    assert stopper.probe(strange).state is JobState.UNKNOWN
    with pytest.raises(StopRefusedError):
        stopper.plan(None)
