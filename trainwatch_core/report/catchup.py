"""What happened in a quiet time, in one message."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainwatch_core.model.message import Catchup, Moment
from trainwatch_core.model.numbers import say, say_percent_change
from trainwatch_core.model.round import Round
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import run_name, safe

_METRICS, _MOMENTS = 4, 8


def compose_catchup(watch: Watch, rounds: Sequence[Round], moments: Sequence[Moment]) -> Catchup:
    """The overview of a quiet time.

    Args:
        watch: Which watch.
        rounds: Its rounds, from the one before the first that was held back to the last one; at least one.
        moments: What happened in them, oldest first.
    """
    first, last = rounds[0], rounds[-1]
    quiet = rounds[1:] or rounds
    told = tuple(Moment(m.at, m.decision, safe(m.text)) for m in moments[:_MOMENTS])
    return Catchup(
        watch_id=watch.id,
        run=run_name(last.info.name, watch),
        since=quiet[0].at,
        until=last.at,
        looks=len(quiet),
        decision=last.verdict.decision,
        metrics=tuple(_moved(name, first.latest.get(name), now) for name, now in list(last.latest.items())[:_METRICS]),
        moments=told,
        further=len(moments) - len(told),
    )


def _moved(name: str, before: float | None, now: float) -> str:
    """`loss 2.314 → 2.18 (-5.8 %)`."""
    if before is None or before == now:
        return f"{safe(name)[:60]} {say(now)}"
    change = f" ({say_percent_change(before, now)})" if np.isfinite([before, now]).all() and before else ""
    return f"{safe(name)[:60]} {say(before)} → {say(now)}{change}"
