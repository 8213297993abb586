"""What a round says: the eight fields, as short lines of redacted text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trainwatch_core.forecast.words import CHECK as FORECAST
from trainwatch_core.forecast.words import FORETOLD
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Report
from trainwatch_core.model.numbers import say, say_duration, say_percent_change, say_step
from trainwatch_core.model.roles import Role, main_of
from trainwatch_core.model.round import Round, SourceStatus, View
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.redact import clean, redact
from trainwatch_core.schedules import LEVEL, Schedule, Shape, infer_schedule

_SHOWN_ROLES = (
    Role.TRAIN_LOSS,
    Role.EVAL_LOSS,
    Role.EVAL_SCORE,
    Role.TRAIN_SCORE,
    Role.LEARNING_RATE,
    Role.GRAD_NORM,
)
_MAX_KEY_METRICS = 4
_MAX_LINES = 6
_LINE = 300
_SINCE = " since last check"


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a round when it is told.

    Attributes:
        watch: The watch before this round.
        previous: The round before; None if this is the first.
        notes: Sentences of the source, and what is missing in the context (first round).
        next_at: When the next look is due; None means ending.
        ended: How the run ended; empty if it goes on.
    """

    watch: Watch
    previous: Round | None
    notes: tuple[str, ...]
    next_at: datetime | None
    ended: str = ""


def compose(round_: Round, view: View, setting: Setting) -> Report:
    """The report of a round."""
    anomalies = [f for f in round_.findings if f.argues_for is not Decision.CONTINUE]
    recovered = [f for f in round_.verdict.reasons if f.weight is Weight.RECOVERED]
    return Report(
        watch_id=round_.watch_id,
        round_number=round_.number,
        at=round_.at,
        title=f"{_headline(round_, recovered, setting.ended)} · {run_name(round_.info.name, setting.watch)}",
        source=safe(str(round_.source)),
        run=run_line(round_, setting.watch),
        metrics=_metrics(round_, view, setting.previous),
        anomalies=tuple(safe(f.text) for f in (*anomalies, *recovered))[:_MAX_LINES],
        evidence=_evidence(round_, view, setting),
        decision=round_.verdict.decision,
        reason=_reason(round_, anomalies),
        next_at=setting.next_at,
        recovered=bool(recovered),
    )


def safe(text: str) -> str:
    """Untrusted text made fit to show: redacted, without control characters, at most one line of 300 characters."""
    return clean(redact(text), _LINE)


def run_name(name: str, watch: Watch) -> str:
    """What a run is called: its display name, else the last part of its path."""
    return clean(redact(name), 80) or clean(watch.run.short, 80)


def run_line(round_: Round, watch: Watch) -> str:
    """Display name and identifier of the run."""
    name, target = run_name(round_.info.name, watch), safe(str(watch.run))
    return target if name == target else f"{name} ({target})"


def chief_metrics(view: View) -> list[tuple[str, Role]]:
    """The metrics worth a line: those of the person first, then one for each role."""
    counts = {name: series.count for name, series in view.history.series.items()}
    chosen = {name: view.roles.get(name, Role.OTHER) for name in view.key_metrics if name in view.history.series}
    chosen = dict(list(chosen.items())[:_MAX_KEY_METRICS])
    for role in _SHOWN_ROLES:
        name = main_of(role, view.roles, counts)
        if name is not None and len(view.history.series.get(name, ())):
            chosen.setdefault(name, role)
    return list(chosen.items())


def _headline(round_: Round, recovered: Sequence[Finding], ended: str) -> str:
    blind = any(f.weight is Weight.BLIND for f in round_.verdict.reasons)
    if ended:
        words = {"finished": "Finished"}.get(ended, f"Ended ({ended})")
    elif round_.verdict.decision is Decision.STOP:
        words = "Wants to stop"
    elif round_.source.status is SourceStatus.UNREACHABLE:
        words = "Cannot see it"
    elif round_.verdict.decision is Decision.WAIT:
        words = "Cannot tell yet" if blind else "Watching closely"
    else:
        words = "Recovered" if recovered else "Healthy"
    return words


