"""F-T01: `kill -9` at every named point of the protocol, for a job here, one behind SSH, and one of Slurm.

Whatever the point: the job gets its command at most once, nothing that was decided is lost, "stopped" is said only of a
job that is gone, and at most one message is said twice. Who recovers without a person is counted.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Mode, WatchState
from trainwatch_core.testing.crashing import ASKED, Stage
from trainwatch_core.testing.jobs import Jobs, gone
from trainwatch_core.testing.slurm import PROGRAMS, Slurm
from trainwatch_core.testing.sshd import Sshd

LOOKING = ("round.claimed", "round.looked", "round.committed", "publish.sent", "publish.marked")
ANSWERING = ("decision.authorised", "decision.committed")
STOPPING = (
    "stop.before_executing",
    "stop.executing",
    "stop.marked",
    "stop.rung",
    "stop.sent",
    "stop.waiting",
    "stop.executed",
)
EVERYTHING = os.environ.get("TRAINWATCH_CRASHES") == "all"
"""All points with every stopper (`make soak`); else all with a job of this machine, and of the others a sample of those
at which it matters how the stopper marks.
"""


def points(*sample: str) -> tuple[str, ...]:
    """Where a stopper's lives end."""
    return (*LOOKING, *STOPPING) if EVERYTHING else sample


CONFIG = '[stop]\nauto_grace = "0s"\ngrace = "{grace}"\nkill_wait = "20s"\n{more}'
COUNTING = """
def told(number, frame):
    with open(sys.argv[1], "a") as counted:
        counted.write("run\\n")
    if sys.argv[2] == "polite":
        time.sleep(1.5)
        os._exit(0)
signal.signal(signal.SIGTERM, told)
ready()
rest()
"""
"""A training that counts its SIGTERMs, and takes a moment to end, in which a second one would be counted too."""

LINGERING = "trap '' TERM; while :; do sleep 0.2; done"
"""A job that Slurm itself must kill, after its KillWait of two seconds: a second scancel would be seen."""

pytestmark = pytest.mark.timeout(600)
Note = Callable[[str, object], None]


class Case:
    """One job, the stage on which it is watched, and the means to see it without trainwatch."""

    def __init__(self, stage: Stage, counted: Path, over: Callable[[], bool]) -> None:
        self.stage, self._counted, self._over = stage, counted, over

    def run(self, point: str) -> int:
        """Die at a point, live again, and look at what must be true; the second life's exit code."""
        self.stage.prepare()
        died = self.stage.live(point)
        assert died == -signal.SIGKILL, f"it did not reach {point}: {died}"
        before = self.executions
        code = self.stage.live()
        assert code in {0, ASKED}
        assert before <= self.executions <= 1
        self.holds(code)
        return code

    @property
    def executions(self) -> int:
        """How often the job got its command."""
        return len(self._counted.read_text().splitlines()) if self._counted.exists() else 0

    def holds(self, code: int) -> None:
        """What must be true whatever happened."""
        stage = self.stage
        store = stage.opens(stage.settings)
        (watch,) = store.watches(ended=True)
        requests = [each for each in store.requests() if each.state is not RequestState.SUPERSEDED]
        outbox, audited = store.outbox(watch.id), store.audited()
        rounds = [each.number for each in store.rounds(watch.id, limit=1000)]
        store.close()
        (request,) = requests
        assert rounds == list(range(1, len(rounds) + 1))
        if code == 0:
            assert (request.state, watch.state) == (RequestState.STOPPED, WatchState.ENDED)
            assert self._over(), "stopped was said of a job that is not gone"
        else:
            assert request.state in {RequestState.FAILED, RequestState.UNKNOWN}
            assert watch.state is not WatchState.ENDED
        assert [row.verb for row in audited].count("execute") == 1
        told = Counter(stage.said)
        assert {row.key for row in outbox if row.state == "sent"} <= set(told), "something was not said"
        assert {row.state for row in outbox} <= {"sent", "dropped"}
        assert sum(count - 1 for count in told.values()) <= 1, f"more than one message was said twice: {told}"
        assert told[f"{watch.id}/summary"] in ({1, 2} if code == 0 else {0})


