"""Whether a run is over: the tracker's word crossed with its rows, its heartbeat and its process.

The tracker is wrong in both directions: "running" for weeks after a crash, "crashed" while the training goes on
(wandb issues 6779, 1526, 3405). An exit written by the run itself (finished, failed, killed) counts unless its process
is alive; a crash is only the server's guess and counts when nothing has moved for a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import SourceStatus, View
from trainwatch_core.model.run import RunState
from trainwatch_core.model.stop import JobState, Probe

CRASH_SILENCE = 600.0
"""Seconds without a sign of life that make a reported crash believable: twice the server's own five minutes."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        how: One word or two for a title: `finished`, `failed`, `gone`.
        finding: What shows it.
    """

    how: str
    finding: Finding


def ending(view: View, job: Probe | None) -> Ending | None:
    """How the run ended, or None if it has not, or if nobody can know.

    Args:
        view: What this round sees.
        job: A fresh probe of the job; None where no launch is known.
    """
    state = view.info.state
    seen = view.source.status is not SourceStatus.UNREACHABLE
    if job is not None and job.state is JobState.ALIVE:
        return None
    if seen and state is not None and state.over and (state is not RunState.CRASHED or _silent(view)):
        return _ending(state, f"The tracker says that the run is {state}")
    # Another process under the same id proves as well that the job is gone.
    if job is not None and job.state in {JobState.GONE, JobState.REPLACED} and _unmoved(view):
        word = f"; the tracker still says {state}" if state is not None else ""
        return Ending("gone", _finding("job.gone", Decision.WAIT, f"The job is gone ({job.detail}){word}."))
    return None


def _ending(state: RunState, words: str) -> Ending:
    decision = Decision.CONTINUE if state is RunState.FINISHED else Decision.WAIT
    return Ending(str(state), _finding(f"run.{state}", decision, f"{words}."))


def _finding(code: str, argues_for: Decision, text: str) -> Finding:
    weight = Weight.INFO if argues_for is Decision.CONTINUE else Weight.BLIND
    return Finding("ending", code, argues_for, weight, text)


def _unmoved(view: View) -> bool:
    return view.progress_at is None or view.progress_at < view.now


def _silent(view: View) -> bool:
    signs = [view.info.heartbeat_at, view.history.last_time, view.progress_at]
    known = [sign for sign in signs if sign is not None and math.isfinite(sign)]
    return bool(known) and view.now - max(known) >= CRASH_SILENCE
