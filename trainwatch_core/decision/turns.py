"""Who may speak first when many wait: approvals and outcomes, then reports, then pictures."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

from trainwatch_core.model.message import (
    Body,
    FinalSummary,
    Picture,
    Report,
    StopOutcome,
    StopQuestion,
    StopReminder,
)


class Turn(IntEnum):
    """The lower, the sooner."""

    SOMEBODY_WAITS = 0
    TEXT = 1
    PICTURE = 2


def turn_of(body: Body, asked: Collection[tuple[str, int]]) -> Turn:
    """When a message may go.

    Args:
        body: The message.
        asked: Watch and round of the stop requests that are open: what stands before a question in its thread goes
            with it.
    """
    if isinstance(body, StopQuestion | StopReminder | StopOutcome | FinalSummary):
        return Turn.SOMEBODY_WAITS
    if isinstance(body, Report | Picture) and (body.watch_id, body.round_number) in asked:
        return Turn.SOMEBODY_WAITS
    return Turn.PICTURE if isinstance(body, Picture) else Turn.TEXT
