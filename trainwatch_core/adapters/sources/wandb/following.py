"""Following series on a server: where each was left, what is new, and whether its past was rewritten."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainwatch_core.adapters.sources.wandb.asking import Answer, Point, Sampled, Spec
from trainwatch_core.adapters.sources.wandb.job import Job
from trainwatch_core.adapters.sources.wandb.keys import choose, hidden
from trainwatch_core.model.roles import Role, infer_role
from trainwatch_core.model.round import Cursor

_NO_MEASURE = frozenset({Role.OTHER, Role.PROGRESS})


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a series was left: step and time of the last sample delivered; step -1 and time NaN before the first."""

    step: float = -1.0
    time: float = math.nan

    def rewritten(self, sampled: Sampled) -> bool:
        """Whether the server no longer has that sample: the run was rewound, or resumed from an earlier step.

        The series must have been asked from the mark's own step on.
        """
        if self.step < 0 or sampled.full:  # nothing was delivered, or the draw may have missed it
            return False
        anchor = next((point for point in sampled.points if point.step == self.step), None)
        if anchor is None:
            return True
        return anchor.time != self.time and not math.isnan(anchor.time) and not math.isnan(self.time)

    def news(self, points: Sequence[Point], last_step: float | None, *, rewritten: bool) -> tuple[Point, ...]:
        """What was not delivered yet. After a rewind only times tell what was logged anew."""
        if not rewritten:
            return tuple(point for point in points if point.step > self.step)
        if not math.isnan(self.time):
            return tuple(point for point in points if point.time > self.time)
        return tuple(point for point in points if point.step >= min(last_step or 0.0, self.step + 1))


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the run was left: the cursor, checked.

    Attributes:
        created: When the run was created, in the server's words: a run made anew under the same id begins anew.
        timed: Whether every row had a time, so that it may be asked for.
        series: Metric name to its mark, on the axis of the run that is read.
        sampled: Steps below this one were read as a sample; 0 if none were.
        state: The tracker's word of the last look.
        job: Which run of the job is read, and what is known to join it to the next one.
    """

    created: str = ""
    timed: bool = True
    series: Mapping[str, Mark] = field(default_factory=dict)
    sampled: float = 0.0
    state: str = ""
    job: Job = field(default_factory=Job)

    @classmethod
    def of(cls, cursor: Cursor | None) -> Marks | None:
        """The marks in a cursor; None if it is none of ours."""
        if not cursor:
            return None
        try:
            series = {
                str(name): Mark(float(step), math.nan if time is None else float(time))
                for name, (step, time) in cursor["series"].items()
            }
            created, timed, sampled = str(cursor["created"]), bool(cursor["timed"]), float(cursor["sampled"])
            return cls(created, timed, series, sampled, str(cursor.get("state", "")), Job.of(cursor.get("job", {})))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def cursor(self) -> Cursor:
        """As plain JSON."""
        series = {name: [mark.step, None if math.isnan(mark.time) else mark.time] for name, mark in self.series.items()}
        return {
            "created": self.created,
            "timed": self.timed,
            "series": series,
            "sampled": self.sampled,
            "state": self.state,
            "job": self.job.plain(),
        }

    @property
    def last(self) -> Mark:
        """The furthest of the marks; the mark before the first sample if there is none."""
        return max(self.series.values(), key=lambda mark: mark.step, default=Mark())


@dataclass(frozen=True, slots=True)
class Reach:
    """How much is asked for of one series.

    Attributes:
        samples: The most rows of one answer.
        tail: Of a series that is longer, about so many of the newest rows come without a gap.
        gapless: So many new rows of one series are read without a gap, in several answers; of more, the tail.
    """

    samples: int = 2000
    tail: int = 1000
    gapless: int = 20_000

    def new_rows(self, name: str, mark: Mark, *, timed: bool) -> Spec:
        """What came since the mark, and the marked sample itself, which tells whether the past is still the same."""
        return Spec(name, self.samples, max(mark.step, 0.0), timed)

    def whole(self, name: str, answer: Answer, *, timed: bool) -> Iterator[Spec]:
        """The series from its beginning: all of it, or a draw and a tail without gaps."""
        yield Spec(name, self.samples, 0.0, timed)
        count = answer.counts.get(name)
        if count is None or count >= self.samples:
            yield from self.newest(name, answer, timed=timed)

    def newest(self, name: str, answer: Answer, *, timed: bool, floor: float = 0.0) -> Iterator[Spec]:
        """The tail of the series."""
        if answer.last_step is not None:
            first = math.floor(answer.last_step + 1 - self.tail * _stride(name, answer))
            yield Spec(name, self.samples, max(floor, first, 0.0), timed)

    def between(self, name: str, mark: Mark, answer: Answer, *, timed: bool) -> Iterator[Spec]:
        """All rows since the mark, in ranges that hold about `samples` each; nothing if they are too many."""
        if answer.last_step is None:
            return
        stride = _stride(name, answer)
        if (answer.last_step - mark.step) / stride > self.gapless:
            return
        first, width = max(mark.step, 0.0), math.ceil(self.samples * stride)
        while first <= answer.last_step:
            yield Spec.lossless(name, first, min(first + width - 1, answer.last_step), timed=timed)
            first += width


def _stride(name: str, answer: Answer) -> float:
    """Steps between two rows of a metric, about."""
    steps = (answer.last_step or 0.0) + 1
    return max(1.0, steps / (answer.counts.get(name) or steps))


def wanted(answer: Answer, marks: Marks, named: Collection[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The metrics to follow, those followed already first; and those that are left out."""
    # A loss that was NaN from the first step on is text to the server: a metric with a role is followed whatever it is.
    measured = [name for name in answer.counts if name in answer.numeric or name in named or _measures(name)]
    followed = choose(measured, tuple(marks.series), named)
    return followed, tuple(name for name in measured if name not in followed and not hidden(name))


def _measures(name: str) -> bool:
    return infer_role(name)[0] not in _NO_MEASURE


def all_timed(answer: Answer) -> bool:
    """Whether every row of the run has a time; asking for it would otherwise lose rows."""
    times = answer.counts.get("_timestamp")
    return times is not None and all(count is not None and count <= times for count in answer.counts.values())


def joined(parts: Sequence[Sampled]) -> tuple[Point, ...]:
    """Several answers about one series, ascending by step, each step once."""
    points = {point.step: point for part in parts for point in part.points}
    return tuple(points[step] for step in sorted(points))


def sampled_below(parts: Sequence[Sampled]) -> float:
    """Below which step samples may be missing; 0 if none are."""
    if not parts or not parts[0].full:
        return 0.0
    tail = parts[-1]
    if tail is parts[0] or not tail.points:
        return parts[0].points[-1].step if parts[0].points else 0.0
    return tail.points[-1].step if tail.full else tail.points[0].step