def _metrics(round_: Round, view: View, previous: Round | None) -> tuple[str, ...]:
    before: Mapping[str, float] = previous.latest if previous is not None else {}
    lines: list[str] = []
    for name, _ in chief_metrics(view):
        # Said once: after the first metric everybody knows since when the others have changed.
        said = any(_SINCE in line for line in lines)
        lines.append(_metric(name, view, before.get(name), "" if said else _SINCE))
    told = [finding for finding in round_.findings if _foretells(finding)]
    # That nobody can tell yet is news once.
    lines += [_within(safe(found.text)) for found in told if found.code in FORETOLD or previous is None]
    progress = _progress(round_, view)
    return tuple(([progress] if progress else []) + lines) or ("none seen yet",)


def _within(sentence: str) -> str:
    """A sentence of ours that stands in a row with others."""
    return f"w{sentence[1:]}" if sentence.startswith("Where ") else sentence


def _foretells(finding: Finding) -> bool:
    """Whether it says how a metric will go on and argues for nothing: that stands with the metrics."""
    return finding.check == FORECAST and finding.argues_for is Decision.CONTINUE


def _metric(name: str, view: View, before: float | None, since: str) -> str:
    series = view.history.series[name]
    line = f"{clean(redact(name), 60)} {say(series.last)}"
    remarks = []
    if before is not None and math.isfinite(before) and math.isfinite(series.last) and before != series.last:
        remarks.append(f"{say_percent_change(before, series.last)}{since}")
    if view.roles.get(name) is Role.LEARNING_RATE and (schedule := infer_schedule(series)) is not None:
        remarks += _schedule(schedule)
    for word, wanted in (("baseline", view.baseline), ("target", view.target)):
        if name in wanted:
            remarks.append(f"{word} {say(wanted[name])}")
    return f"{line} ({', '.join(remarks)})" if remarks else line


def _schedule(schedule: Schedule) -> list[str]:
    if schedule.shape is Shape.UNKNOWN:
        return []
    gone = f", {100 * schedule.decayed:.0f} % down from {say(schedule.top)}" if schedule.decayed > LEVEL else ""
    return [f"{schedule.shape}{gone}"]


def _progress(round_: Round, view: View) -> str:
    step = round_.last_step
    if step is None:
        return ""
    if not view.planned_steps or view.planned_steps < step:
        return f"step {say_step(step)}"
    share = 100 * step / view.planned_steps
    line = f"step {say_step(step)} of {say_step(view.planned_steps)} ({share:.0f} %)"
    left = seconds_left(view)
    return f"{line}, about {say_duration(left)} left" if left is not None else line


def seconds_left(view: View) -> float | None:
    """Seconds until the planned end at the pace of the window; None if nobody can know."""
    if not view.planned_steps:
        return None
    best = max(view.history.series.values(), key=len, default=None)
    if best is None or len(best) < 2:  # noqa: PLR2004  # a pace needs two points
        return None
    span, moved = float(best.times[-1] - best.times[0]), float(best.steps[-1] - best.steps[0])
    if not math.isfinite(span) or span <= 0 or moved <= 0:
        return None
    return max(0.0, (view.planned_steps - float(best.steps[-1])) * span / moved)


def _evidence(round_: Round, view: View, setting: Setting) -> tuple[str, ...]:
    lines = [round_.info.url, *round_.source.inspected, *round_.source.failures]
    lines += [f"log: {event.line}" for event in view.events[-3:]]
    lines += [*setting.notes]
    if view.history.left_out:
        lines.append(f"{len(view.history.left_out)} further metrics are not kept")
    return tuple(dict.fromkeys(safe(line) for line in lines if line))


def _reason(round_: Round, anomalies: Sequence[Finding]) -> tuple[str, ...]:
    told = {f.key for f in (*anomalies, *filter(_foretells, round_.findings))}
    verdict = round_.verdict
    healthy = verdict.decision is Decision.CONTINUE
    # What stands under "Anomalies" is not said twice, but a decision never stands without its first reason.
    first, *others = [f for f in verdict.reasons if f.weight is not Weight.RECOVERED] or verdict.reasons
    lines = [first.text]
    lines += [f.text for f in others[:2] if f.key not in told and (healthy or f.weight is not Weight.INFO)]
    lines += [verdict.sure] if verdict.sure else []
    lines += [*verdict.held_back]
    if verdict.would_change:
        lines.append(verdict.would_change)
    return tuple(dict.fromkeys(safe(line) for line in lines))[:_MAX_LINES]
