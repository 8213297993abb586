"""One look at a run: read what is new, let the checks speak, decide. Writes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from trainwatch_core.decision.ending import Ending, ending
from trainwatch_core.decision.rounds import muted, with_ending
from trainwatch_core.decision.verdict import decide
from trainwatch_core.engine.beside import read_beside
from trainwatch_core.engine.reading import Reading, read_sources
from trainwatch_core.engine.world import World
from trainwatch_core.model.change import Segment
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.roles import Role, assign_goals, assign_roles, main_of
from trainwatch_core.model.round import Round, SourceReport, View
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import Probe
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import chief_metrics


@dataclass(frozen=True, slots=True)
class Look:
    """What one look gave.

    Attributes:
        at: When.
        view: What the person is shown.
        findings: What the checks noticed.
        source: How the sources answered.
        segment: History to append; None if nothing answered.
        beside: History of the runs that it is held against.
        notes: Sentences of the source.
        tail: Last lines of the log, redacted.
        job: A probe of the job; None where no launch is known.
        end: How the run ended; None if it goes on.
    """

    at: datetime
    view: View
    findings: tuple[Finding, ...]
    source: SourceReport
    segment: Segment | None
    beside: tuple[Segment, ...]
    notes: tuple[str, ...]
    tail: tuple[str, ...]
    job: Probe | None
    end: Ending | None


def look(world: World, watch: Watch, past: Sequence[Round]) -> Look:
    """Look once. Sources that fail are told, never raised."""
    now = world.clock.now()
    previous = past[-1] if past else None
    read = read_sources(world, watch)
    source = _source_report(read, previous, now.timestamp())
    history = read.extended
    job = _probe(world, watch)
    beside = read_beside(world, watch)
    view = view_of(watch, history, _info(read, previous), source, now.timestamp())
    fresh = read.batch.rows if read.batch else {}
    main = main_of(Role.TRAIN_LOSS, view.roles, {name: s.count for name, s in history.series.items()})
    view = replace(
        view,
        new_rows=len(fresh[main]) if main is not None and main in fresh else 0,
        progress_at=_progress_at(fresh and any(len(r) for r in fresh.values()), history, previous, now.timestamp()),
        waits=_waits(past),
        events=read.batch.events if read.batch else (),
        baseline_runs=beside.histories,
        job=job,
        log_at=read.log_at,
    )
    # Old curves prove nothing while nobody can see: only the check for blindness speaks then.
    judged = view if read.batch is not None else replace(view, history=History(), roles={})
    findings = tuple(finding for check in world.checks for finding in check(judged))
    segment = None
    if read.batch is not None:
        batch = read.batch
        segment = Segment(read.key, batch.rows, batch.cursor, batch.restarted, batch.rewound_to, batch.seams)
    return Look(
        now,
        view,
        findings,
        source,
        segment,
        beside.segments,
        notes=(*(read.batch.notes if read.batch else ()), *beside.failures),
        tail=read.batch.tail if read.batch else (),
        job=job,
        end=ending(view),
    )


def judge(watch: Watch, past: Sequence[Round], seen: Look) -> Round:
    """The round that a look amounts to. Pure: may be repeated when the watch's row has moved on meanwhile."""
    judged = seen.view if seen.segment is not None else replace(seen.view, history=History(), roles={})
    verdict = decide(seen.findings, past, judged)
    verdict = with_ending(muted(verdict, watch, seen.at), seen.end)
    series = seen.view.history.series
    counts = {name: s.count for name, s in series.items()}
    main = main_of(Role.TRAIN_LOSS, seen.view.roles, counts)
    last_step = seen.view.history.last_step
    return Round(
        watch_id=watch.id,
        number=watch.round_count + 1,
        at=seen.at,
        verdict=verdict,
        findings=seen.findings,
        source=seen.source,
        info=seen.view.info,
        last_step=last_step if math.isfinite(last_step) else None,
        loss_rows=counts.get(main, 0) if main else 0,
        latest={name: series[name].last for name, _ in chief_metrics(seen.view)},
        progress_at=seen.view.progress_at,
    )


def view_of(watch: Watch, history: History, info: RunInfo, source: SourceReport, now: float) -> View:
    """What a check or a picture sees of a history, with the person's words on roles and goals."""
    context = watch.context
    return View(
        history=history,
        roles=assign_roles(history.series, context.roles),
        goals=assign_goals(history.series, context.goals),
        info=info,
        source=source,
        now=now,
        baseline=context.baseline,
        target=context.target,
        key_metrics=context.key_metrics,
        planned_steps=context.planned_steps or info.planned_steps,
        announced=context.announced,
        policy=watch.policy,
    )


def _source_report(read: Reading, previous: Round | None, now: float) -> SourceReport:
    since = None
    if read.batch is None:
        since = previous.source.since if previous is not None and previous.source.since is not None else now
    inspected = read.batch.inspected if read.batch else ()
    return SourceReport(read.status, read.kind, read.failures, inspected, since, read.key)


def _info(read: Reading, previous: Round | None) -> RunInfo:
    if read.batch is not None:
        return read.batch.info
    # What was known stays known, but nobody can say now whether the run still lives.
    return replace(previous.info, state=None, heartbeat_at=None) if previous is not None else RunInfo()


def _progress_at(moved: object, history: History, previous: Round | None, now: float) -> float | None:
    if moved and previous is not None:
        return now
    if previous is not None and previous.progress_at is not None:
        return previous.progress_at
    last = history.last_time
    return min(last, now) if math.isfinite(last) else (now if moved else None)


def _waits(past: Sequence[Round]) -> tuple[float, ...]:
    arrivals = dict.fromkeys(each.progress_at for each in past if each.progress_at is not None)
    return tuple(after - before for before, after in pairwise(arrivals))


def _probe(world: World, watch: Watch) -> Probe | None:
    if watch.identity is None:
        return None
    try:
        stopper = world.stopper(watch)
        return stopper.probe(watch.identity) if stopper is not None else None
    except TrainwatchError:
        # Whether the job lives is a help for judging, not a condition: the stop path tells its own errors.
        return None
