"""The ladder of a stop: rung by rung, until a probe says that the job is gone."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable

from trainwatch_core.adapters import shell
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


def climb(
    plan: StopPlan, clock: Clock, *, send: Callable[[StopStep], StepResult], look: Callable[[], Probe]
) -> Execution:
    """Take the steps of the plan, and no others, until the job is gone or the ladder ends.

    Args:
        plan: What was approved.
        clock: Time.
        send: Takes a rung that is a signal.
        look: The independent probe.
    """
    results: list[StepResult] = []
    probe = look()
    for step in plan.steps:
        result = run_step(step, plan, clock) if step.argv else send(step)
        results.append(result)
        # Waiting for the effect of what did not happen only lets the job run on.
        probe = await_gone(look, step.wait if result.ok else 0.0, clock)
        if probe.state is JobState.GONE:
            break
    return Execution(tuple(results), probe)


def await_gone(look: Callable[[], Probe], wait: float, clock: Clock) -> Probe:
    """Look again and again until the job is gone, or for at most `wait` seconds; the last look."""
    deadline = clock.monotonic() + wait
    pause = _FIRST_PAUSE
    while (probe := look()).state is JobState.ALIVE and (left := deadline - clock.monotonic()) > 0:
        clock.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return probe


def run_step(step: StopStep, plan: StopPlan, clock: Clock) -> StepResult:
    """Run a rung that is a command, in the directory and environment that the plan names."""
    try:
        ran = shell.run(step.argv, clock=clock, timeout=step.timeout, environment=plan.environment, cwd=plan.cwd)
    except OSError as error:
        return StepResult(
            step.label, ok=False, detail=clean(f"Could not be started: {error.strerror} ({step.argv[0]})")
        )
    return StepResult(step.label, ran.exit_code == 0, ran.exit_code, _outcome(ran, step), _tail(ran))


def _outcome(ran: shell.Ran, step: StopStep) -> str:
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


def _tail(ran: shell.Ran) -> str:
    """The output as lines for a person: redacted, nothing invisible, no half line that could be half a secret."""
    output = ran.output
    if ran.written > len(output):
        output = output.partition(b"\n")[2]
    lines = plain(redact(output.decode("utf-8", "replace"))).splitlines()
    return "\n".join(clean(line, _LINE) for line in lines)
