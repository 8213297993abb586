"""What a backtest says: which runs would have been stopped, when, how they really ended, what that had saved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.model.roles import Goal, Role, infer_role, main_of
from trainwatch_core.model.run import RunState
from trainwatch_core.model.series import FloatArray

_BAD = frozenset({RunState.FAILED, RunState.CRASHED, RunState.KILLED})
_ORDER = (Role.EVAL_SCORE, Role.EVAL_LOSS, Role.TRAIN_LOSS, Role.TRAIN_SCORE)
"""What speaks for a run where nobody said so: an evaluation before the training's own word."""
_LONG, _NEIGHBOURS = 50, 5
"""A metric of so many samples is noise as well: its best is then the best median of that many neighbours."""


class Outcome(IntEnum):
    """What a backtest shows of one run, the worst first."""

    WRONG = 0
    MISSED = 1
    STOPPED = 2
    SPARED = 3

    @property
    def word(self) -> str:
        """In a table."""
        return ("wrong stop", "not seen", "stopped", "went on")[self]


@dataclass(frozen=True, slots=True)
class KeyMetric:
    """The metric that says how good a run was.

    Attributes:
        name: As shown.
        goal: Which way it should go.
        steps: Shape (n,), in the order of logging.
        values: Shape (n,), NaN and infinities as logged.
    """

    name: str
    goal: Goal
    steps: FloatArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Trial:
    """One run, replayed.

    Attributes:
        run: Its name, fit to be shown.
        where: Its path, fit to be shown.
        ended: How it really ended; None if nobody wrote it down.
        looks: How many rounds were played.
        alarms: How many of them were WAIT.
        stop_step: Where it would have been stopped; None if it would not have been.
        elapsed: Seconds of the run until then (until its end if it was not stopped); NaN if unknown.
        saved: Seconds of it that a stop had saved; NaN if unknown, 0 if it was not stopped.
        reason: Why, in one sentence; empty if it was not stopped.
        metric: What says how good it was; None if nothing does.
        before: Its best value before the stop (of the whole run if it was not stopped); NaN if there is none.
        after: Its best value after it; NaN if there is none.
    """

    run: str
    where: str
    ended: RunState | None
    looks: int
    alarms: int
    stop_step: float | None
    elapsed: float
    saved: float
    reason: str
    metric: KeyMetric | None
    before: float
    after: float

    @property
    def outcome(self) -> Outcome:
        """What the trial shows. A stop is wrong if the run finished, and became better after it."""
        if self.stop_step is None:
            return Outcome.MISSED if self.ended in _BAD else Outcome.SPARED
        goal = self.metric.goal if self.metric else None
        better = self.after > self.before if goal is Goal.MAXIMIZE else self.after < self.before
        # Where nothing was good before the stop, whatever came after it was better.
        better = better or (math.isnan(self.before) and math.isfinite(self.after))
        return Outcome.WRONG if better and self.ended is RunState.FINISHED else Outcome.STOPPED


@dataclass(frozen=True, slots=True)
class Backtested:
    """What came of a backtest.

    Attributes:
        trials: The runs that were replayed, the worst first.
        failures: Run to what went wrong with it.
    """

    trials: Sequence[Trial]
    failures: Mapping[str, str]


def worst_first(trials: Sequence[Trial]) -> list[Trial]:
    """Wrong stops, bad ends that nothing announced, right stops (the most saved first), the rest."""
    return sorted(trials, key=lambda one: (one.outcome, -np.nan_to_num(one.saved), -one.alarms, one.run))


def choose_metric(
    counts: Mapping[str, int], key_metrics: Sequence[str], goals: Mapping[str, Goal]
) -> tuple[str, Goal] | None:
    """The metric that says how good a run was, and which way it should go; None if no direction is certain.

    Args:
        counts: Metric to the number of its samples.
        key_metrics: Those that the person named.
        goals: The person's word on directions.
    """
    known = {name: infer_role(name) for name in counts}
    roles = {name: role for name, (role, _) in known.items()}
    chief = [main_of(role, roles, counts) for role in _ORDER]
    for name in (*key_metrics, *chief):
        if name is not None and name in known:
            losses = {Role.TRAIN_LOSS, Role.EVAL_LOSS}
            goal = goals.get(name) or known[name][1] or (Goal.MINIMIZE if roles[name] in losses else None)
            if goal is not None:
                return name, goal
    return None


