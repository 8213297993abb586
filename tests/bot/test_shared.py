"""Whether a channel is shared is asked again where the answer was no."""

from __future__ import annotations

from bot.upkeep import Shared


def test_who_invites_the_bot_is_let_in_at_once() -> None:
    """A refusal is not remembered; that a channel is the own workspace's is, for a while."""
    answers = [{"is_member": False}, {"is_member": True}]
    shared = Shared(lambda _: answers.pop(0))
    assert [shared("C0NEW") for _ in range(3)] == [True, False, False]
