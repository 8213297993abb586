"""A finished run, watched as if it were being logged now: the rounds of a live watch, on a clock that is set.

Nothing here judges. Each moment lets some rows appear and asks the engine for one round, and the engine does with it
what it does with every round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.round import Round
from trainwatch_core.model.series import FloatArray
from trainwatch_core.model.watch import Watch

EVERY = 1800.0
"""Seconds between rounds where the rows have no times."""
BEGIN = 1_760_000_000.0
"""Unix seconds at which a run without times is said to begin."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One look of a replay.

    Attributes:
        at: When; Unix seconds.
        rows: How many rows are there by then.
    """

    at: float
    rows: int


def moments(times: FloatArray, rounds: int, until: float | None = None) -> Sequence[Moment]:
    """When a replay looks, and what it can see then.

    Round k of n sees the first ceil(rows * k / n) rows, at the time of the last of them; with `until` the rounds are
    spread evenly over the time from the first row to then.

    Args:
        times: Shape (rows,), Unix seconds; NaN where unknown.
        rounds: How many looks.
        until: Unix seconds; None for the time of the rows.
    """
    known = times[np.isfinite(times)]
    if until is not None and len(known):
        ends = [float(known[0]) + (until - float(known[0])) * k / rounds for k in range(1, rounds + 1)]
        return [Moment(end, int(np.count_nonzero(times <= end))) for end in ends]
    # Rows without times at the head of a run that has some: it began so long before the first one that is known.
    begin = float(known[0]) - EVERY * rounds if len(known) else BEGIN
    counts = [math.ceil(len(times) * k / rounds) for k in range(1, rounds + 1)]
    found: list[Moment] = []
    for k, rows in enumerate(counts, start=1):
        seen = times[:rows][np.isfinite(times[:rows])]
        at = float(seen[-1]) if len(seen) else begin + EVERY * k
        # Time never goes back for a watch, whatever clock the rows were written by.
        found.append(Moment(max(at, found[-1].at if found else at), rows))
    return found


def replay(engine: Engine, watch: Watch, looks: Sequence[Moment], show: Callable[[Moment], None]) -> Iterator[Round]:
    """Play the rounds of a watch one by one, to the first STOP.

    Args:
        engine: An engine whose clock and source follow `show`.
        watch: Registered in it.
        looks: When to look.
        show: Sets the clock and lets the rows appear.
    """
    for moment in looks:
        show(moment)
        engine.watches.check_now(watch.id)
        done = engine.check_once(watch)
        if done is None:
            return
        yield done
        if done.verdict.decision is Decision.STOP:
            return