def best(values: FloatArray, goal: Goal) -> float:
    """The best finite value; of many the best median of neighbours, so that no single lucky one counts. NaN if none."""
    finite = values[np.isfinite(values)]
    if len(finite) >= _LONG:
        finite = np.median(np.lib.stride_tricks.sliding_window_view(finite, _NEIGHBOURS), axis=1)
    if not len(finite):
        return math.nan
    return float(finite.max() if goal is Goal.MAXIMIZE else finite.min())


def summary(done: Backtested) -> list[str]:
    """What it all comes to, one sentence a line."""
    trials = done.trials
    of = {outcome: [one for one in trials if one.outcome is outcome] for outcome in Outcome}
    stopped = [*of[Outcome.STOPPED], *of[Outcome.WRONG]]
    lines = [f"{_runs(len(trials))} replayed, {len(stopped)} would have been stopped."]
    saved = [one.saved for one in of[Outcome.STOPPED] if math.isfinite(one.saved)]
    if saved:
        lines.append(f"That had saved {say_duration(sum(saved))} of running time.")
    for one in of[Outcome.WRONG]:
        name = one.metric.name if one.metric else ""
        lines.append(
            f"Wrong stop: {one.run} finished, and {name} went from {say(one.before)} at best to {say(one.after)} "
            f"after step {say_step(one.stop_step or 0.0)}."
        )
    if of[Outcome.MISSED]:
        names = ", ".join(f"{one.run} ({one.ended})" for one in of[Outcome.MISSED])
        lines.append(f"Ended badly without a stop: {names}.")
    lines += [f"Not replayed: {run}: {why}" for run, why in done.failures.items()]
    return lines


def in_chat(done: Backtested, most: int = 8) -> list[str]:
    """What a person reads in a message: what it all comes to, then each run that would have been stopped, a line each.

    Args:
        done: What came of it; without any run one sentence says so.
        most: How many runs are named, the worst first.
    """
    if not (done.trials or done.failures):
        return ["There is no finished run."]
    stopped = [one for one in done.trials if one.stop_step is not None]
    more = len(stopped) - most
    lines = [*summary(done), *(_line(one) for one in stopped[:most])]
    return [*lines, f"And {_runs(more)} more that would have been stopped."] if more > 0 else lines


def _line(trial: Trial) -> str:
    cells = row(trial)
    earlier = f", {cells['earlier']} earlier" if cells["earlier"] else ""
    wrong = "WRONG STOP, " if trial.outcome is Outcome.WRONG else ""
    return f"{trial.run} ({cells['ended']}): {wrong}at step {cells['at step']}{earlier}: {trial.reason}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def row(trial: Trial) -> dict[str, str]:
    """The cells of a table, by the names of its columns."""
    stopped = trial.stop_step is not None
    return {
        "run": trial.run,
        "ended": str(trial.ended) if trial.ended else "unknown",
        "backtest": trial.outcome.word,
        "at step": say_step(trial.stop_step) if trial.stop_step is not None else "",
        "earlier": say_duration(trial.saved) if stopped and math.isfinite(trial.saved) else "",
    }


def record(trial: Trial) -> dict[str, Any]:
    """As plain JSON; what is unknown is null."""
    return {
        "run": trial.where,
        "name": trial.run,
        "ended": str(trial.ended) if trial.ended else None,
        "outcome": trial.outcome.name.lower(),
        "looks": trial.looks,
        "alarms": trial.alarms,
        "stop_step": trial.stop_step,
        "elapsed_seconds": _known(trial.elapsed),
        "saved_seconds": _known(trial.saved),
        "reason": trial.reason,
        "metric": trial.metric.name if trial.metric else None,
        "goal": str(trial.metric.goal) if trial.metric else None,
        "best_before": _known(trial.before),
        "best_after": _known(trial.after),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
