"""How sure a verdict is: looks, steps, share of the run and samples over which its first reason was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.model.finding import Finding, Weight
from trainwatch_core.testing.columns import WAIT
from trainwatch_core.testing.looks import INFO, hard, play, seen, soft


def test_one_look_is_told_as_one() -> None:
    """Since step 90 of the steps 0 to 99."""
    (verdict,) = play([(seen(100), [hard()])])
    assert verdict.sure == "Seen in 1 look, over 9 steps (9 % of the run) and 10 samples."


def test_looks_in_a_row_are_counted_and_the_plan_is_the_whole() -> None:
    """With a plan, the share is one of the plan."""
    verdict = play([(seen(rows, planned_steps=1000), [soft()]) for rows in (100, 150)])[-1]
    assert verdict.sure == "Seen in 2 looks in a row, over 99 steps (10 % of the run) and 100 samples."


def test_a_wait_for_another_reason_makes_nobody_surer() -> None:
    """Only what a stop was argued for of the same metric counts for what grew out of it."""
    other = replace(soft(argues_for=WAIT), code="explained")
    verdict = play([(seen(100), [other]), (seen(110), [soft(argues_for=WAIT)])])[-1]
    assert verdict.sure.startswith("Seen in 1 look,")


@pytest.mark.parametrize(
    "finding", [Finding("blind", "early", WAIT, Weight.BLIND, "Too early."), soft(first=None), INFO]
)
def test_what_has_no_place_has_no_certainty(finding: Finding) -> None:
    """Blindness, a finding without a step, and health say nothing of how long."""
    (verdict,) = play([(seen(100), [finding])])
    assert verdict.sure == ""


def test_a_share_that_cannot_be_is_left_out() -> None:
    """An onset before the first step that is known, after a rewind, has no share."""
    (verdict,) = play([(seen(100), [soft(first=-50.0)])])
    assert verdict.sure == "Seen in 1 look, over 149 steps and 100 samples."
