"""The ladder of a stop: rung by rung, until a probe says that the job is gone."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable

from trainwatch_core.adapters import shell
from trainwatch_core.adapters.shell import BEGUN_BEFORE, Ran
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.stop import Execution, JobState, Probe, StepResult, StopPlan, StopStep
from trainwatch_core.ports import Clock
from trainwatch_core.report.redact import clean, plain, redact

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where commands are looked for: fixed, so that nobody's environment decides what runs."""

_LINE = 500
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5


def minimal_environment() -> dict[str, str]:
    """All the environment that a command gets: made from the user database, nothing of it taken from our own."""
    fixed = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return fixed
    return fixed | {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}


def climb(  # what a stop is made of
    plan: StopPlan,
    clock: Clock,
    *,
    take: Callable[[int], StepResult],
    look: Callable[[], Probe],
    patient: bool = False,
    first: int = 0,
) -> Execution:
    """Take the steps of the plan, and no others, until the job is gone or the ladder ends.

    Args:
        plan: What was approved.
        clock: Time.
        take: Takes the rung with this number.
        look: The independent probe.
        patient: Whether a look that finds nothing out may find something out later (the network was away). No harder
            rung is taken then while nobody knows how the job is.
        first: The rung to begin with; those below it were taken before.
    """
    results: list[StepResult] = []
    probe = look()
    for number, step in list(enumerate(plan.steps))[first:]:
        result = take(number)
        results.append(result)
        # Waiting for the effect of what did not happen only lets the job run on.
        probe = await_gone(look, step.wait if result.ok or result.unsure else 0.0, clock, patient=patient)
        if probe.state in {JobState.GONE, JobState.REPLACED} or (patient and probe.state is JobState.UNKNOWN):
            break
    return Execution(tuple(results), probe)


def await_gone(look: Callable[[], Probe], wait: float, clock: Clock, *, patient: bool = False) -> Probe:
    """Look again and again until the job is gone, or for at most `wait` seconds; the last look."""
    deadline = clock.monotonic() + wait
    pause = _FIRST_PAUSE
    again = {JobState.ALIVE, JobState.UNKNOWN} if patient else {JobState.ALIVE}
    while (probe := look()).state in again and (left := deadline - clock.monotonic()) > 0:
        clock.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return probe


def run_step(step: StopStep, plan: StopPlan, run: Callable[[StopStep, StopPlan], Ran]) -> StepResult:
    """Run a rung that is a command, in the directory and environment that the plan names."""
    try:
        ran = run(step, plan)
    except OSError as error:
        return StepResult(
            step.label, ok=False, detail=clean(f"Could not be started: {error.strerror} ({step.argv[0]})")
        )
    except TrainwatchError as error:
        return StepResult(step.label, ok=False, detail=clean(f"Was not run: {error}", 500))
    unsure = ran.lost or ran.exit_code == BEGUN_BEFORE
    return StepResult(step.label, ran.exit_code == 0, ran.exit_code, _outcome(ran, step), _tail(ran), unsure=unsure)


def run_here(clock: Clock) -> Callable[[StopStep, StopPlan], Ran]:
    """Runs the commands of a plan on this machine."""

    def run(step: StopStep, plan: StopPlan) -> Ran:
        return shell.run(step.argv, clock=clock, timeout=step.timeout, environment=plan.environment, cwd=plan.cwd)

    return run


def _outcome(ran: Ran, step: StopStep) -> str:
    if ran.lost:
        return f"The connection to {step.host} was lost after it was sent: nobody knows whether it was carried out"
    if ran.exit_code is None:
        return f"Did not end within {step.timeout:g} s; it and its process group were killed"
    if ran.exit_code < 0:
        return f"Ended by {_signal_name(-ran.exit_code)} after {ran.seconds:.1f} s"
    return f"Exit code {ran.exit_code} after {ran.seconds:.1f} s"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(ran: Ran) -> str:
    """The output as lines for a person: redacted, nothing invisible, no half line that could be half a secret."""
    output = ran.output
    if ran.written > len(output):
        output = output.partition(b"\n")[2]
    lines = plain(redact(output.decode("utf-8", "replace"))).splitlines()
    return "\n".join(clean(line, _LINE) for line in lines)
