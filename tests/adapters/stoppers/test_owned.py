"""Stopping by the operator's own commands, `[stoppers.NAME]`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.owned import OwnedJob
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.config.targets import ParamTable, RungTable, StopperTable, VerifyTable
from trainwatch_core.model.errors import InvalidInputError, JobNotFoundError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Job, Jobs, gone
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

TOKEN = "a" * 32
StopperOf = Callable[..., GuardedStopper]

STATE = "ps -o stat= -p {pid} | grep -v Z"
TABLE = StopperTable(
    argv=("/bin/kill", "-TERM", "--", "{pid}"),
    params={"pid": ParamTable("int", min=2)},
    identity=("/bin/sh", "-c", f"{STATE} >/dev/null && ps -o lstart=,args= -p {{pid}}"),
    verify=VerifyTable(("/bin/sh", "-c", f"{STATE} || true"), within=20.0),
    escalate=(RungTable(("/bin/kill", "-KILL", "--", "{pid}"), after=1.0),),
)


@pytest.fixture
def stopper_for(clock: Clock, tokens: Path) -> StopperOf:
    """Makes a stopper of a launch and a table `lab`."""

    def make(target: str, table: StopperTable = TABLE) -> GuardedStopper:
        launch = parse_launch(f"command:{target}")
        return GuardedStopper(OwnedJob(launch, LocalPlace(clock, tokens), {"lab": table}), clock)

    return make


class OwnedStage:
    """A process that the operator's own commands know."""

    def __init__(self, jobs: Jobs, make: StopperOf) -> None:
        self._jobs, self._make = jobs, make
        self._job: Job | None = None

    def stopper(self) -> GuardedStopper:
        assert self._job is not None
        return self._make(f"lab:pid={self._job.pid}")

    def start(self) -> None:
        self._job = self._jobs.start()

    def end(self) -> None:
        assert self._job is not None
        self._job.end()

    def runs(self) -> bool:
        return self._job is not None and not gone(self._job.pid)


class TestOwned(StopperConformance):
    """With identity and verify the operator's commands keep the promises of all stoppers."""

    renewable = False

    @pytest.fixture
    def stage(self, jobs: Jobs, stopper_for: StopperOf) -> Stage:
        """A process."""
        return OwnedStage(jobs, stopper_for)


def test_the_harder_command_runs_only_if_the_job_is_still_there(jobs: Jobs, stopper_for: StopperOf) -> None:
    """F-S01: SIGTERM is ignored, so the second command of the table is run after its time; it was shown before."""
    job = jobs.start("signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); rest()")
    stopper = stopper_for(f"lab:pid={job.pid}")
    plan = stopper.plan(stopper.identify())
    assert [(step.argv[1], step.wait) for step in plan.steps] == [("-TERM", 1.0), ("-KILL", 20.0)]
    done = stopper.execute(plan, TOKEN)
    assert [result.ok for result in done.results] == [True, True]
    assert done.probe.state is JobState.GONE


def test_without_verify_the_outcome_is_unverified(stopper_for: StopperOf) -> None:
    """P3: exit code 0 proves nothing, and the plan says that nothing can be proven."""
    stopper = stopper_for("lab", StopperTable(argv=("/bin/true",)))
    plan = stopper.plan(stopper.identify())
    assert plan.verify == ""
    done = stopper.execute(plan, TOKEN)
    assert done.results[0].ok
    assert done.probe.state is JobState.UNKNOWN
    assert done.probe.detail.startswith("unverified")


def test_a_verify_command_that_fails_proves_nothing(stopper_for: StopperOf) -> None:
    """No output of a command that failed is no proof: unknown, not gone."""
    failing = VerifyTable(("/bin/sh", "-c", "exit 3"))
    stopper = stopper_for("lab", StopperTable(argv=("/bin/true",), verify=failing))
    assert stopper.probe(stopper.identify()).state is JobState.UNKNOWN
    by_code = VerifyTable(("/bin/sh", "-c", "exit 3"), gone_if="exit_nonzero")
    stopper = stopper_for("lab", StopperTable(argv=("/bin/true",), verify=by_code))
    assert stopper.probe(stopper.identify()).state is JobState.GONE


@pytest.mark.parametrize(
    "value", ["0", "1", "-1", "", "12 34", "--help", "012", "+7", "1e3", "\uff11\uff12\uff13", "12\n", "$(id)"]
)
def test_numbers_that_are_none_are_refused(value: str, stopper_for: StopperOf) -> None:
    """F-S06: also by the grammar of launches before the parameter's type is looked at."""
    with pytest.raises(InvalidInputError):
        stopper_for(f"lab:pid={value}")


@pytest.mark.parametrize("given", ["", ":pid", ":job=4", ":pid=4,pid=5", ":pid=4,x=5"])
def test_parameters_are_exactly_those_of_the_stopper(given: str, stopper_for: StopperOf) -> None:
    """None missing, none twice, none too many; the message says what is expected."""
    with pytest.raises(InvalidInputError, match=r"pid=\.\.\.|must be"):
        stopper_for(f"lab{given}")


def test_an_unknown_stopper_is_refused_with_those_that_there_are(stopper_for: StopperOf) -> None:
    """Whatever a person types: only the file has commands."""
    with pytest.raises(InvalidInputError, match="has: lab"):
        stopper_for("lob:pid=4")


def test_words_are_never_read_by_a_shell(stopper_for: StopperOf, tmp_path: Path) -> None:
    """F-S07: what is filled in stays one word; choices are kept to."""
    table = StopperTable(
        argv=("/usr/bin/touch", "--", f"{tmp_path}/{{name}}"), params={"name": ParamTable("word", choices=("a~b", "c"))}
    )
    stopper = stopper_for("lab:name=a~b", table)
    stopper.execute(stopper.plan(stopper.identify()), TOKEN)
    assert (tmp_path / "a~b").exists()
    with pytest.raises(InvalidInputError, match="one of"):
        stopper_for("lab:name=d", table)


@pytest.mark.parametrize("value", ["-rf", "--help", "", "a b", "$(id)", "a;b", "a\n"])
def test_a_word_is_one_and_no_option(value: str, stopper_for: StopperOf) -> None:
    """F-S07: what begins with a dash would be an option of the command, wherever it is filled in."""
    table = StopperTable(argv=("/bin/echo", "{name}"), params={"name": ParamTable("word")})
    with pytest.raises(InvalidInputError):
        stopper_for(f"lab:name={value}", table)
    assert stopper_for("lab:name=a-b", table).plan(stopper_for("lab:name=a-b", table).identify()).steps


def test_an_identity_that_finds_nothing_stops_nothing(stopper_for: StopperOf, jobs: Jobs) -> None:
    """F-S07: an empty answer is no job; the stop command never runs on nothing."""
    job = jobs.start()
    stopper = stopper_for(f"lab:pid={job.pid}")
    plan = stopper.plan(stopper.identify())
    os.kill(job.pid, signal.SIGKILL)
    job.popen.wait(20)
    with pytest.raises(JobNotFoundError):
        stopper.identify()
    assert stopper.execute(plan, TOKEN).results == ()
