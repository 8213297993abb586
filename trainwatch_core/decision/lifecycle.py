"""The life of a watch: one table of moves, and nothing else moves it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from trainwatch_core.model.errors import ConflictError
from trainwatch_core.model.watch import WatchState


class Event(StrEnum):
    """What can happen to a watch."""

    PAUSED = "paused"
    RESUMED = "resumed"
    STOP_REQUESTED = "stop_requested"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    STOP_FAILED = "stop_failed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    STOP_CONFIRMED = "stop_confirmed"
    RUN_ENDED = "run_ended"
    ENDED_BY_USER = "ended_by_user"


MOVES: Mapping[tuple[WatchState, Event], WatchState] = {
    (WatchState.ACTIVE, Event.PAUSED): WatchState.PAUSED,
    (WatchState.PAUSED, Event.RESUMED): WatchState.ACTIVE,
    (WatchState.ACTIVE, Event.STOP_REQUESTED): WatchState.STOP_PENDING,
    # A person may stop a paused watch's run by hand.
    (WatchState.PAUSED, Event.STOP_REQUESTED): WatchState.STOP_PENDING,
    (WatchState.STOP_PENDING, Event.APPROVED): WatchState.STOPPING,
    (WatchState.STOP_PENDING, Event.DECLINED): WatchState.ACTIVE,
    (WatchState.STOP_PENDING, Event.EXPIRED): WatchState.ACTIVE,
    (WatchState.STOP_PENDING, Event.SUPERSEDED): WatchState.ACTIVE,
    (WatchState.STOPPING, Event.STOP_FAILED): WatchState.ACTIVE,
    (WatchState.STOPPING, Event.OUTCOME_UNKNOWN): WatchState.ACTIVE,
    # The last look before the command may find the run well again, or the request too old.
    (WatchState.STOPPING, Event.SUPERSEDED): WatchState.ACTIVE,
    (WatchState.STOPPING, Event.EXPIRED): WatchState.ACTIVE,
    (WatchState.STOPPING, Event.STOP_CONFIRMED): WatchState.ENDED,
    (WatchState.STOPPING, Event.RUN_ENDED): WatchState.ENDED,
    (WatchState.ACTIVE, Event.RUN_ENDED): WatchState.ENDED,
    (WatchState.PAUSED, Event.RUN_ENDED): WatchState.ENDED,
    (WatchState.STOP_PENDING, Event.RUN_ENDED): WatchState.ENDED,
    (WatchState.ACTIVE, Event.ENDED_BY_USER): WatchState.ENDED,
    (WatchState.PAUSED, Event.ENDED_BY_USER): WatchState.ENDED,
    (WatchState.STOP_PENDING, Event.ENDED_BY_USER): WatchState.ENDED,
}


def move(state: WatchState, event: Event) -> WatchState:
    """The state after an event.

    Raises:
        ConflictError: If the event cannot happen in this state.
    """
    after = MOVES.get((state, event))
    if after is None:
        advice = {
            WatchState.STOP_PENDING: "Answer the stop request first",
            WatchState.STOPPING: "Wait until the stop has come out",
            WatchState.ENDED: "Register the run again to watch it further",
        }.get(state, "")
        words = event.replace("_", " ")
        raise ConflictError(f"A watch that is {state.replace('_', ' ')} cannot become '{words}'", todo=advice)
    return after
