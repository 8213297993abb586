"""The picture of a round: which metrics it shows, on which axes, with what marked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trainwatch_core.forecast.outlook import Forecast, forecast_of
from trainwatch_core.forecast.words import CHECK as FORECAST
from trainwatch_core.forecast.words import FORETOLD
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say
from trainwatch_core.model.roles import Goal, Role, main_of
from trainwatch_core.model.round import View
from trainwatch_core.model.series import Series
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.report.captions import Course, called, lost_since, progress, title, with_alt_text
from trainwatch_core.report.chart import Axis, ChartSpec, Stretch, Style
from trainwatch_core.report.curves import trace
from trainwatch_core.report.panels import Metric, panel, shown_name
from trainwatch_core.report.scaling import LARGEST, step_axis

_EVALS = 2  # at most: a third one would not be told apart on a phone
_TICKS, _STRIP_TICKS = 3, 2  # at least, of the values of a panel
_SEAMS = 6  # that can be told apart

_STYLES = {
    Role.TRAIN_LOSS: Style.LOSS,
    Role.EVAL_LOSS: Style.EVAL,
    Role.EVAL_SCORE: Style.SCORE,
    Role.LEARNING_RATE: Style.LR,
    Role.GRAD_NORM: Style.GRAD,
}
_GOALS = {Role.TRAIN_LOSS: Goal.MINIMIZE, Role.EVAL_LOSS: Goal.MINIMIZE}


def compose_chart(view: View, verdict: Verdict, *, last_check_step: float | None, run_name: str) -> ChartSpec | None:
    """The picture of a round, as data.

    Args:
        view: What the checks saw.
        verdict: What was decided; its reasons say what is shaded.
        last_check_step: Highest step of the round before; None in the first round.
        run_name: Untrusted; redacted and cut here.

    Returns:
        None if there is no metric that could be drawn.
    """
    reason = _shown_reason(verdict)
    upper, lower = _metrics(view, reason.metric if reason else "", _foretold(view, verdict))
    if not upper:
        return None
    drawn = [*upper, *lower]
    newest = max(float(metric.trace.steps[-1]) for metric in drawn)
    steps = _steps(drawn)
    seams = tuple(sorted({s for m in drawn for s in m.series.seams if steps.low < s < steps.high}))[-_SEAMS:]
    begin = _step_or(reason.first_step if reason else None, math.inf)
    cuts = (begin, _step_or(reason.last_step if reason else None, math.inf), *seams)
    top, bottom = panel(upper, view, steps, cuts, _TICKS), panel(lower, view, steps, cuts, _STRIP_TICKS)
    main = upper[0].series
    role = view.roles[main.name]
    course = Course(role, view.goals.get(main.name) or _GOALS.get(role), main, top.lines[0])
    mark = last_check_step
    return with_alt_text(
        ChartSpec(
            title=title(course, reason),
            run=shown_name(run_name),
            progress=progress(view.history.last_step, view.planned_steps),
            alt_text="",
            steps=steps,
            top=top,
            bottom=bottom if lower else None,
            anomaly=_stretch(reason, main, steps.low, newest),
            seams=seams,
            last_mark=mark if mark is not None and steps.low < mark < newest else None,
            nonfinite=sum(metric.series.nonfinite for metric in drawn),
            newest=newest,
        )
    )


def _foretold(view: View, verdict: Verdict) -> Forecast | None:
    """The forecast that the round speaks of; none where it speaks of none."""
    name = next((each.metric for each in verdict.reasons if each.check == FORECAST and each.code in FORETOLD), "")
    found = forecast_of(view, name) if name in view.history.series and name in view.goals else None
    return found if isinstance(found, Forecast) else None


def _metrics(view: View, worry: str, forecast: Forecast | None) -> tuple[list[Metric], list[Metric]]:
    """What the upper and the lower panel show."""
    counts = {name: series.count for name, series in view.history.series.items()}
    roles = {name: role for name, role in view.roles.items() if counts.get(name)}
    upper = _chosen(view, _upper_names(view, roles, counts, worry))
    lower = _chosen(view, _lower_names(roles, counts))
    upper = [replace(m, forecast=forecast) if forecast and forecast.metric == m.series.name else m for m in upper]
    # A panel needs something in it: without any loss or score the strip becomes the picture.
    return (upper, lower) if upper else (lower, [])


def _step_or(step: float | None, otherwise: float) -> float:
    return step if step is not None and math.isfinite(step) else otherwise


def _upper_names(view: View, roles: Mapping[str, Role], counts: Mapping[str, int], worry: str) -> list[str]:
    """The training loss, then at most two others: what the verdict is about, the person's, then evaluations."""
    asked = [worry, *view.key_metrics, *view.target, *view.baseline]
    loss = main_of(Role.TRAIN_LOSS, roles, counts)
    losses = [name for name in (*asked, loss) if name is not None and roles.get(name) is Role.TRAIN_LOSS]
    own = [main_of(role, roles, counts) for role in (Role.EVAL_LOSS, Role.EVAL_SCORE)]
    strip = {Role.TRAIN_LOSS, Role.LEARNING_RATE, Role.GRAD_NORM}
    others = [name for name in (*asked, *own) if name is not None and name in roles and roles[name] not in strip]
    names = [*losses[:1], *list(dict.fromkeys(others))[:_EVALS]]
    # Without any loss (the players of a game, a score only): what there is, the longest first.
    spare = [name for name, role in roles.items() if role in {Role.TRAIN_SCORE, Role.OTHER}]
    return names or sorted(spare, key=lambda name: (-counts[name], name))[:_EVALS]


