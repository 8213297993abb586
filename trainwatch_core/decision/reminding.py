"""Which reminders of an unanswered question are due: few, never twice, and one of them calls somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reminding:
    """The operator's word on reminders.

    Attributes:
        every: Seconds from the question to the first reminder, and from one to the next.
        most: At most so many of them; 0 for none.
        escalate_after: Seconds after which others are called, once.
        escalate_to: Ids of those people in chat; empty for nobody.
    """

    every: float = 1200.0
    most: int = 2
    escalate_after: float = 1800.0
    escalate_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder.

    Attributes:
        name: Unique among those of a question, also after a restart.
        calls: Ids of the people in chat who are called beside those who may approve.
    """

    name: str
    calls: tuple[str, ...] = ()


ESCALATION = "escalation"


def due(asked_at: datetime, now: datetime, terms: Reminding) -> tuple[Reminder, ...]:
    """The reminders that should have been sent by now, of those that are still news.

    Of several that passed while nobody ran only the last one is: its name says how many there were, so it is always the
    same reminder, whoever asks.

    Args:
        asked_at: When the question was delivered.
        now: Likewise aware.
        terms: The operator's word.
    """
    waited = (now - asked_at).total_seconds()
    found = []
    count = min(terms.most, int(waited // terms.every)) if waited > 0 else 0
    if count:
        found.append(Reminder(f"reminder/{count}"))
    if terms.escalate_to and waited >= terms.escalate_after:
        found.append(Reminder(ESCALATION, terms.escalate_to))
    return tuple(found)
