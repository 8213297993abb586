"""Real gradients, real failures: what is decided about small trainings, round by round."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pytest

from tests.scenarios.trainings import BAD, BROKEN, HEALTHY, STEPS, train
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.round import Round
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import replay

CONTINUE, WAIT, STOP = Decision.CONTINUE, Decision.WAIT, Decision.STOP
LOOKS = 24
EVIDENT = {"rate creeps up": 817}
"""From which step on somebody who watches would know, where that is not at once: the rate is harmless for a while."""
PATIENCE = {"labels shuffled": 6, "all units dead": 6}
"""Rounds from there to the STOP, at most, where noise could imitate it."""
SURE = 3
"""The same for what is certain by itself."""


def onset(name: str, looks: int = LOOKS) -> int:
    """The first round that sees what somebody who watches would know by."""
    return looks * EVIDENT.get(name, BAD) // STEPS + 1


@lru_cache
def trained(name: str) -> Mapping[str, Mapping[float, float]]:
    """What a training logged."""
    return train({**HEALTHY, **BROKEN}[name])


def rounds(name: str, looks: int = LOOKS) -> list[Round]:
    """All rounds of a training; a replay of checks goes on behind a STOP."""
    return list(replay(trained(name), CHECKS, rounds=looks, planned_steps=float(STEPS)))


def sentence(round_: Round) -> str:
    """What a failed test says."""
    return f"round {round_.number}: {round_.verdict.decision}: {round_.verdict.reasons[0].text}"


def test_the_trainings_are_what_they_are_called() -> None:
    """The healthy ones learn, the broken ones had learnt until they broke, and are lost at their end."""
    for name in HEALTHY:
        assert last(name, "val/acc") > 0.6, name
    for name in BROKEN:
        assert trained(name)["val/acc"][BAD - 1] > 0.9, name
        assert last(name, "val/acc") < 0.3 or last(name, "loss_scale") < 1, name


def last(name: str, metric: str) -> float:
    """The newest value of a metric; infinite if it has none."""
    values = trained(name).get(metric)
    return list(values.values())[-1] if values is not None else float("inf")


@pytest.mark.parametrize("looks", [12, 24])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_training_that_learns_is_left_alone(name: str, looks: int) -> None:
    """No STOP in any rhythm, and hardly a WAIT."""
    played = rounds(name, looks)
    stopped = [sentence(each) for each in played if each.verdict.decision is STOP]
    assert not stopped
    late = played[looks // 4 :]
    waiting = [sentence(each) for each in late if each.verdict.decision is WAIT]
    assert len(waiting) <= 0.1 * len(late), waiting


@pytest.mark.parametrize("name", BROKEN)
def test_a_training_that_breaks_is_noticed_and_stopped(name: str) -> None:
    """Nothing is said before it breaks, something soon after it, then STOP, and it is never called healthy again."""
    played = rounds(name)
    decisions = [each.verdict.decision for each in played]
    before = [sentence(each) for each in played[: LOOKS * BAD // STEPS] if each.verdict.decision is not CONTINUE]
    assert not before
    noticed = next(number for number, decision in enumerate(decisions, 1) if decision is not CONTINUE)
    assert noticed <= onset(name) + 1
    assert STOP in decisions, sentence(played[-1])
    latest = onset(name) + PATIENCE.get(name, SURE)
    assert decisions.index(STOP) + 1 <= latest, sentence(played[latest - 1])
    assert CONTINUE not in decisions[noticed - 1 :]


@pytest.mark.parametrize("looks", [12, 72])
@pytest.mark.parametrize("name", BROKEN)
def test_no_rhythm_stops_a_training_before_it_breaks(name: str, looks: int) -> None:
    """And each rhythm stops it within a quarter of the plan, or within four looks where that is longer."""
    stopped = next((each for each in rounds(name, looks) if each.verdict.decision is STOP), None)
    assert stopped is not None
    assert stopped.last_step is not None
    allowed = max(STEPS / 4, 4 * STEPS / looks)
    assert BAD <= stopped.last_step <= EVIDENT.get(name, BAD) + allowed, sentence(stopped)
