"""Changes that somebody said would come, and the grammar `STEP[=WHAT]` they are told in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainwatch_core.model.command import hidden_character
from trainwatch_core.model.errors import InvalidInputError

LONGEST = 200
"""Characters of the person's words that are kept."""
MOST = 20
"""Announcements that a watch keeps, the newest: each is looked at in every round."""
_MOST_STEPS = 1e15


@dataclass(frozen=True, slots=True)
class Announcement:
    """A change that the person said would come: what follows from it is no surprise.

    Attributes:
        step: Where it comes.
        what: In the person's words.
    """

    step: float
    what: str = ""


def parse_announcement(text: str) -> Announcement:
    """Read `STEP[=WHAT]`, e.g. `30000` or `30,000=harder data`.

    Raises:
        InvalidInputError: If it does not begin with a step, or the words cannot be kept.
    """
    step, _, what = text.partition("=")
    return Announcement(parse_step(step), checked_words(what))


def parse_step(text: str) -> float:
    """A step as people write it: `30000`, `30,000`, `3e4`.

    Raises:
        InvalidInputError: If it is none.
    """
    try:
        step = float(text.replace(",", "")) if text.isascii() else math.nan
    except ValueError:
        step = math.nan
    if not 0 <= step < _MOST_STEPS:
        raise InvalidInputError("This is no step", where=text[:40], todo='E.g. 30000, or "30000=harder data"')
    return step


def checked_words(text: str) -> str:
    """A person's words about a change, in one line.

    Raises:
        InvalidInputError: If something in them cannot be seen, or they are too long.
    """
    words = text.strip()
    if hidden_character(words):
        raise InvalidInputError("The words must be one line without invisible characters", where=repr(words[:40]))
    if len(words) > LONGEST:
        raise InvalidInputError(f"The words are longer than {LONGEST} characters", where=words[:40])
    return words


def with_announced(known: tuple[Announcement, ...], *fresh: Announcement) -> tuple[Announcement, ...]:
    """What is announced with what is new; said twice counts once, and of many the newest stay."""
    return tuple(dict.fromkeys((*known, *fresh)))[-MOST:]
