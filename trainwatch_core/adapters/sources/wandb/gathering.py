"""All that is new of one run: the first request, and further ones for what the first could not know to ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trainwatch_core.adapters.sources.wandb.asking import Answer, Point, Sampled, Spec
from trainwatch_core.adapters.sources.wandb.following import (
    Mark,
    Marks,
    Reach,
    all_timed,
    joined,
    sampled_below,
    wanted,
)
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.series import Rows

ROWS_AT_ONCE = 60_000
"""Rows that one request may be answered with: about 5 MB. More metrics go into further requests, by their value."""

Ask = Callable[[Sequence[Spec]], Answer]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is new.

    Attributes:
        answer: What the server said about the run.
        marks: Where each series is left.
        points: New samples by metric.
        restarted: Whether the run was made anew under the same id.
        rewound_to: The step from which on the run was overwritten; None if it was not.
        left_out: Metrics that are not read at all.
        late: Metrics that were not read, or not in time; they follow in the next round.
    """

    answer: Answer
    marks: Marks
    points: Mapping[str, Sequence[Point]]
    restarted: bool = False
    rewound_to: float | None = None
    left_out: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    def rows(self, offset: float) -> dict[str, Rows]:
        """The new samples, on the axis of the job."""
        return {
            name: Rows.of([p.step + offset for p in some], [p.value for p in some], [p.time for p in some])
            for name, some in self.points.items()
        }


def gather(ask: Ask, known: Marks | None, reach: Reach, *, anew: bool, named: Collection[str] = ()) -> Gathered:
    """Ask for all that is new since the marks.

    Args:
        ask: Sends one request.
        known: Where the run was left; None if it never was read, or if its marks cannot be read.
        reach: How much is asked for.
        anew: Whether the run was read before, so that a run without readable marks begins anew.
        named: Metrics that the person spoke of.

    Raises:
        SourceUnavailableError: If the server did not answer at all.
    """
    marks = known or Marks()
    answer = ask([reach.new_rows(name, mark, timed=marks.timed) for name, mark in marks.series.items()])
    created = str(answer.run.get("createdAt") or "")
    restarted = anew and (known is None or (bool(known.created) and known.created != created))
    first = dict(zip(marks.series, answer.series, strict=True))
    if restarted:
        marks, first = Marks(job=replace(marks.job, offset=0.0)), {}
    timed = marks.timed and all_timed(answer)
    if timed != marks.timed:
        first = {}
    followed, left_out = wanted(answer, marks, named)
    asking = _Asking(answer, marks, reach, first, timed=timed)
    parts = _answered(ask, asking, followed)
    overtaken = {name for name in parts if asking.overtaken(name, parts[name])}
    parts = {name: some for name, some in parts.items() if name not in overtaken}
    late = tuple(name for name in followed if name not in parts)
    news = {name: asking.news(name, some) for name, some in parts.items()}
    rewound = {name for name in parts if asking.rewritten(name)}
    series = {name: mark for name, mark in marks.series.items() if name not in parts and name not in overtaken}
    for name, some in parts.items():
        series[name] = _left_at(news[name], joined(some), marks.series.get(name, Mark()), rewound=name in rewound)
    ordered = {name: series[name] for name in followed if name in series}
    sampled = max([marks.sampled, *(sampled_below(some) for some in parts.values())])
    left = Marks(created, timed, ordered, sampled, str(answer.run.get("state") or ""), marks.job)
    found = Gathered(answer, left, {name: some for name, some in news.items() if some}, restarted)
    rewound_to = _rewound_to(answer, [news[name] for name in rewound]) if rewound else None
    return replace(found, rewound_to=rewound_to, left_out=left_out, late=late)


