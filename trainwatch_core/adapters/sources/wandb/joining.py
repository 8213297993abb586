"""How what was read of a run joins what was read before: resumed, rewound, or another run of the same job."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainwatch_core.adapters.sources.wandb.asking import Answer, Point
from trainwatch_core.adapters.sources.wandb.facts import GLOBAL_STEPS
from trainwatch_core.adapters.sources.wandb.following import Marks
from trainwatch_core.adapters.sources.wandb.gathering import Gathered
from trainwatch_core.adapters.sources.wandb.job import Job, offset_of
from trainwatch_core.adapters.sources.wandb.values import number
from trainwatch_core.model.roles import Role, assign_roles, main_of

PAUSE = 60.0
"""Seconds without rows that make a true interruption of what the tracker called one."""
_OVER = frozenset({"finished", "failed", "crashed", "killed", "preempted"})


@dataclass(frozen=True, slots=True)
class Joint:
    """How new rows join the old ones, on the axis of the job.

    Attributes:
        job: The job as it is left.
        rewound_to: The step from which on old rows are overwritten; None if none are.
        seams: Steps at which the run went on after an interruption.
    """

    job: Job
    rewound_to: float | None = None
    seams: tuple[float, ...] = ()


def joint_of(found: Gathered, known: Marks | None) -> Joint:
    """The joint between what was known and what was found."""
    job = found.marks.job
    points = [some[0] for some in found.points.values()]
    first = min((point.step for point in points), default=math.nan)
    if known is not None and job.before and not known.series and points:
        return _with_run_before(found, job, first)
    left = _left(found, job)
    if found.rewound_to is not None:
        return Joint(left, found.rewound_to + job.offset)
    resumed = known is not None and known.state in _OVER and found.marks.state == "running" and bool(points)
    if resumed and known is not None and _paused(min(point.time for point in points), known.last.time):
        return Joint(left, seams=(first + job.offset,))
    return Joint(left)


def trainer_step(answer: Answer) -> float | None:
    """The trainer's own count of steps, where it is logged."""
    counts = (number(answer.summary.get(name)) for name in GLOBAL_STEPS)
    return next((count for count in counts if count is not None), None)


def _with_run_before(found: Gathered, job: Job, first: float) -> Joint:
    """The first rows of a run that goes on with the job of another one."""
    count = trainer_step(found.answer)
    anchor = (found.answer.last_step or 0.0, math.nan if count is None else count)
    losses = _losses(found)
    offset = offset_of(job, first, anchor, losses[0] if losses else math.nan)
    start = first + offset
    left = _left(found, replace(job, offset=offset))
    return Joint(left, rewound_to=start) if start <= job.at else Joint(left, seams=(start,))


def _paused(new: float, old: float) -> bool:
    return math.isnan(new) or math.isnan(old) or new - old > PAUSE


def _left(found: Gathered, job: Job) -> Job:
    """The job after these rows."""
    if not found.points:
        return job
    count, losses = trainer_step(found.answer), _losses(found)
    first = job.first_loss if not math.isnan(job.first_loss) else (losses[0] if losses else math.nan)
    return replace(
        job,
        at=found.marks.last.step + job.offset,
        trainer_at=math.nan if count is None else count,
        first_loss=first,
        last_loss=losses[-1] if losses else job.last_loss,
    )


def _losses(found: Gathered) -> list[float]:
    """The new finite values of the training loss."""
    name = main_of(Role.TRAIN_LOSS, assign_roles(found.points))
    some: Sequence[Point] = found.points[name] if name is not None else ()
    return [point.value for point in some if math.isfinite(point.value)]