def _lower_names(roles: Mapping[str, Role], counts: Mapping[str, int]) -> list[str]:
    names = (main_of(Role.LEARNING_RATE, roles, counts), main_of(Role.GRAD_NORM, roles, counts))
    return [name for name in names if name is not None]


def _chosen(view: View, names: list[str]) -> list[Metric]:
    found: list[Metric] = []
    for name in names:
        series = view.history.series[name]
        course = trace(series)
        if len(course):
            # What speaks for the training in place of a loss looks like one.
            otherwise = Style.SCORE if found else Style.LOSS
            found.append(Metric(series, _STYLES.get(view.roles[name], otherwise), course))
    return found


def _shown_reason(verdict: Verdict) -> Finding | None:
    """The reason that the picture is about: the strongest one about the training that has a place on the axis."""
    placed = [
        finding
        for finding in verdict.reasons
        if finding.first_step is not None and math.isfinite(finding.first_step) and finding.weight is not Weight.BLIND
    ]
    worrying = [finding for finding in placed if finding.argues_for is not Decision.CONTINUE]
    recovered = [finding for finding in placed if finding.weight is Weight.RECOVERED]
    return next(iter([*worrying, *recovered]), None)


def _steps(drawn: list[Metric]) -> Axis:
    # The middle of the first bucket is not where a run began.
    firsts = [float(np.fmin.reduce([m.trace.steps[0], *m.series.bucket("first_step")[:1]])) for m in drawn]
    lasts = [float(m.trace.steps[-1]) for m in drawn] + [min(m.forecast.end, LARGEST) for m in drawn if m.forecast]
    return step_axis(max(min(firsts), -LARGEST), max(lasts))


def _stretch(reason: Finding | None, main: Series, low: float, high: float) -> Stretch | None:
    """What is shaded: that the main metric is NaN now comes before whatever else is the matter, as in the title."""
    lost = lost_since(main)
    if lost is not None:
        return Stretch(min(max(lost, low), high), high, say(main.last))
    if reason is None or reason.first_step is None:
        return None
    last = reason.last_step if reason.last_step is not None and math.isfinite(reason.last_step) else high
    first = min(max(reason.first_step, low), high)
    last = min(max(last, first), high)
    return Stretch(first, last, called(reason)[0])
