"""Whether a run is over: the tracker's word crossed with its rows, its heartbeat and its process.

The tracker is wrong in both directions: "running" for weeks after a crash, "crashed" while the training goes on
(wandb issues 6779, 1526, 3405). An exit written by the run itself (finished, failed, killed) counts unless its process
is alive; a crash is only the server's guess and counts when nothing has moved for a while.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.round import SourceStatus, View
from trainwatch_core.model.run import RunState
from trainwatch_core.model.stop import JobState, Probe

CRASH_SILENCE = 600.0
"""Seconds without a sign of life that make a reported crash believable: twice the server's own five minutes."""

LASTING = 2
"""Looks in a row that must find a run silent before a person is called."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        how: One word or two for a title: `finished`, `failed`, `gone`.
        finding: What shows it.
    """

    how: str
    finding: Finding


def ending(view: View) -> Ending | None:
    """How the run ended, or None if it has not, or if nobody can know."""
    state, job = view.info.state, view.job
    seen = view.source.status is not SourceStatus.UNREACHABLE
    if job is not None and job.state is JobState.ALIVE:
        return None
    if seen and state is not None and state.over and (state is not RunState.CRASHED or _silent(view)):
        return _ending(state, f"The tracker says that the run is {state}")
    # Another process under the same id proves as well that the job is gone.
    if job is not None and job.state in {JobState.GONE, JobState.REPLACED} and _unmoved(view):
        return Ending("gone", _finding("job.gone", Decision.WAIT, _all_words(view, job)))
    return None


def _all_words(view: View, job: Probe) -> str:
    """What each witness says of a job that is gone: the tracker, the values, the process."""
    said = [f"The tracker says {view.info.state}"] if view.info.state is not None else []
    silence = _silence(view)
    if silence is not None:
        said.append(f"nothing moved for {say_duration(silence)}")
    said.append(f"the job is gone ({job.detail})")
    words = ", ".join(said)
    return f"{words[0].upper()}{words[1:]}."


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a person should look at.

    Attributes:
        words: What is wrong.
        rounds: How many looks in a row found it, this one included: one alarm is enough for all of them.
    """

    words: str
    rounds: int


def alarm(findings: Iterable[Finding], past: Sequence[Iterable[Finding]]) -> Alarm | None:
    """Whether a silence or a contradiction lasts, so that somebody must look; trainwatch itself can only wait.

    Args:
        findings: Of this round.
        past: Of the rounds before, oldest first.
    """
    mine = next((finding for finding in findings if _calls(finding)), None)
    if mine is None:
        return None
    rounds = 1 + sum(1 for _ in takewhile(lambda before: any(map(_calls, before)), reversed(past)))
    return Alarm(f"Somebody should look: {mine.text}", rounds) if rounds >= LASTING else None


def _calls(finding: Finding) -> bool:
    return finding.check == "stale" and finding.weight is Weight.BLIND


def _ending(state: RunState, words: str) -> Ending:
    decision = Decision.CONTINUE if state is RunState.FINISHED else Decision.WAIT
    return Ending(str(state), _finding(f"run.{state}", decision, f"{words}."))


def _finding(code: str, argues_for: Decision, text: str) -> Finding:
    weight = Weight.INFO if argues_for is Decision.CONTINUE else Weight.BLIND
    return Finding("ending", code, argues_for, weight, text)


def _unmoved(view: View) -> bool:
    return view.progress_at is None or view.progress_at < view.now


def _silent(view: View) -> bool:
    """Whether nothing of the run gives a sign of life any more, its log included."""
    signs = [view.info.heartbeat_at, view.history.last_time, view.progress_at, view.log_at]
    known = [sign for sign in signs if sign is not None and math.isfinite(sign)]
    return bool(known) and view.now - max(known) >= CRASH_SILENCE


def _silence(view: View) -> float | None:
    """Seconds since values arrived; None if none ever did."""
    known = [sign for sign in (view.history.last_time, view.progress_at) if sign is not None and math.isfinite(sign)]
    return max(0.0, view.now - max(known)) if known else None
