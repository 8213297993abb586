"""The last words of a watch: outcome of a stop, FINAL_SUMMARY, the note for the project."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import FinalSummary
from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.round import Round, View
from trainwatch_core.model.series import Series
from trainwatch_core.model.stop import Execution, JobState, RequestState, StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import chief_metrics, run_name, safe, seconds_left
from trainwatch_core.report.markdown import escape_markdown

STOPPED_TAG = "trainwatch-stopped"
"""Tag of a run that was stopped, in its tracker."""
_PRIVATE = frozenset({"Evidence", "Note", "Run"})
_HOUR = 3600.0
_NUMBER = re.compile(r"[0-9][0-9.,e+\-]*")


@dataclass(frozen=True, slots=True)
class Finish:
    """How a watch came to its end.

    Attributes:
        at: Aware, UTC.
        request: The stop that ended it; None if the run ended by itself.
        how: How the run ended by itself, e.g. `finished`; empty after a stop.
        price: Of an hour of the job; None if unknown.
        currency: Of that price.
    """

    at: datetime
    request: StopRequest | None = None
    how: str = ""
    price: float | None = None
    currency: str = ""


def outcome_lines(request: StopRequest, execution: Execution, now: datetime, *, after_restart: bool) -> tuple[str, ...]:
    """What happened to a stop, first line first; loud where the job is not proven gone."""
    probe = execution.probe
    restart = " (verified after restart)" if after_restart else ""
    seconds = say_duration(max(0.0, (now - (request.decided_at or now)).total_seconds()))
    match request.state:
        case RequestState.STOPPED:
            first = f"Stopped{restart}: gone {seconds} after the decision ({safe(probe.detail)})."
        case RequestState.ALREADY_ENDED:
            first = f"Nothing to stop: the job had already ended ({safe(probe.detail)}). No command was run."
        case RequestState.FAILED:
            first = f"NOT stopped{restart}: the job still runs ({safe(probe.detail)}). Nothing else was tried."
        case _:
            first = f"Unknown{restart}: the outcome is unverified ({safe(probe.detail)}). Look yourself."
    lines = [first, *(f"Still there: {safe(line)}" for line in probe.survivors)]
    lines += [f"{safe(r.label)}: {safe(r.detail) or ('done' if r.ok else 'failed')}" for r in execution.results]
    return tuple(lines)


def summarise(watch: Watch, last: Round, view: View, finish: Finish) -> FinalSummary:
    """FINAL_SUMMARY: what happened, best metrics, who decided, command, outcome, proof, hours saved, paths."""
    request = finish.request
    saved = _seconds_saved(view) if request is not None and request.state is RequestState.STOPPED else 0.0
    lines: list[tuple[str, str]] = [("What happened", _what(last, finish))]
    lines += [("Best", best) for best in bests(view)]
    if last.last_step is not None:
        lines.append(("Last step", say_step(last.last_step)))
    if request is not None:
        lines += _stop_lines(request, view)
        lines += _saved(saved, finish)
    if last.info.url:
        lines.append(("Run", safe(last.info.url)))
    if request is not None and request.evidence:
        lines.append(("Evidence", request.evidence))
    if watch.context.notes_path:
        lines.append(("Note", watch.context.notes_path))
    lines.append(("Rounds", str(last.number)))
    return FinalSummary(watch.id, run_name(last.info.name, watch), _title(watch, last, finish), tuple(lines), saved)


def note(summary: FinalSummary, at: datetime) -> str:
    """The summary as a Markdown section for the project's notes file; everything from outside is escaped."""
    heading = f"\n## {at:%Y-%m-%d %H:%M} UTC · {escape_markdown(summary.title)}\n\n"
    return heading + "".join(f"- {label}: {escape_markdown(text)}\n" for label, text in summary.lines)


def tracker_note(summary: FinalSummary, at: datetime) -> str:
    """The same for the run's own notes in its tracker, without what only this machine's people can open."""
    public = tuple((label, text) for label, text in summary.lines if label not in _PRIVATE)
    return note(replace(summary, lines=public), at).strip()


