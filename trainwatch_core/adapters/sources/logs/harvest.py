"""What several pieces of a log gave, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trainwatch_core.adapters.sources.logs.formats import Parsed, State, names, parse
from trainwatch_core.adapters.sources.logs.formats.events import MAX_EVENTS
from trainwatch_core.model.line_pattern import LinePattern
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import LogEvent
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import Rows

MAX_SAMPLES = 1_000_000
"""Samples in one fetch: 24 MB. The rest is read in the next round."""

_LAST = (Role.OTHER, Role.PROGRESS)


class Harvest:
    """Collects what `parse` gives, piece by piece.

    Args:
        state: Where the last fetch ended; None for the start of a log.
        patterns: A person's own patterns of lines.
    """

    def __init__(self, state: State | None, patterns: Sequence[LinePattern] = ()) -> None:
        self.state = state or State()
        self.patterns = patterns
        self.events: list[LogEvent] = []
        self.samples = 0
        self._pieces: dict[str, list[Rows]] = {}

    def read(self, lines: list[str]) -> Parsed:
        """Parse further lines and keep what they hold."""
        parsed = parse(lines, self.state, patterns=self.patterns)
        self.state = parsed.state
        self.keep(parsed.samples)
        self.events = [*self.events, *parsed.events][:MAX_EVENTS]
        return parsed

    def keep(self, samples: Mapping[str, Rows]) -> None:
        """Add samples."""
        for name, rows in samples.items():
            self._pieces.setdefault(name, []).append(rows)
            self.samples += len(rows)

    @property
    def full(self) -> bool:
        """Whether this fetch has enough."""
        return self.samples >= MAX_SAMPLES

    @property
    def first_step(self) -> float | None:
        """The lowest step that any metric begins with; None without samples."""
        return min((float(pieces[0].steps[0]) for pieces in self._pieces.values() if len(pieces[0])), default=None)

    def rows(self) -> dict[str, Rows]:
        """All samples by metric: those that can matter to a verdict first, since a history keeps only so many."""
        ordered = sorted(
            self._pieces, key=lambda name: _LAST.index(role) + 1 if (role := names.role_of(name)) in _LAST else 0
        )
        return {name: _joined(self._pieces[name]) for name in ordered if self._pieces[name]}

    def info(self, name: str, heartbeat_at: float | None) -> RunInfo:
        """What the log tells about the run. It never tells a state."""
        place, seen = self.state.place, bool(self.state.marks)
        return RunInfo(
            name=name, heartbeat_at=heartbeat_at, planned_steps=place.planned, last_step=place.step if seen else None
        )


def _joined(pieces: list[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    return Rows(
        np.concatenate([piece.steps for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
        np.concatenate([piece.times for piece in pieces]),
    )
