"""Stopping real sessions of tmux and screen, on this machine and by SSH."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace, Place, RemotePlace
from trainwatch_core.adapters.stoppers.screen import Screen
from trainwatch_core.adapters.stoppers.sessions import Multiplexer, SessionJob
from trainwatch_core.adapters.stoppers.tmux import Tmux
from trainwatch_core.model.errors import JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import Launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import TOOLS, Jobs, gone
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

pytestmark = pytest.mark.system("tmux", "screen", "/usr/sbin/sshd", "ssh-keygen")

TOKEN = "a" * 32
WITHIN = 30.0


class Terminal:
    """A multiplexer with a server of its own, or sessions of its own where all share one place.

    Attributes:
        kind: tmux or screen.
        place: Where its stoppers run.
    """

    def __init__(self, kind: str, place: Place, folder: Path, jobs: Jobs, clock: Clock) -> None:
        self.kind, self.place = kind, place
        self._folder, self._jobs, self._clock = folder, jobs, clock
        self._mark = f"tw{os.getpid()}-{secrets.token_hex(4)}"
        self.pids: dict[str, list[int]] = {}
        self._serves = False

    def target(self, name: str) -> str:
        """How a launch names a session."""
        return f"{self._mark}:{name}" if self.kind == "tmux" else f"{self._mark}-{name}"

    def stopper(self, name: str, *, grace: float = 20.0, kill: float | None = 20.0) -> GuardedStopper:
        """A stopper of a session."""
        multiplexer: Multiplexer = Tmux() if self.kind == "tmux" else Screen()
        launch = Launch(self.kind, self.place.host, self.target(name))
        return GuardedStopper(SessionJob(launch, self.place, Ladder(grace, kill), multiplexer), self._clock)

    def start(self, name: str, script: str = "ready(); rest()") -> list[int]:
        """A session in which a script runs; returns its pid and those that it told."""
        told = self._folder / f"{name}-{secrets.token_hex(4)}"
        code = TOOLS.replace("os.write(1,", f"os.write(os.open({str(told)!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY),")
        file = told.with_suffix(".py")
        file.write_text(f"{code}say(os.getpid())\n{script}", encoding="utf-8")
        self._new(name, [sys.executable, "-S", "-E", str(file)])
        deadline = time.monotonic() + WITHIN
        while not (told.exists() and "ready" in told.read_text(encoding="utf-8")):
            assert time.monotonic() < deadline, "the job does not get ready"
            time.sleep(0.02)
        words = told.read_text(encoding="utf-8").split()
        self.pids[name] = [int(word) for word in words if word != "ready"]
        for pid in self.pids[name]:
            self._jobs.adopt(pid)
        return self.pids[name]

    def _new(self, name: str, argv: list[str]) -> None:
        if self.kind == "tmux" and not self._serves:
            # The server lives on when a job ends, as it does for people who have several sessions.
            self.tmux("new-session", "-d", "-s", "keeper", "sleep", "1000")
            self._serves = True
        if self.kind == "tmux":
            self.tmux("new-session", "-d", "-s", name, *argv)
        else:
            subprocess.run(["screen", "-dmS", self.target(name), *argv], check=True, timeout=WITHIN)

    def tmux(self, *args: str) -> None:
        """Tell our tmux server something."""
        subprocess.run(["tmux", "-L", self._mark, "-f", "/dev/null", *args], check=True, timeout=WITHIN)

    def clear(self) -> None:
        """End all sessions."""
        if self.kind == "tmux":
            subprocess.run(["tmux", "-L", self._mark, "kill-server"], check=False, capture_output=True, timeout=WITHIN)
            socket = Path(f"/tmp/tmux-{os.getuid()}/{self._mark}")  # noqa: S108  # where tmux puts it
            socket.unlink(missing_ok=True)
        for pids in self.pids.values():
            for pid in pids:
                self._jobs.finish(pid)
        if self.kind == "screen":
            # What was killed leaves its socket.
            subprocess.run(["screen", "-wipe", self._mark], check=False, capture_output=True, timeout=WITHIN)


@pytest.fixture(params=["tmux", "screen"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both multiplexers."""
    return str(request.param)


TerminalOf = Callable[[str, Place], Terminal]


@pytest.fixture
def terminal_of(tmp_path: Path, jobs: Jobs, clock: Clock) -> Iterator[TerminalOf]:
    """Makes multiplexers; ends their sessions."""
    made: list[Terminal] = []

    def make(kind: str, place: Place) -> Terminal:
        made.append(Terminal(kind, place, tmp_path, jobs, clock))
        return made[-1]

    yield make
    for each in made:
        each.clear()


@pytest.fixture
def terminal(kind: str, terminal_of: TerminalOf, clock: Clock, tokens: Path) -> Terminal:
    """A multiplexer of this machine."""
    return terminal_of(kind, LocalPlace(clock, tokens))