def _title(watch: Watch, last: Round, finish: Finish) -> str:
    name = run_name(last.info.name, watch)
    if finish.request is None:
        return f"{name}: {finish.how or 'ended'}"
    done = "stopped, proven gone" if finish.request.state is RequestState.STOPPED else "had already ended"
    return f"{name}: {done}"


def _what(last: Round, finish: Finish) -> str:
    """What happened, in two sentences."""
    request = finish.request
    reasons = last.verdict.reasons
    if request is not None:
        stopping = [reason for reason in reasons if reason.argues_for is Decision.STOP]
        first = [request.reason] if request.reason else []
        # Of what it was asked for the last look had newer numbers, no news.
        texts = [*first, *(safe(reason.text) for reason in stopping if not _same(safe(reason.text), request.reason))]
    else:
        texts = [reason.text for reason in reasons]
    return " ".join(safe(text) for text in texts[:2])


def _same(one: str, other: str) -> bool:
    """Whether two sentences differ in their numbers only."""
    return _NUMBER.sub("#", one) == _NUMBER.sub("#", other)


def bests(view: View) -> list[str]:
    """The best values of the chief metrics and where they were met, at most three: `loss 2.31 at step 40,100`."""
    found = []
    for name, _ in chief_metrics(view):
        goal = view.goals.get(name)
        best = _best(view.history.series[name], goal) if goal is not None else None
        if best is not None:
            found.append(f"{safe(name)} {say(best.value)} {'at' if best.exact else 'near'} step {say_step(best.step)}")
    return found[:3]


@dataclass(frozen=True, slots=True)
class _Best:
    value: float
    step: float
    exact: bool


def _best(series: Series, goal: Goal) -> _Best | None:
    """The best value of the whole run. In a bucket its step is known to the bucket's width only."""
    steps, values = series.finite
    extremes = series.bucket("minimum" if goal is Goal.MINIMIZE else "maximum")
    values = np.concatenate([extremes, values])
    steps = np.concatenate([series.bucket("last_step"), steps])
    exact = np.concatenate([series.bucket("count") == 1, np.ones(len(values) - len(extremes), dtype=bool)])
    known = np.isfinite(values)
    if not known.any():
        return None
    pick = np.argmin if goal is Goal.MINIMIZE else np.argmax
    at = int(pick(values[known]))
    return _Best(float(values[known][at]), float(steps[known][at]), bool(exact[known][at]))


def _stop_lines(request: StopRequest, view: View) -> list[tuple[str, str]]:
    who = str(request.decided_by) if request.decided_by else "nobody"
    if request.execute_after is not None and request.decided_by is not None:
        who += " (automatic mode)"
    command = ", then ".join(s.shown for s in request.plan.steps)
    lines = _began(request, view)
    lines += [("Decided by", who), ("Command", command)]
    execution = request.execution
    if execution is not None:
        gone = execution.probe.state in {JobState.GONE, JobState.REPLACED}
        lines.append(("Outcome", "gone" if gone else str(execution.probe.state)))
        lines.append(("Proof", safe(execution.probe.detail)))
    return lines


def _began(request: StopRequest, view: View) -> list[tuple[str, str]]:
    if request.onset_step is None:
        return []
    lines = [("Began at", f"step {say_step(request.onset_step)}")]
    good = _last_good(request.onset_step, view)
    if good is not None:
        lines.append(("Last good step", f"{say_step(good)} (take the newest checkpoint up to there)"))
    return lines


def _last_good(onset: float, view: View) -> float | None:
    before = [s.steps[s.steps < onset] for s in view.history.series.values() if len(s)]
    last = [float(steps[-1]) for steps in before if len(steps)]
    return max(last, default=None)


def _seconds_saved(view: View) -> float:
    left = seconds_left(view)
    return left if left is not None and math.isfinite(left) else 0.0


def _saved(left: float, finish: Finish) -> list[tuple[str, str]]:
    if not left:
        return []
    hours = left / _HOUR
    text = f"about {say_duration(left)} of the plan"
    if finish.price is not None:
        text += f", about {say(hours * finish.price)} {finish.currency}".rstrip()
    return [("Saved", text)]
