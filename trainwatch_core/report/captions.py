"""The words of a picture: its title, how far the run is, and what it shows for those who cannot see it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from trainwatch_core.model.finding import Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.series import FloatArray, Series
from trainwatch_core.report.chart import ChartSpec, Line, Panel
from trainwatch_core.report.panels import shown_name
from trainwatch_core.report.redact import clean

_RECENT = 0.15  # of the steps: the last stretch of this length is held against the one before
_MOVED = 0.003  # of the height of the curve
_MOVED_OF_VALUE = 0.005  # of the value itself: what the third digit hides is no direction
_GRID = 100
_DIGITS = 3  # of values in a title
_FEW = 8  # values: they have no direction yet
_WORD = 24  # characters of a name that comes from a plug-in
_ALT_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Course:
    """The metric that the title speaks of.

    Attributes:
        role: What part it plays.
        goal: Which way it should go; None if nobody knows.
        series: Its history.
        line: How it is drawn.
    """

    role: Role
    goal: Goal | None
    series: Series
    line: Line


_SUBJECTS = {Role.TRAIN_LOSS: "Loss", Role.EVAL_LOSS: "Eval loss"}

# What a finding is called: over the shaded stretch, and in the title before "since step ...".
_CALLED = {
    "nan": ("NaN", "NaN seen"),
    "nan.hidden": ("NaN hidden", "NaN hidden"),
    "spike": ("spike", "jumped"),
    "divergence": ("diverging", "diverging"),
    "divergence.explained": ("higher", "higher"),
    "plateau": ("flat", "flat"),
    "plateau.frozen": ("frozen", "frozen"),
    "plateau.chance": ("chance level", "at chance level"),
    "plateau.stuck": ("stuck", "stuck"),
    "plateau.pinned": ("pinned", "pinned"),
    "plateau.poor": ("flat", "flat at a poor score"),
    "plateau.unrewarded": ("no reward", "no reward"),
    "unlearned": ("above its start", "above its start"),
    "oscillation": ("swinging", "swinging ever wider"),
    "overfit": ("overfitting", "overfitting"),
    "collapse": ("worse", "worse"),
    "collapse.spread": ("collapsed", "collapsed"),
    "comparison": ("behind", "behind a run"),
    "too_good": ("too good", "too good to be true"),
    "loss_scale": ("overflows", "loss scale falling"),
    "gradient.exploding": ("gradients", "gradients exploding"),
    "gradient.vanishing": ("gradients", "gradients vanishing"),
    "gradient.zero": ("gradients", "gradients zero"),
    "learning_rate.jump": ("rate", "learning rate jumped"),
    "learning_rate.parked": ("rate", "learning rate zero"),
    "learning_rate.zero": ("rate", "learning rate zero"),
    "learning_rate.invalid": ("rate", "learning rate invalid"),
    "pace": ("slow", "slow"),
    "baseline": ("baseline", "behind the baseline"),
    "evaluation": ("evaluation", "evaluation worse"),
    "evaluation.missing": ("no evaluation", "no evaluation"),
    "evaluation.constant": ("evaluation", "evaluation unchanged"),
}


def called(finding: Finding) -> tuple[str, str]:
    """What a finding is called over its shaded stretch, and in the title; an unknown check goes by its own name."""
    name = clean(shown_name(finding.check).replace("_", " "), _WORD)
    own = (name, f"{name} {clean(shown_name(finding.code).replace('_', ' '), _WORD)}".strip())
    return _CALLED.get(f"{finding.check}.{finding.code}") or _CALLED.get(finding.check) or own


def title(course: Course, reason: Finding | None) -> str:
    """The sentence one would say: `Loss 2.31, still falling`, `Loss is NaN since step 40,350`."""
    subject = _SUBJECTS.get(course.role, course.line.label)
    since = lost_since(course.series)
    if since is not None:
        return f"{subject} is {say(course.series.last)} since step {say_step(since)}"
    value = f"{subject} {say(course.series.last, _DIGITS)}"
    if reason is None or reason.first_step is None:
        trend = _direction(course)
        return f"{value}, {trend}" if trend else value
    over = reason.last_step if reason.last_step is not None else reason.first_step
    if reason.weight is Weight.RECOVERED:
        return f"{value}, recovered at step {say_step(over)}"
    clause = called(reason)[1]
    if reason.check == "nan" and reason.metric and reason.metric != course.series.name:
        clause = f"NaN in {clean(shown_name(reason.metric), _WORD)}"
    when = "at" if over == reason.first_step else "since"
    return f"{value}, {clause} {when} step {say_step(reason.first_step)}"


def progress(last_step: float, planned: float | None) -> str:
    """`step 41,200 of 90,000 (46 %)`."""
    if not math.isfinite(last_step):
        return ""
    text = f"step {say_step(last_step)}"
    if planned is None or not 0 < planned < math.inf or planned < last_step:
        return text
    return f"{text} of {say_step(planned)} ({100 * (last_step / planned):.0f} %)"


def with_alt_text(spec: ChartSpec) -> ChartSpec:
    """The same picture, with what it shows in words."""
    run = f" of {spec.run}" if spec.run else ""
    last = say_step(min(spec.steps.high, spec.newest))
    parts = [f"{spec.title}.", f"Curve{run} over steps {say_step(spec.steps.low)} to {last}."]
    parts += [_said(line) for panel in (spec.top, spec.bottom) if panel is not None for line in panel.lines]
    parts += [f"Dashed: {level.label} of {level.metric}." for level in spec.top.levels]
    parts += [f"Fan: {panel.fan.words}." for panel in _panels(spec) if panel.fan is not None]
    parts += _events(spec)
    text = " ".join(parts)
    return replace(spec, alt_text=text if len(text) <= _ALT_TEXT else text[: _ALT_TEXT - 1] + "…")


def _events(spec: ChartSpec) -> list[str]:
    parts = []
    if spec.anomaly is not None:
        first, last = say_step(spec.anomaly.first), say_step(spec.anomaly.last)
        parts.append(f"Shaded ({spec.anomaly.label}): steps {first} to {last}.")
    if spec.nonfinite:
        first_cross = min((step for panel in _panels(spec) for step in panel.crosses), default=math.nan)
        many = "1 value is" if spec.nonfinite == 1 else f"{say_step(spec.nonfinite)} values are"
        parts.append(f"{many} NaN or infinite, first at step {say_step(first_cross)}.")
    if spec.seams:
        parts.append(f"Resumed at step {', '.join(say_step(seam) for seam in spec.seams)}.")
    if spec.last_mark is not None:
        parts.append(f"Last check at step {say_step(spec.last_mark)}.")
    return parts


def _panels(spec: ChartSpec) -> tuple[Panel, ...]:
    return (spec.top,) if spec.bottom is None else (spec.top, spec.bottom)


def _said(line: Line) -> str:
    values = line.values[np.isfinite(line.values)]
    if not len(values):
        return f"{line.label}: no finite value."
    return (
        f"{line.label}: {say(float(values[0]))} at first, between {say(float(values.min()))} and "
        f"{say(float(values.max()))}, now {line.value}."
    )


def lost_since(series: Series) -> float | None:
    """The step from which on every value is NaN or infinite; None if the newest one is finite."""
    if not len(series) or math.isfinite(series.last):
        return None
    good = np.flatnonzero(np.isfinite(series.values))
    if len(good):
        return float(series.steps[good[-1] + 1])
    # Older than the window: the first bucket of which nothing finite came after.
    hurt = series.bucket("nonfinite") > 0
    whole = series.bucket("nonfinite") == series.bucket("count")
    alive = np.flatnonzero(~whole)
    start = 0 if not len(alive) else int(alive[-1]) + (0 if hurt[alive[-1]] else 1)
    return float(series.bucket("first_step")[start]) if start < len(whole) else float(series.steps[0])


def _direction(course: Course) -> str:
    known = np.isfinite(course.line.values)
    steps, values = course.line.steps[known], course.line.values[known]
    if course.series.count < _FEW or len(steps) < 2:  # noqa: PLR2004  # a direction needs two points
        return ""
    # On an even grid, so that dense samples decide no more than others, and on the axis, as the eye sees it.
    grid = np.linspace(steps[0], steps[-1], _GRID)
    moved = _moved(np.interp(grid, steps, course.line.axis.place(values)))
    if abs(moved) <= _MOVED or abs(_moved(np.interp(grid, steps, values / 2))) <= _MOVED_OF_VALUE * abs(values[-1] / 2):
        return "flat"
    falling = moved < 0
    word = "falling" if falling else "rising"
    return f"still {word}" if falling is (course.goal is Goal.MINIMIZE) and course.goal is not None else word


def _moved(even: FloatArray) -> float:
    part = round(_RECENT * len(even))
    return float(np.median(even[-part:]) - np.median(even[-2 * part : -part]))