def process_case(folder: Path, jobs: Jobs, *, host: str = "", mode: Mode = Mode.AUTO, manner: str = "polite") -> Case:
    """A process of this machine, or of a host."""
    counted = folder / "executions"
    job = jobs.start(COUNTING, str(counted), manner)
    config = CONFIG.format(grace="10s" if manner == "polite" else "1s", more='[hosts.gpu1]\nssh = "gpu1"\n')
    launch = f"pid:{host}/{job.pid}" if host else f"pid:{job.pid}"
    return Case(Stage(folder, launch, mode, config), counted, lambda: gone(job.pid))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def at_gpu1(sshd: Sshd, tmp_path: Path) -> Path:
    """A folder whose user reaches gpu1."""
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd.config, tmp_path / ".ssh" / "config")
    return tmp_path


def noted(note: Note, stopper: str, code: int) -> None:
    """For the count at the end of the run."""
    note("crash", f"{stopper} {'alone' if code == 0 else 'asked'}")


@pytest.mark.parametrize("point", LOOKING + STOPPING)
def test_a_process_here(tmp_path: Path, jobs: Jobs, point: str, record_property: Note) -> None:
    """Alone everywhere but where a signal was marked and perhaps not sent: nobody sends it twice, a person is asked."""
    code = process_case(tmp_path, jobs).run(point)
    noted(record_property, "process", code)
    assert (code == 0) == (point != "stop.rung")


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
@pytest.mark.parametrize("point", points("stop.marked", "stop.rung", "stop.sent"))
def test_a_process_behind_ssh(at_gpu1: Path, jobs: Jobs, point: str, record_property: Note) -> None:
    """Signal and mark travel together, so that every point recovers alone, with exactly one SIGTERM."""
    case = process_case(at_gpu1, jobs, host="gpu1")
    code = case.run(point)
    noted(record_property, "ssh", code)
    assert (code, case.executions) == (0, 1)


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
@pytest.mark.parametrize("point", ANSWERING if EVERYTHING else ANSWERING[1:])
def test_an_answer_about_a_process_behind_ssh(at_gpu1: Path, jobs: Jobs, point: str) -> None:
    """An answer that was not committed is asked for again; one that was is carried out."""
    case = process_case(at_gpu1, jobs, host="gpu1", mode=Mode.ASK)
    assert (case.run(point), case.executions) == (0, 1)


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
@pytest.mark.parametrize("host", ["", "gpu1"])
def test_the_ladder_goes_on_where_it_was_left(at_gpu1: Path, jobs: Jobs, host: str) -> None:
    """Dead after SIGTERM went to a job that ignores it: the next life sends no second one, but SIGKILL."""
    case = process_case(at_gpu1, jobs, host=host, manner="stubborn")
    case.stage.prepare()
    # Here the rung counts as carried out only with its second mark; there the first one comes with the signal.
    died = case.stage.live("stop.sent" if host else "stop.waiting")
    assert died == -signal.SIGKILL
    assert (case.stage.live(), case.executions) == (0, 1)
    case.holds(0)


@pytest.mark.system(*PROGRAMS)
@pytest.mark.parametrize("point", points("stop.rung", "stop.sent"))
def test_a_job_of_slurm(slurm: Slurm, tmp_path: Path, point: str, record_property: Note) -> None:
    """The mark and scancel are one process that outlives us, so that every point recovers alone, with one scancel."""
    counted, first = tmp_path / "executions", tmp_path / "bin"
    first.mkdir()
    (first / "scancel").write_text(f'#!/bin/sh\necho run >>"{counted}"\nexec "{slurm.bin}/scancel" "$@"\n')
    (first / "scancel").chmod(0o755)
    job = slurm.call("sbatch", "--parsable", "-o", "/dev/null", "--wrap", LINGERING).strip()

    def state() -> str:
        return slurm.call("squeue", "-h", "-t", "all", "-o", "%T", "-j", job, check=False).strip()

    deadline = time.monotonic() + 60
    while state() != "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    config = CONFIG.format(grace="1s", more=f'path = ["{first}", "{slurm.bin}"]\n')
    case = Case(
        Stage(tmp_path, f"slurm:{job}", Mode.AUTO, config), counted, lambda: state() in {"", "CANCELLED", "COMPLETED"}
    )
    code = case.run(point)
    noted(record_property, "slurm", code)
    assert (code, case.executions) == (0, 1)
