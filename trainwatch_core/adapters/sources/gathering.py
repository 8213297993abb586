"""Samples of several metrics, as a reader meets them, and what one fetch of them amounts to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainwatch_core.model.series import Rows

MAX_SAMPLES = 1_000_000
"""Samples in one fetch: 24 MB. The rest is read in the next round."""
MAX_METRICS = 512
"""Metrics that are read; a history keeps fewer still."""
MAX_NAME = 200


@dataclass(slots=True)
class Gathering:
    """Collects samples in the order in which they were logged.

    Attributes:
        count: How many there are.
    """

    count: int = 0
    _columns: dict[str, tuple[list[float], list[float], list[float]]] = field(default_factory=dict)

    def add(self, name: str, step: float, value: float, time: float = math.nan) -> None:
        """Add one sample. A step that is no number of a run is passed over, and so are metrics beyond MAX_METRICS."""
        if not math.isfinite(step) or (name not in self._columns and len(self._columns) >= MAX_METRICS):
            return
        steps, values, times = self._columns.setdefault(name[:MAX_NAME], ([], [], []))
        steps.append(step)
        values.append(value)
        times.append(time)
        self.count += 1

    @property
    def full(self) -> bool:
        """Whether one fetch has enough."""
        return self.count >= MAX_SAMPLES

    @property
    def last_step(self) -> float | None:
        """The newest step of any metric; None without samples."""
        return max((steps[-1] for steps, _, _ in self._columns.values()), default=None)

    def rows(self) -> Mapping[str, Rows]:
        """All samples by metric."""
        return {name: Rows.of(*column) for name, column in self._columns.items()}
