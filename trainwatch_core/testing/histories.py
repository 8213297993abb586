"""Histories and views for tests of whatever judges: real ones, built from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from trainwatch_core.decision.verdict import decide
from trainwatch_core.engine.world import Check
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.roles import Role, assign_goals, assign_roles, main_of
from trainwatch_core.model.round import Round, SourceReport, SourceStatus, View
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import FloatArray, History, Rows
from trainwatch_core.model.verdict import Verdict

Column = Sequence[float] | FloatArray | Mapping[float, float]
"""Values logged at steps 0, 1, 2, ..., or a mapping of step to value."""

NOON = 1_760_000_000.0
"""Unix seconds at which the runs of tests begin."""
SECONDS_PER_STEP = 10.0


def rows_of(column: Column) -> Rows:
    """A column as rows; each step takes ten seconds."""
    pairs = list(column.items()) if isinstance(column, Mapping) else list(enumerate(column))
    steps = [float(step) for step, _ in pairs]
    return Rows.of(steps, [float(value) for _, value in pairs], [NOON + SECONDS_PER_STEP * step for step in steps])


def history_of(columns: Mapping[str, Column]) -> History:
    """A history in which everything was seen at once."""
    return History().extend({name: rows_of(column) for name, column in columns.items()})


def view_of_columns(columns: Mapping[str, Column], **fields: object) -> View:
    """What a check sees right after the last sample; `fields` replace what follows from the columns."""
    return _view(history_of(columns), fields)


def _view(history: History, fields: Mapping[str, object]) -> View:
    roles = assign_roles(history.series)
    goals = assign_goals(history.series)
    now = history.last_time if math.isfinite(history.last_time) else NOON
    source = SourceReport(SourceStatus.WANDB_OK, key="test")
    main = main_rows(history, roles)
    view = View(history, roles, goals, RunInfo(), source, now, new_rows=main, progress_at=now)
    return replace(view, **fields)  # type: ignore[arg-type]  # the fields of View, by name


def main_rows(history: History, roles: Mapping[str, Role]) -> int:
    """Samples of the main training loss."""
    counts = {name: series.count for name, series in history.series.items()}
    return counts.get(main_of(Role.TRAIN_LOSS, roles, counts) or "", 0)


def round_of(number: int, view: View, findings: Sequence[Finding], verdict: Verdict) -> Round:
    """The round that a look amounts to."""
    step = view.history.last_step
    return Round(
        watch_id="testtest",
        number=number,
        at=datetime.fromtimestamp(view.now, UTC),
        verdict=verdict,
        findings=tuple(findings),
        source=view.source,
        info=view.info,
        last_step=step if math.isfinite(step) else None,
        loss_rows=main_rows(view.history, view.roles),
        latest={name: series.last for name, series in view.history.series.items()},
        progress_at=view.progress_at,
    )


def replay(columns: Mapping[str, Column], checks: Sequence[Check], *, rounds: int, **fields: object) -> Iterator[Round]:
    """Judge a growing history, looking `rounds` times while it is logged, each time at the same share of the steps."""
    rows = {name: rows_of(column) for name, column in columns.items()}
    last = max(float(one.steps[-1]) for one in rows.values() if len(one))
    history, past, seen = History(), list[Round](), -math.inf
    for number in range(1, rounds + 1):
        until = last * number / rounds
        new = {name: _between(one, seen, until) for name, one in rows.items()}
        before = main_rows(history, assign_roles(history.series))
        history = history.extend({name: part for name, part in new.items() if len(part)})
        view = _view(history, fields)
        view = replace(view, new_rows=main_rows(history, view.roles) - before)
        findings = [finding for check in checks for finding in check(view)]
        past.append(round_of(number, view, findings, decide(findings, past, view)))
        seen = until
        yield past[-1]


def _between(rows: Rows, after: float, until: float) -> Rows:
    inside = (rows.steps > after) & (rows.steps <= until)
    return Rows(rows.steps[inside], rows.values[inside], rows.times[inside])
