"""Runs that are over, each replayed in a process of its own: would it have been stopped, and had that been right?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainwatch_core import registry
from trainwatch_core.adapters.workers import Bounds, in_workers
from trainwatch_core.backtesting.cases import Case, read_case
from trainwatch_core.backtesting.rehearsing import rounds_of
from trainwatch_core.config import Settings
from trainwatch_core.engine.replaying import moments
from trainwatch_core.model.errors import GivenUpError, InvalidInputError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_project
from trainwatch_core.report.backtest import Backtested, KeyMetric, Trial, best, choose_metric, worst_first
from trainwatch_core.report.redact import clean, redact
from trainwatch_core.report.sheet import thinned

QUIETLY = Bounds(seconds=60.0, workers=1, nice=10)
"""Of one run, beside the work of a service: at most ten minutes for the ten runs that automatic mode is tried on."""
ROUNDS = 24
"""Looks at each run, spread over its life."""
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One run to replay."""

    run: str
    rounds: int
    settings: Settings


def runs_at(place: str, settings: Settings, last: int) -> Sequence[str]:
    """The newest finished runs of a W&B project, or the offline runs in a folder, in words that `locate` reads.

    Raises:
        InvalidInputError: If it is neither, or its runs are not watched here.
        SourceUnavailableError: If nobody can say which runs there are.
    """
    folder = Path(place).expanduser()
    if folder.is_dir():
        return registry.offline_runs(str(folder.absolute()), last=last)
    if place.startswith(("/", "./", "../", "~")):
        raise InvalidInputError("There is no such folder", where=place[:200])
    return registry.finished_runs(parse_wandb_project(place), settings, last=last)


def runs_beside(run: RunRef, settings: Settings, last: int) -> Sequence[str]:
    """The newest finished runs of a run's project, or of the folder of an offline run; none beside a log.

    Raises:
        InvalidInputError: If runs of the project are not watched here.
        SourceUnavailableError: If nobody can say which runs there are.
    """
    if run.kind is RunKind.WANDB:
        return registry.finished_runs(run.project, settings, last=last)
    if run.kind is RunKind.WANDB_OFFLINE:
        found = registry.offline_runs(str(Path(run.target).parent), last=last + 1)
        return [one for one in found if one != run.target][:last]
    return ()


def play(
    runs: Sequence[str],
    settings: Settings,
    *,
    rounds: int = ROUNDS,
    bounds: Bounds,
    leaving: Callable[[], bool] = lambda: False,
) -> Backtested:
    """Replay them. Nothing is stopped, written to W&B or watched; what goes wrong with one is told beside the others.

    Args:
        runs: As `locate` reads them.
        settings: As configured.
        rounds: How many looks at each.
        bounds: What each may take.
        leaving: Whether the program ends: then it is given up after the run that is under way.

    Raises:
        GivenUpError: If it was given up.
    """
    trials: list[Trial] = []
    failures: dict[str, str] = {}
    played = in_workers(_attempt, [_Attempt(run, rounds, settings) for run in runs], bounds=bounds)
    for run, done in zip(runs, played, strict=True):
        if leaving():
            played.close()
            raise GivenUpError("The backtest was given up: trainwatch ends", todo="Try again when it is back")
        if done.result is not None:
            trials.append(done.result)
        else:
            failures[clean(redact(run))] = clean(redact(done.problem))
    return Backtested(worst_first(trials), failures)


def _attempt(wish: _Attempt) -> Trial:
    """Replay one run.

    Raises:
        TrainwatchError: If it cannot be read.
    """
    case = read_case(wish.run, wish.settings, cwd=Path("/"))
    played = [done for done, _ in rounds_of(case, wish.rounds)]
    stop = played[-1] if played and played[-1].verdict.decision is Decision.STOP else None
    looks = moments(case.recording.times, wish.rounds, case.until)
    seen = looks[stop.number - 1].rows if stop else len(case.recording)
    elapsed, saved = _times(case, seen)
    metric, before, after = _judged(case, seen)
    return Trial(
        run=clean(redact(case.ended.name or case.name), _LONGEST_NAME),
        where=clean(redact(str(case.run))),
        ended=case.ended.state if case.ended.state is not None and case.ended.state.over else None,
        looks=len(played),
        alarms=sum(done.verdict.decision is Decision.WAIT for done in played),
        stop_step=stop.last_step if stop else None,
        elapsed=elapsed,
        saved=saved if stop else 0.0,
        reason=clean(redact(stop.verdict.reasons[0].text)) if stop else "",
        metric=metric,
        before=before,
        after=after,
    )


def _times(case: Case, seen: int) -> tuple[float, float]:
    """Seconds until the row that was seen last, and from there to the last one."""
    times = case.recording.times
    known, before = times[np.isfinite(times)], times[:seen][np.isfinite(times[:seen])]
    if not len(before):
        return math.nan, math.nan
    return float(before.max() - known.min()), float(known.max() - before.max())


def _judged(case: Case, seen: int) -> tuple[KeyMetric | None, float, float]:
    """The key metric, and its best value before and after a row."""
    columns, context = case.recording.columns, case.context
    counts = {name: len(values) for name, (_, values) in columns.items()}
    chosen = choose_metric(counts, context.key_metrics, context.goals)
    if chosen is None:
        return None, math.nan, math.nan
    name, goal = chosen
    rows, values = columns[name]
    early = rows < seen
    # What is drawn goes between processes: a thinned curve will do.
    steps, shown = thinned(case.recording.steps[rows], values)
    metric = KeyMetric(clean(redact(name), _LONGEST_NAME), goal, steps, shown)
    return metric, best(values[early], goal), best(values[~early], goal)
