"""A decision with its reasons."""

from __future__ import annotations

from dataclasses import dataclass

from trainwatch_core.model.finding import Decision, Finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of one round.

    Attributes:
        decision: CONTINUE, WAIT or STOP.
        reasons: The findings that carry it, strongest first; never empty.
        sure: One sentence: how sure it is, by how long and how often it was seen; may be empty for CONTINUE.
        held_back: One sentence for each gate that kept a finding from its STOP.
        would_change: One sentence: what would change the decision; may be empty for CONTINUE.
    """

    decision: Decision
    reasons: tuple[Finding, ...]
    held_back: tuple[str, ...] = ()
    would_change: str = ""
    sure: str = ""

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a verdict without reasons cannot be given")
        strongest = max(finding.argues_for for finding in self.reasons)
        if self.decision > strongest:
            raise ValueError(f"{self.decision} is more than any reason argues for ({strongest})")
