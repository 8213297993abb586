"""The runs that a run is held against: read after it, with a short deadline, and never a reason to fail a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainwatch_core.engine.world import BESIDE_DEADLINE, World
from trainwatch_core.model.change import Segment
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.round import Cursor
from trainwatch_core.model.series import History
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Source


@dataclass(frozen=True, slots=True)
class Beside:
    """What the runs of comparison gave.

    Attributes:
        histories: Name of a run to all that is known of it, old and new.
        segments: What is new, to be kept.
        failures: One sentence for each run that was asked in vain.
    """

    histories: Mapping[str, History] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    failures: tuple[str, ...] = ()


def read_beside(world: World, watch: Watch) -> Beside:
    """Read what is new of the runs of comparison. What was known stays known where one cannot be read."""
    begun = world.clock.monotonic()
    histories: dict[str, History] = {}
    segments: list[Segment] = []
    failures: list[str] = []
    try:
        sources = world.baseline_runs(watch)
    except InvalidInputError as error:
        return Beside(failures=(f"The runs of comparison may not be read: {error}",))
    for name, source in sources.items():
        history, cursor = world.store.history(watch.id, source.key)
        left = BESIDE_DEADLINE - (world.clock.monotonic() - begun)
        try:
            segment = _news(source, cursor, left)
        except SourceUnavailableError as error:
            failures.append(f"The run of comparison {name} could not be read: {error}")
        else:
            history = (History() if segment.restart else history).add(segment.news)
            segments += [segment] if segment.cursor != cursor else []
        if history.series:
            histories[name] = history
    return Beside(histories, tuple(segments), tuple(failures))


def known_beside(world: World, watch: Watch) -> Mapping[str, History]:
    """What is stored of the runs of comparison; nobody is asked."""
    try:
        sources = world.baseline_runs(watch)
    except InvalidInputError:
        return {}
    stored = {name: world.store.history(watch.id, source.key)[0] for name, source in sources.items()}
    return {name: history for name, history in stored.items() if history.series}


def _news(source: Source, cursor: Cursor | None, left: float) -> Segment:
    if left <= 0:
        raise SourceUnavailableError("No time was left for it")
    batch = source.fetch(cursor, deadline=left)
    return Segment(source.key, batch.rows, batch.cursor, batch.restarted, batch.rewound_to, batch.seams)
