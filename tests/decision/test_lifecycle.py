"""The table of moves."""

from __future__ import annotations

import itertools

import pytest

from trainwatch_core.decision.lifecycle import MOVES, Event, move
from trainwatch_core.model.errors import ConflictError
from trainwatch_core.model.watch import WatchState

PAIRS = list(itertools.product(WatchState, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_either_moves_or_is_refused_with_words(state: WatchState, event: Event) -> None:
    """No pair of state and event is forgotten: it moves as the table says, or says what cannot be."""
    if (state, event) in MOVES:
        assert move(state, event) is MOVES[(state, event)]
    else:
        with pytest.raises(ConflictError, match="cannot become"):
            move(state, event)


def test_nothing_leaves_the_end() -> None:
    """A watch that has ended stays ended."""
    assert not [pair for pair in MOVES if pair[0] is WatchState.ENDED]


def test_only_an_approval_leads_to_stopping() -> None:
    """There is one way into STOPPING, and it begins with a request."""
    assert [pair for pair, after in MOVES.items() if after is WatchState.STOPPING] == [
        (WatchState.STOP_PENDING, Event.APPROVED)
    ]


def test_a_failed_stop_goes_on_watching() -> None:
    """A run that survived its stop is looked at again."""
    assert move(WatchState.STOPPING, Event.STOP_FAILED) is WatchState.ACTIVE
    assert move(WatchState.STOPPING, Event.OUTCOME_UNKNOWN) is WatchState.ACTIVE