class SessionStage:
    """A session in which a job runs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def stopper(self) -> GuardedStopper:
        return self._terminal.stopper("exp7")

    def start(self) -> None:
        self._terminal.start("exp7", "ready(child().pid); rest()")

    def end(self) -> None:
        for pid in self._terminal.pids["exp7"]:
            os.kill(pid, 9)
        deadline = time.monotonic() + WITHIN
        while not all(gone(pid) for pid in self._terminal.pids["exp7"]) and time.monotonic() < deadline:
            time.sleep(0.01)
        while time.monotonic() < deadline:
            try:
                self.stopper().identify()
            except JobNotFoundError:
                return
            time.sleep(0.05)

    def runs(self) -> bool:
        return not gone(self._terminal.pids["exp7"][0])


class TestSessions(StopperConformance):
    """On this machine."""

    @pytest.fixture
    def stage(self, terminal: Terminal) -> Stage:
        """A session of this machine."""
        return SessionStage(terminal)


class TestRemoteSessions(StopperConformance):
    """By SSH."""

    @pytest.fixture
    def stage(self, kind: str, terminal_of: TerminalOf, room: SshRoom) -> Stage:
        """A session of a host."""
        return SessionStage(terminal_of(kind, RemotePlace(room, "gpu1")))


def test_a_session_is_known_by_id_and_age(terminal: Terminal) -> None:
    """Identity holds what is never given again, and the label says what runs in it."""
    pid = terminal.start("exp7")[0]
    identity = terminal.stopper("exp7").identify()
    own = {"session_id", "created"} if terminal.kind == "tmux" else {"session"}
    assert set(identity.facts) == {*own, "server", "boot_id"}
    assert f"pid {pid}," in identity.label


@pytest.mark.parametrize("name", ["a-seed", "a", "a-seed*", "a-seed?", "*", "=a-seed2", "a-seed2:"])
def test_the_whole_name_counts(terminal: Terminal, name: str) -> None:
    """F-S03: the beginning or a pattern of another session's name is no session, and the other one runs on."""
    pid = terminal.start("a-seed2")[0]
    with pytest.raises(JobNotFoundError, match="no such"):
        terminal.stopper(name).identify()
    assert not gone(pid)


def test_a_neighbour_with_a_longer_name_is_left_alone(terminal: Terminal) -> None:
    """F-S03: the session that is meant ends; the one whose name begins the same runs on."""
    ours, theirs = terminal.start("a-seed")[0], terminal.start("a-seed2")[0]
    stopper = terminal.stopper("a-seed")
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.GONE
    assert (gone(ours), gone(theirs)) == (True, False)


DETACHED = "ready(child(STUBBORN, start_new_session=True).pid); rest()"


def test_what_left_the_session_is_listed_if_it_stays(terminal: Terminal) -> None:
    """F-S04: the session is gone, a worker in a session of its own is not: not stopped, and it is named."""
    trainer, worker = terminal.start("exp7", DETACHED)
    stopper = terminal.stopper("exp7", grace=1.0, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.ALIVE
    assert gone(trainer)
    assert done.probe.survivors[0].startswith(f"pid {worker},")
    assert f"{terminal.kind} session" in done.probe.detail


def test_what_left_the_session_is_killed_if_that_was_approved(terminal: Terminal) -> None:
    """F-S04: the last rung reaches it."""
    _, worker = terminal.start("exp7", DETACHED)
    stopper = terminal.stopper("exp7", grace=1.0)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert done.probe.state is JobState.GONE
    assert gone(worker)
    assert [result.ok for result in done.results][-1]


def test_a_job_in_a_shell_of_the_session_is_asked_first(terminal: Terminal, tmp_path: Path) -> None:
    """SIGTERM lets the trainer save; the shell that it was typed into, which ignores it, ends with the session."""
    saved = tmp_path / "saved"
    script = tmp_path / "train.py"
    save = f"open({str(saved)!r}, 'w').close(), sys.exit()"
    script.write_text(
        f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: ({save}))\n"
        f"open({str(tmp_path / 'up')!r}, 'w').close()\nsignal.pause()\n",
        encoding="utf-8",
    )
    bash = shutil.which("bash") or "bash"
    terminal._new("exp7", [bash, "--norc", "-c", f"trap '' TERM; {sys.executable} -S -E {script}; read line"])
    deadline = time.monotonic() + WITHIN
    while not (tmp_path / "up").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    stopper = terminal.stopper("exp7", grace=2.0, kill=None)
    done = stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert saved.exists()
    assert done.probe.state is JobState.GONE
    assert [result.ok for result in done.results] == [True, True]


def test_a_window_that_was_opened_later_belongs_to_the_job(terminal_of: TerminalOf, clock: Clock, tokens: Path) -> None:
    """The session is what was approved, with all that runs in it by then."""
    terminal = terminal_of("tmux", LocalPlace(clock, tokens))
    terminal.start("exp7")
    stopper = terminal.stopper("exp7")
    plan = stopper.plan(stopper.identify())
    terminal.tmux("new-window", "-t", "=exp7", "sleep", "997")
    done = stopper.execute(plan, TOKEN)
    assert done.probe.state is JobState.GONE
    assert not [p for p in procfs.processes() if procfs.command_of(p) == "sleep 997" and not gone(p)]


def test_a_session_in_which_nothing_runs_is_no_job(terminal_of: TerminalOf, clock: Clock, tokens: Path) -> None:
    """A pane that stays open after its program's end holds no GPU."""
    terminal = terminal_of("tmux", LocalPlace(clock, tokens))
    pid = terminal.start("exp7")[0]
    terminal.tmux("set-option", "-t", "=exp7:", "remain-on-exit", "on")
    identity = terminal.stopper("exp7").identify()
    os.kill(pid, 9)
    deadline = time.monotonic() + WITHIN
    while terminal.stopper("exp7").probe(identity).state is not JobState.GONE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(JobNotFoundError):
        terminal.stopper("exp7").identify()


def test_several_screens_of_one_name_are_ambiguous(terminal_of: TerminalOf, clock: Clock, tokens: Path) -> None:
    """GNU screen lets two sessions have one name: refused, with the names that tell them apart."""
    terminal = terminal_of("screen", LocalPlace(clock, tokens))
    first, second = terminal.start("exp7")[0], terminal.start("exp7")[0]
    terminal.pids["first"] = [first]
    with pytest.raises(StopRefusedError, match="Several"):
        terminal.stopper("exp7").identify()
    assert not gone(first)
    assert not gone(second)
