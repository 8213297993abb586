"""Asking the sources of a watch: the first that answers wins, unless it has nothing to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainwatch_core.engine.world import ROUND_DEADLINE, World
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import History
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Source

_LOG = "log"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sources gave.

    Attributes:
        batch: Of the source that answered; None if none did.
        key: Which stored history it belongs to.
        history: That history, as it was.
        status: The kind of source that answered.
        kind: Which one exactly.
        failures: One sentence for each source that was asked in vain.
        log_at: Unix seconds at which the fallback log last grew, where that was looked at; None if it was not.
    """

    batch: Batch | None
    key: str
    history: History
    status: SourceStatus
    kind: str = ""
    failures: tuple[str, ...] = ()
    log_at: float | None = None

    @property
    def extended(self) -> History:
        """The history with what is new."""
        if self.batch is None:
            return self.history
        return (History() if self.batch.restarted else self.history).add(self.batch.news)

    @property
    def empty(self) -> bool:
        """Whether the source answered, but the run has never logged anything there."""
        return self.batch is not None and not any(series.count for series in self.extended.series.values())


def read_sources(world: World, watch: Watch) -> Reading:
    """Ask the sources in order.

    A tracker that knows the run but no metric of it does not win over a log that has some. Of a tracker that brings
    nothing new, the log is asked whether it grows: silence there and here is another thing than silence here alone.
    """
    asking = _Asking(world, watch)
    sources = world.sources(watch)
    answered: Reading | None = None
    for at, source in enumerate(sources):
        reading = asking.ask(source)
        if reading is None:
            continue
        if not reading.empty:
            whole = reading if answered is None else _with_word_of(answered, reading)
            return replace(whole, log_at=_log_at(asking, whole, sources[at + 1 :]), failures=tuple(asking.failures))
        answered = answered or reading
    if answered is not None:
        return replace(answered, failures=tuple(asking.failures))
    key, history = asking.first or ("", History())
    return Reading(None, key, history, SourceStatus.UNREACHABLE, failures=tuple(asking.failures))


class _Asking:
    """Asks one source after the other, all within the round's deadline."""

    def __init__(self, world: World, watch: Watch) -> None:
        self.failures: list[str] = []
        self.first: tuple[str, History] | None = None
        self._world = world
        self._watch = watch
        self._begun = world.clock.monotonic()

    def ask(self, source: Source) -> Reading | None:
        """What a source gave; None, and a sentence in `failures`, if that is nothing."""
        history, cursor = self._world.store.history(self._watch.id, source.key)
        if self.first is None or not self.first[1].series:
            self.first = (source.key, history)
        try:
            batch = self.fetch(source, cursor)
        except SourceUnavailableError as error:
            self.failures.append(str(error))
            return None
        return Reading(batch, source.key, history, source.status, source.kind)

    def fetch(self, source: Source, cursor: Cursor | None) -> Batch:
        """One fetch with what is left of the deadline.

        Raises:
            SourceUnavailableError: If the source gives nothing, or nothing is left.
        """
        left = ROUND_DEADLINE - (self._world.clock.monotonic() - self._begun)
        if left <= 0:
            raise SourceUnavailableError(f"No time was left in this round for {source.key}")
        return source.fetch(cursor, deadline=left)

    def peek(self, source: Source) -> Batch | None:
        """What a source would give; nothing is kept of it."""
        try:
            return self.fetch(source, self._world.store.history(self._watch.id, source.key)[1])
        except SourceUnavailableError:
            return None


def _with_word_of(tracker: Reading, reading: Reading) -> Reading:
    """What a log gave, with what the tracker says of the run's state."""
    if tracker.batch is None or reading.batch is None or reading.empty:
        return reading
    said, own = tracker.batch.info, reading.batch.info
    beats = [beat for beat in (said.heartbeat_at, own.heartbeat_at) if beat is not None]
    info = RunInfo(
        name=said.name or own.name,
        url=said.url,
        state=said.state,
        heartbeat_at=max(beats, default=None),
        started_at=said.started_at,
        planned_steps=own.planned_steps or said.planned_steps,
        last_step=own.last_step,
        config=said.config,
    )
    note = "The tracker answers, but the run logs no metrics there"
    batch = replace(reading.batch, info=info, notes=(note, *reading.batch.notes))
    return replace(reading, batch=batch)


def _log_at(asking: _Asking, reading: Reading, others: Sequence[Source]) -> float | None:
    """When the log of a run last grew of which its tracker brings nothing new."""
    if reading.batch is None or reading.status is not SourceStatus.WANDB_OK:
        return None
    if any(len(rows) for rows in reading.batch.rows.values()):
        return None
    log = next((source for source in others if source.key == _LOG), None)
    seen = asking.peek(log) if log is not None else None
    return seen.info.heartbeat_at if seen is not None else None
