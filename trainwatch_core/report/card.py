"""A watch at a glance: how it stands, its main curve in eight letters, what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Card, Figure, Look
from trainwatch_core.model.numbers import say, say_change, say_percent_change, say_step
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import Round, SourceStatus, View
from trainwatch_core.model.run import RunState
from trainwatch_core.model.series import Series
from trainwatch_core.model.watch import EndReason, Mode, Watch, WatchState
from trainwatch_core.report.compose import chief_metrics, run_name, safe, seconds_left
from trainwatch_core.report.redact import clean, redact

_BARS = "▁▂▃▄▅▆▇█"
_BAD = "✕"
_WIDE = 8
_METRICS = 3
_STEEP = 1e3
"""From this ratio on the curve is drawn in powers of ten: else a blow-up hides all that was before it."""
_FORESEEABLE = 3650 * 86400.0
"""Seconds: an end that is farther away is none."""
_SCORES = frozenset({Role.EVAL_SCORE, Role.TRAIN_SCORE})

_BY_STATE: Mapping[WatchState, Look] = {
    WatchState.PAUSED: Look.PAUSED,
    WatchState.STOP_PENDING: Look.WANTS_STOP,
    WatchState.STOPPING: Look.STOPPING,
}


def card_key(watch_id: str) -> str:
    """The key of the outbox row that posts the card of a watch."""
    return f"{watch_id}/card"


def compose_card(
    watch: Watch,
    view: View | None,
    rounds: Sequence[Round],
    over_at: datetime | None = None,
    *,
    quiet_until: datetime | None = None,
) -> Card:
    """The card of a watch.

    Args:
        watch: As its row says.
        view: What is known of the run; None before the first round.
        rounds: The last rounds, oldest first; two suffice, and where the last saw nothing, all that saw nothing.
        over_at: When the job was proven gone; None if it was not.
        quiet_until: Until when ordinary rounds are held back; None if they are not.
    """
    last = rounds[-1] if rounds else None
    look = _look(watch, last)
    left = seconds_left(view) if view is not None and watch.state is not WatchState.ENDED else None
    return Card(
        watch_id=watch.id,
        run=run_name(last.info.name if last else "", watch),
        url=last.info.url if last else "",
        look=look,
        why=_why(look, last),
        metrics=_metrics(view, rounds) if view is not None else (),
        progress=_progress(view, last) if view is not None and last is not None else "",
        next_at=watch.next_round_at,
        round_number=watch.round_count,
        automatic=watch.context.mode is Mode.AUTO,
        owner=watch.owner,
        since=watch.created_at,
        over_at=over_at if look is Look.STOPPED else None,
        at=last.at if last is not None else None,
        compared_at=rounds[-2].at if len(rounds) > 1 else None,
        done_at=last.at + timedelta(seconds=left) if last is not None and left and left < _FORESEEABLE else None,
        blind_since=_blind_since(rounds) if look is Look.BLIND else None,
        quiet_until=quiet_until,
    )


def _blind_since(rounds: Sequence[Round]) -> datetime:
    """When the first look of the unbroken row was that saw nothing and ends here."""
    row = takewhile(lambda round_: round_.source.status is SourceStatus.UNREACHABLE, reversed(rounds))
    return min(round_.at for round_ in row)


def _look(watch: Watch, last: Round | None) -> Look:
    if watch.state is WatchState.ENDED:
        return _ended(watch, last)
    if watch.state in _BY_STATE:
        return _BY_STATE[watch.state]
    if last is None:
        return Look.NEW
    if last.source.status is SourceStatus.UNREACHABLE:
        return Look.BLIND
    if last.verdict.decision is Decision.CONTINUE:
        return Look.RECOVERED if _of(last, Weight.RECOVERED) else Look.HEALTHY
    return Look.CLOSE


def _ended(watch: Watch, last: Round | None) -> Look:
    if watch.ended_reason is EndReason.STOP_CONFIRMED:
        return Look.STOPPED
    finished = last is not None and last.info.state is RunState.FINISHED
    return Look.FINISHED if watch.ended_reason is EndReason.RUN_ENDED and finished else Look.ENDED


def _why(look: Look, last: Round | None) -> str:
    """What a person wants to know beside the word; nothing where all is well."""
    if last is None:
        return ""
    if look is Look.RECOVERED:
        return safe(_of(last, Weight.RECOVERED)[0].text)
    if look is Look.BLIND:
        return safe(last.source.failures[0]) if last.source.failures else ""
    if look in {Look.CLOSE, Look.WANTS_STOP, Look.STOPPING, Look.STOPPED, Look.ENDED}:
        return safe(last.verdict.reasons[0].text)
    return ""


def _of(round_: Round, weight: Weight) -> list[Finding]:
    return [finding for finding in round_.verdict.reasons if finding.weight is weight]


def _metrics(view: View, rounds: Sequence[Round]) -> tuple[Figure, ...]:
    """The loss first: its curve is the pulse of the run. Then what the person asked for, then the rest."""
    chief = sorted(chief_metrics(view), key=lambda metric: metric[1] is not Role.TRAIN_LOSS)
    before = rounds[-2].latest if len(rounds) > 1 else {}
    return tuple(
        _figure(name, role, view.history.series[name], before.get(name), drawn=not place)
        for place, (name, role) in enumerate(chief[:_METRICS])
    )


def _figure(name: str, role: Role, series: Series, old: float | None, *, drawn: bool) -> Figure:
    change = ""
    if old is not None and np.isfinite([old, series.last]).all() and old != series.last:
        # A score moves by points, everything else by a share of itself.
        change = (say_change if role in _SCORES else say_percent_change)(old, series.last)
    return Figure(f"{clean(redact(name), 40)} {say(series.last)}", sparkline(series) if drawn else "", change)


def _progress(view: View, last: Round) -> str:
    if last.last_step is None:
        return ""
    text = f"step {say_step(last.last_step)}"
    if view.planned_steps and view.planned_steps >= last.last_step:
        text += f" of {say_step(view.planned_steps)} ({100 * last.last_step / view.planned_steps:.0f} %)"
    return text


def sparkline(series: Series) -> str:
    """The window of a series in at most eight letters; a stretch that ends in NaN is a cross."""
    if not len(series):
        return ""
    parts = np.array_split(series.values, min(_WIDE, len(series)))
    ends = np.array([float(part[-1]) for part in parts])
    means = [float(np.mean(part[np.isfinite(part)])) if np.isfinite(part).any() else np.nan for part in parts]
    heights = np.where(np.isfinite(ends), means, np.nan)
    known = heights[np.isfinite(heights)]
    if not len(known):
        return _BAD * len(parts)
    if known.min() > 0 and known.max() / known.min() > _STEEP:
        heights, known = np.log10(heights), np.log10(known)
    low, span = float(known.min()), float(known.max() / 2 - known.min() / 2)
    # Halves, because the difference of two values near the largest float is no float.
    return "".join(
        _BAD
        if not np.isfinite(height)
        else _BARS[round((height / 2 - low / 2) / span * (len(_BARS) - 1)) if span > 0 else 0]
        for height in heights
    )
