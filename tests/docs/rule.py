"""A run on which a rule speaks, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType

from trainwatch_core.model.finding import Decision, Finding
from trainwatch_core.model.round import View
from trainwatch_core.testing.columns import Columns
from trainwatch_core.testing.histories import view_of_columns


class Axis(StrEnum):
    """What a picture is drawn over: values by step, values by the clock, or the seconds that each step took."""

    STEPS = "steps"
    CLOCK = "clock"
    PACE = "pace"


@dataclass(frozen=True, slots=True)
class Rule:
    """A run on which a rule speaks.

    Attributes:
        check: The module of the check.
        argues_for: What it argues for here.
        columns: What was logged.
        known: Fields of the View that are known beside.
        levels: Figures of the finding that are drawn as lines.
        beside: A metric that is drawn in a strip below; empty if none.
        log: Whether the values are drawn on a logarithmic scale.
        begin: Where the picture begins; None for where the run does.
        fan: Whether the forecast is drawn.
        axis: What it is drawn over.
    """

    check: ModuleType
    argues_for: Decision
    columns: Columns
    known: Mapping[str, object] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    beside: str = ""
    log: bool = False
    begin: float | None = None
    fan: bool = False
    axis: Axis = Axis.STEPS

    def finding(self, code: str) -> tuple[View, Finding]:
        """What the check itself says of the run.

        Raises:
            LookupError: If it says something else: then the document would lie.
        """
        view = view_of_columns(self.columns, **self.known)
        said: tuple[Finding, ...] = self.check.check(view)
        for each in said:
            if each.code == code and each.argues_for is self.argues_for:
                return view, each
        raise LookupError(f"{self.check.__name__} says {[(s.code, str(s.argues_for)) for s in said]}, not {code}")
