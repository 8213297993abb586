"""Where a question has no room for all, the command is shown in full and the reasons are cut."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest

from bot.blocks.question import approvable, question_message
from bot.blocks.words import Setting
from bot.ids import Action
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest, StopStep
from trainwatch_core.testing.fakes import START
from trainwatch_core.testing.stoppers import JOB

SETTING = Setting(ZoneInfo("UTC"), ("U0BO",), lambda _: "n" * 40)
BO = Actor(ActorKind.SLACK, "U0BO", "T0HOME")


@pytest.mark.parametrize(("character", "steps"), [("a", 4), ("\\", 2)])
def test_what_is_approved_is_seen_to_its_end(character: str, steps: int) -> None:
    """F-I03: however long the commands that may be approved, and however long and quoted the reasons."""
    offered = 0
    for length in range(100, 2000, 20):
        ladder = tuple(StopStep("x", argv=("/usr/bin/stop", character * length + f"{n}END")) for n in range(steps))
        plan = StopPlan("command", "command:x", "gpu-a07", ladder, JOB, "squeue until it is gone")
        quotes = '"' * 300
        question = StopQuestion(
            *("w", "f" * 32, '"' * 80, (quotes,) * 4, quotes, plan, "f" * 8, None, 60.0, "/data/" + "e" * 300, 2),
            *(("U0ABCDEFGHI",) * 7, BO, START),
        )
        request = StopRequest("f" * 32, "w", 1, RequestState.PENDING, plan, "f" * 64, "r", START)
        shown = json.dumps(question_message(question, request, SETTING).blocks, ensure_ascii=False)
        assert (Action.APPROVE in shown) == approvable(plan)
        if Action.APPROVE in shown:
            offered += 1
            assert all(f"{n}END" in shown for n in range(steps)), length
    assert offered