class _Asking:
    """What is to be asked of each series after the first request, and what its answers mean."""

    def __init__(
        self, answer: Answer, marks: Marks, reach: Reach, first: Mapping[str, Sampled], *, timed: bool
    ) -> None:
        self.answer = answer
        self.first = first
        self._marks = marks
        self._reach = reach
        self._timed = timed

    def further(self, name: str) -> tuple[list[Spec], bool]:
        """What is to be asked of a series, and whether that replaces the first answer."""
        mark, got = self._marks.series.get(name), self.first.get(name)
        if mark is None:
            return list(self._reach.whole(name, self.answer, timed=self._timed)), True
        if got is None:
            return [self._reach.new_rows(name, mark, timed=self._timed)], True
        if got.full:
            between = list(self._reach.between(name, mark, self.answer, timed=self._timed))
            tail = self._reach.newest(name, self.answer, timed=self._timed, floor=mark.step)
            return (between, True) if between else (list(tail), False)
        if mark.rewritten(got):
            return list(self._reach.whole(name, self.answer, timed=self._timed)), True
        return [], False

    def rewritten(self, name: str) -> bool:
        """Whether the past of the series is another one than at the last look."""
        mark, got = self._marks.series.get(name), self.first.get(name)
        return mark is not None and got is not None and mark.rewritten(got)

    def overtaken(self, name: str, parts: Sequence[Sampled]) -> bool:
        """Whether the run went back and has since passed the mark again, by more rows than one answer holds.

        Its marks say nothing then: the series is read from its beginning in the next round.
        """
        mark, got = self._marks.series.get(name), self.first.get(name)
        exact = mark is not None and got is not None and got.full and not parts[0].full
        return exact and mark is not None and mark.rewritten(Sampled(joined(parts)))

    def news(self, name: str, parts: Sequence[Sampled]) -> tuple[Point, ...]:
        """What was not delivered yet."""
        mark = self._marks.series.get(name, Mark())
        return mark.news(joined(parts), self.answer.last_step, rewritten=self.rewritten(name))

    def weight(self, spec: Spec) -> int:
        """How many rows will come, at most."""
        count = self.answer.counts.get(spec.key)
        return spec.samples if count is None else min(spec.samples, count + 1)


def _answered(ask: Ask, asking: _Asking, followed: Sequence[str]) -> dict[str, Sequence[Sampled]]:
    """All answers about each series that got them in time."""
    parts: dict[str, Sequence[Sampled]] = {}
    asked: dict[str, tuple[list[Spec], bool]] = {}
    for name in followed:
        specs, instead = asking.further(name)
        if specs:
            asked[name] = specs, instead
        else:
            parts[name] = [asking.first[name]]
    for batch in _batches(asked, asking):
        try:
            answers = iter(ask([spec for name in batch for spec in asked[name][0]]).series)
        except SourceUnavailableError:
            if not parts:
                raise
            break
        for name in batch:
            specs, instead = asked[name]
            new = [next(answers) for _ in specs]
            parts[name] = new if instead else [asking.first[name], *new]
    return parts


def _batches(asked: Mapping[str, tuple[list[Spec], bool]], asking: _Asking) -> Iterator[list[str]]:
    """The series in groups that one answer can hold, the most valuable ones first."""
    batch: list[str] = []
    rows = 0
    for name, (specs, _) in asked.items():
        more = sum(asking.weight(spec) for spec in specs)
        if batch and rows + more > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(name)
        rows += more
    if batch:
        yield batch


def _left_at(news: Sequence[Point], points: Sequence[Point], mark: Mark, *, rewound: bool) -> Mark:
    """Where a series is left. After a rewind without anything new that is where it was taken back to."""
    if news:
        return Mark(news[-1].step, news[-1].time)
    if rewound:
        return Mark(points[-1].step, points[-1].time) if points else Mark()
    return mark


def _rewound_to(answer: Answer, rewritten: Sequence[Sequence[Point]]) -> float | None:
    """The step that a rewind went back to: the first one logged anew, or the one behind what is left."""
    firsts = [news[0].step for news in rewritten if news]
    if firsts:
        return min(firsts)
    return answer.last_step + 1 if answer.last_step is not None else 0.0
