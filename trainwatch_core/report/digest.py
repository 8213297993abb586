"""The day at a glance: how many, who needs somebody, what came to its end, what was saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainwatch_core.model.message import Card, FinalSummary, Look

NEEDY = (Look.WANTS_STOP, Look.STOPPING, Look.BLIND, Look.CLOSE)
"""Looks that want a person, the most urgent first."""
_TOLD = ("Best", "Decided by", "Saved")


@dataclass(frozen=True, slots=True)
class Entry:
    """One watch of the day.

    Attributes:
        card: How it stands.
        link: Its thread; empty if it has none.
        summary: Its last words, if they were said since the last digest.
    """

    card: Card
    link: str = ""
    summary: FinalSummary | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told once a day.

    Attributes:
        counts: How many watches look how, in the order of `Look`.
        needy: Those that want a person, most urgent first.
        over: Those that came to their end since the last digest, with what is worth telling of it.
    """

    counts: tuple[tuple[Look, int], ...]
    needy: tuple[Entry, ...]
    over: tuple[tuple[Entry, str], ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.counts


def compose_digest(entries: Sequence[Entry]) -> Digest:
    """The digest of the open watches and of those that ended since the last one."""
    counted = Counter(entry.card.look for entry in entries)
    needy = sorted((e for e in entries if e.card.look in NEEDY), key=lambda e: NEEDY.index(e.card.look))
    return Digest(
        counts=tuple((look, counted[look]) for look in Look if counted[look]),
        needy=tuple(needy),
        over=tuple((entry, _ended(entry.summary)) for entry in entries if entry.summary is not None),
    )


def _ended(summary: FinalSummary) -> str:
    told: dict[str, str] = {}
    for label, text in summary.lines:
        if label in _TOLD:
            told.setdefault(label, text)
    return " · ".join(
        [
            summary.title.removeprefix(f"{summary.run}: "),
            *(f"{label.lower()} {told[label]}" for label in _TOLD if label in told),
        ]
    )
