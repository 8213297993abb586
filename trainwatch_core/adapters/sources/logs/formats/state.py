"""What goes into a reader of lines and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trainwatch_core.adapters.sources.logs.formats.axis import Axis, Place
from trainwatch_core.model.round import LogEvent
from trainwatch_core.model.series import Rows

Witness = Callable[[float, Sequence[tuple[str, float]]], None]
"""Is told the step and the metrics of each line that gave samples, in the order of the log."""


@dataclass(frozen=True, slots=True)
class State:
    """What reading has to remember between two calls; plain JSON by `to_json`.

    Attributes:
        place: Where on the axis the last line stood.
        head: The head line of the table that is being read; empty if none is.
        marks: The last step of each metric; metrics beyond MAX_METRICS are not read.
        block: Lines of a block that has not ended; empty outside of one.
    """

    place: Place = field(default_factory=Place)
    head: str = ""
    marks: Mapping[str, float] = field(default_factory=dict)
    block: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """This state as plain JSON."""
        return {
            "place": asdict(self.place),
            "head": self.head,
            "marks": dict(self.marks),
            "block": dict(self.block),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> State:
        """The state that `to_json` wrote."""
        place = {**data["place"], "axis": Axis(data["place"]["axis"])}
        return cls(Place(**place), str(data["head"]), dict(data["marks"]), dict(data.get("block", {})))


@dataclass(frozen=True, slots=True)
class Parsed:
    """What lines held.

    Attributes:
        samples: Samples by metric, in the order of the lines.
        events: Lines that mean something by themselves, at most MAX_EVENTS.
        understood: How many lines gave samples.
        state: For the next call.
    """

    samples: Mapping[str, Rows]
    events: tuple[LogEvent, ...]
    understood: int
    state: State
