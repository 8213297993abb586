"""Stopping processes of another machine, by a real sshd on the loopback interface."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.machines import LocalMachine
from trainwatch_core.adapters.shell import Ran
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.stoppers.combined import CombinedStopper
from trainwatch_core.adapters.stoppers.command import CommandStopper
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import RemotePlace
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.adapters.stoppers.tokens import rung
from trainwatch_core.model.errors import HostError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Job, Jobs, gone
from trainwatch_core.testing.sshd import Sshd, make_key

pytestmark = pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")

StopperOf = Callable[..., GuardedStopper]
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); rest()"
TOKEN = "a" * 32


@pytest.fixture
def place(room: SshRoom) -> RemotePlace:
    """The host gpu1."""
    return RemotePlace(room, "gpu1")


@pytest.fixture
def there(place: RemotePlace, clock: Clock) -> StopperOf:
    """Makes a stopper of a process of gpu1."""

    def make(job: Job | int, *, grace: float = 20.0, kill: float | None = 20.0, **more: str) -> GuardedStopper:
        pid = job if isinstance(job, int) else job.pid
        launch = Launch("pid", "gpu1", str(pid))
        return GuardedStopper(ProcessJob(launch, place, Ladder(grace, kill, **more)), clock)  # type: ignore[arg-type]

    return make


def test_a_remote_process_is_known_by_the_same_facts(
    jobs: Jobs, there: StopperOf, stopper_of: StopperOf, room: SshRoom
) -> None:
    """Seen by SSH and seen here: the same process, and beside it the key of its host; the label reads the same."""
    job = jobs.start()
    far, near = there(job).identify(), stopper_of(job.pid).identify()
    assert far is not None
    assert near is not None
    assert dict(far.facts) == {**near.facts, "host_key": room.host_key("gpu1", timeout=30.0)}
    assert far.label == near.label
    assert (far.host, far.target) == ("gpu1", str(job.pid))


def test_the_plan_names_the_host(jobs: Jobs, there: StopperOf) -> None:
    """Launch, host and every rung are as on this machine."""
    stopper = there(jobs.start())
    plan = stopper.plan(stopper.identify())
    assert (plan.host, plan.launch) == ("gpu1", f"pid:gpu1/{plan.identity.target if plan.identity else ''}")
    assert [step.signal for step in plan.steps] == ["SIGTERM", "SIGKILL"]


def test_a_table_of_processes_is_the_same_from_afar(place: RemotePlace, jobs: Jobs) -> None:
    """What sh reads of /proc is what we read ourselves, for jobs with odd names too."""
    odd = jobs.start(
        "import ctypes; ctypes.CDLL(None).prctl(15, b'a) S 1\\n7 (b', 0, 0, 0); ready(child().pid); rest()"
    )
    near, far = LocalMachine().snapshot(), place.machine.snapshot()
    assert (far.boot_id, far.booted_at, far.ticks) == (near.boot_id, near.booted_at, near.ticks)
    for pid in (odd.pid, *odd.children, os.getpid(), 1):
        seen, known = far.table[pid], near.table[pid]
        assert replace(seen, state="", threads=0) == replace(known, state="", threads=0)
    assert far.observer not in near.table
    seen_more, known_more = (machine.details([odd.pid])[odd.pid] for machine in (place.machine, LocalMachine()))
    assert seen_more == replace(known_more, command=known_more.command.replace("\n", " "))


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(jobs: Jobs, there: StopperOf) -> None:
    """F-S01 by SSH: with SIGKILL in the plan it is gone, without it is reported as running, by name."""
    job = jobs.start(IGNORING)
    soft = there(job, grace=0.5, kill=None)
    done = soft.execute(soft.plan(soft.identify()), TOKEN)
    assert done.probe.state is JobState.ALIVE
    assert f"pid {job.pid}," in done.probe.survivors[0]
    hard = there(job, grace=0.5)
    done = hard.execute(hard.plan(hard.identify()), "b" * 32)
    assert [result.ok for result in done.results] == [True, True]
    assert done.probe.state is JobState.GONE
    assert gone(job.pid)


def test_detached_children_are_found_and_killed(jobs: Jobs, there: StopperOf) -> None:
    """F-S04 by SSH: a setsid child that outlives the trainer is named, and reached by the last rung."""
    job = jobs.start("ready(child(STUBBORN, start_new_session=True).pid); rest()")
    soft = there(job, grace=0.5, kill=None)
    plan = soft.plan(soft.identify())
    done = soft.execute(plan, TOKEN)
    assert done.probe.survivors[0].startswith(f"pid {job.children[0]},")
    job.end()
    again = there(job).execute(plan, TOKEN)
    assert again.results == ()
    assert again.probe.survivors[0].startswith(f"pid {job.children[0]},")


def test_a_helper_gets_its_signal_after_the_trainer(jobs: Jobs, there: StopperOf) -> None:
    """The wandb service in its own session is signalled when the trainer is gone, and the stop is proven then."""
    job = jobs.start("ready(child(start_new_session=True).pid); rest()")
    stopper = there(job, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.GONE
    assert gone(job.children[0])


def test_a_signal_never_reaches_who_got_the_number(jobs: Jobs, place: RemotePlace) -> None:
    """F-S05: the start is compared on the far side, right before the signal; so is the boot."""
    job = jobs.start()
    snapshot = place.machine.snapshot()
    real = snapshot.table[job.pid]
    other = replace(real, start=real.start + 1)
    assert place.machine.send([other], "SIGKILL", snapshot) == []
    assert not place.machine.send_group(other, "SIGKILL", snapshot)
    assert place.machine.send([real], "SIGKILL", replace(snapshot, boot_id="0" * 36)) == [
        "the machine was started anew"
    ]
    assert not gone(job.pid)
    assert place.machine.send_group(real, "SIGKILL", snapshot)
    jobs.finish(job.pid)


def test_what_trainwatch_stands_on_is_never_stopped(there: StopperOf) -> None:
    """F-S06: the SSH server that we came in by, and what started it, are no jobs."""
    with pytest.raises(StopRefusedError, match="trainwatch itself"):
        there(os.getpid()).identify()
    with pytest.raises(JobNotFoundError):
        there(4_000_000).identify()


def test_the_host_is_part_of_the_identity(jobs: Jobs, there: StopperOf, sshd: Sshd) -> None:
    """Another machine that answers to the name of the host is another job, even with its key pinned meanwhile."""
    job = jobs.start()
    stopper = there(job)
    plan = stopper.plan(stopper.identify())
    make_key(sshd.folder / "other")
    (sshd.folder / "other").replace(sshd.folder / "host_key")
    sshd.trust(sshd.folder / "other.pub")
    sshd.drop()
    with pytest.raises(StopRefusedError, match="host_key differs"):
        stopper.execute(plan, TOKEN)
    assert not gone(job.pid)


def test_a_changed_host_key_stops_nothing(jobs: Jobs, there: StopperOf, sshd: Sshd) -> None:
    """F-S08: refused before anything; the probe knows nothing, and says why."""
    job = jobs.start()
    stopper = there(job)
    plan = stopper.plan(stopper.identify())
    sshd.trust(None)
    sshd.drop()
    with pytest.raises(HostError, match="SHA256:"):
        stopper.execute(plan, TOKEN)
    probe = stopper.probe(plan.identity)
    assert probe.state is JobState.UNKNOWN
    assert "SHA256:" in probe.detail
    assert not gone(job.pid)


def test_the_mark_stands_on_the_host(jobs: Jobs, there: StopperOf, sshd: Sshd) -> None:
    """F-T01: who has no file in common with us still sees that the stop was begun; the note names the processes."""
    job = jobs.start(IGNORING)
    stopper = there(job, grace=0.2, kill=None)
    stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    mark = sshd.home / ".local/state/trainwatch/stops" / TOKEN
    assert mark.is_dir()
    assert oct(mark.stat().st_mode)[-3:] == "700"
    assert (mark / "processes").read_text(encoding="ascii").startswith(f"{job.pid} ")


def test_a_mark_is_made_once(place: RemotePlace) -> None:
    """F-T01: of two workers that both saw no mark one makes it, and the other one reads what it wrote."""
    assert place.marks.recall(TOKEN) is None
    assert [place.marks.claim(TOKEN, "7 8\n"), place.marks.claim(TOKEN, "9 9\n")] == [True, False]
    assert place.marks.recall(TOKEN) == "7 8\n"


def test_nothing_is_done_if_the_mark_cannot_be_written(jobs: Jobs, there: StopperOf, sshd: Sshd) -> None:
    """F-D01: a file stands where the marks would be."""
    (sshd.home / ".local").write_text("", encoding="ascii")
    job = jobs.start()
    stopper = there(job)
    with pytest.raises(StopRefusedError, match="nothing was done"):
        stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert not gone(job.pid)


class Breaking:
    """The SSH room, until the connection is lost in the middle of a signal; it may come back."""

    def __init__(self, room: SshRoom, *, back: bool) -> None:
        self._room, self._back = room, back
        self.broken = False

    def host_key(self, host: str, *, timeout: float) -> str:
        return self._room.host_key(host, timeout=timeout)

    def run(self, host: str, argv: tuple[str, ...], **how: object) -> Ran:
        if self.broken and not self._back:
            raise HostError("The host did not answer in time", where=host)
        ran = self._room.run(host, argv, **how)  # type: ignore[arg-type]
        if not self.broken and "TERM" in argv:
            self.broken = True
            return Ran(None, b"", 0, 1.0, lost=True)
        return ran


@pytest.mark.parametrize("back", [True, False])
def test_a_connection_lost_in_a_signal_is_settled_by_a_probe(
    jobs: Jobs,
    room: SshRoom,
    clock: Clock,
    back: bool,  # noqa: FBT001
) -> None:
    """F-S09: nobody knows whether the signal was sent. The probe does, on a new connection; without one: unknown.

    No harder rung is taken while nobody knows how the job is.
    """
    job = jobs.start("signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1.5), os._exit(0))); ready(); rest()")
    place = RemotePlace(Breaking(room, back=back), "gpu1")  # type: ignore[arg-type]
    ladder = Ladder(20.0 if back else 1.0, 5.0)
    stopper = GuardedStopper(ProcessJob(Launch("pid", "gpu1", str(job.pid)), place, ladder), clock)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is (JobState.GONE if back else JobState.UNKNOWN)
    assert len(done.results) == 1
    assert (done.results[0].ok, done.results[0].unsure) == (False, True)


def test_saving_comes_first(jobs: Jobs, there: StopperOf, tmp_path: Path) -> None:
    """F3: the switch file is made on the host of the job, then the checkpoint signal, then SIGTERM."""
    job = jobs.start("signal.signal(signal.SIGUSR1, lambda *_: (say('saved'), os._exit(0))); ready(); rest()")
    switch = tmp_path / "SAVE it"
    stopper = there(job, checkpoint="SIGUSR1", switch=str(switch), save=1.0)
    plan = stopper.plan(stopper.identify())
    assert [(step.argv[:1], step.signal, step.host) for step in plan.steps] == [
        (("/usr/bin/touch",), "", "gpu1"),
        ((), "SIGUSR1", "localhost"),
        ((), "SIGTERM", "localhost"),
        ((), "SIGKILL", "localhost"),
    ]
    done = stopper.execute(plan, TOKEN)
    assert switch.exists()
    assert [result.ok for result in done.results] == [True, True]
    assert job.line() == "saved"
    assert done.probe.state is JobState.GONE


def test_a_stop_command_runs_here_and_is_proven_there(
    jobs: Jobs, there: StopperOf, clock: Clock, tokens: Path, tmp_path: Path
) -> None:
    """The operator's command is one of this machine, whatever machine the job is on."""
    job = jobs.start()
    command = CommandStopper(f"touch {tmp_path}/ran; kill {job.pid}", clock=clock, tokens_dir=tokens, wait=20.0)
    both = CombinedStopper(command, there(job))
    plan = both.plan(both.identify())
    assert plan.steps[0].host == "localhost"
    done = both.execute(plan, TOKEN)
    assert [result.label for result in done.results] == ["Run the stop command"]
    assert done.probe.state is JobState.GONE
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("way", ["one by one", "as a group"])
def test_a_signal_whose_mark_is_there_already_is_not_sent(jobs: Jobs, place: RemotePlace, way: str) -> None:
    """The script on the far side makes the mark first, and where it cannot it sends nothing."""
    job = jobs.start("signal.signal(signal.SIGTERM, lambda *_: os._exit(7)); ready(); rest()")
    token = uuid.uuid4().hex
    machine, marks = place.machine, place.marks
    assert marks.claim(token, "")
    assert marks.take(rung(token, 0))
    snapshot = machine.snapshot()
    process = snapshot.table[job.pid]

    def send(number: int) -> object:
        if way == "as a group":
            return machine.send_group(process, "SIGTERM", snapshot, rung(token, number))
        return machine.send([process], "SIGTERM", snapshot, rung(token, number))

    with pytest.raises(StopRefusedError, match="begun before"):
        send(0)
    assert not gone(job.pid)
    send(1)
    assert job.popen.wait(30) == 7  # as the job says
    assert marks.taken(token) == {rung(token, 0), rung(token, 1)}
