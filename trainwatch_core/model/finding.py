"""What a check noticed, and the one scale on which it argues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Decision(IntEnum):
    """The one scale of the house. Colours and emoji derive from it."""

    CONTINUE = 0
    WAIT = 1
    STOP = 2

    def __str__(self) -> str:
        return self.name


class Weight(StrEnum):
    """How a finding passes the gates.

    HARD: certain by itself (persisted NaN in the training loss): needs little patience.
    SOFT: a trend that noise can imitate: needs patience in rounds, rows and a share of the run.
    BLIND: nothing trustworthy was seen; never more than WAIT.
    INFO: worth a word, argues for nothing else than CONTINUE.
    RECOVERED: something that was wrong is well again.
    """

    HARD = "hard"
    SOFT = "soft"
    BLIND = "blind"
    INFO = "info"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check noticed in one look at the history.

    Attributes:
        check: Which check, by its name in the registry.
        code: What it noticed, stable over releases, e.g. `nan.persistent`.
        argues_for: What the check would decide if it were alone and had no memory.
        weight: How it passes the gates.
        text: One sentence for a person, with values and steps.
        metric: The metric's name as logged; empty if it is about the run.
        first_step: Where it began; None if it has no place on the axis.
        last_step: Where it was last seen.
        numbers: The figures it rests on, by name.
        until: One sentence: what would have to happen for the finding to go away.
    """

    check: str
    code: str
    argues_for: Decision
    weight: Weight
    text: str
    metric: str = ""
    first_step: float | None = None
    last_step: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    until: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError(f"finding {self.code} says nothing")
        if self.weight in {Weight.INFO, Weight.RECOVERED} and self.argues_for is not Decision.CONTINUE:
            raise ValueError(f"finding {self.code} is {self.weight} and argues for {self.argues_for}")
        if self.weight is Weight.BLIND and self.argues_for is Decision.STOP:
            raise ValueError(f"finding {self.code} is blind and argues for STOP")

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings of different rounds the same."""
        return (self.check, self.code, self.metric)
