"""The gates of soft findings: what has to come together before one of them becomes a STOP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from trainwatch_core.decision.verdict import decide
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.round import View
from trainwatch_core.model.watch import Policy
from trainwatch_core.testing.columns import STOP, WAIT
from trainwatch_core.testing.histories import view_of_columns
from trainwatch_core.testing.looks import decisions, hard, play, seen, soft


def announced(step: float, what: str = "") -> Mapping[str, object]:
    """A change that somebody announced."""
    return {"announced": (Announcement(step, what),)}


SOFT_GATES: dict[str, tuple[list[int], float | None, Mapping[str, object], str]] = {
    "all gates passed": ([90, 100], 50, {}, ""),
    "one look": ([100], 50, {}, "Seen in 1 of 2 looks with new values that a stop needs."),
    "no new values": ([100, 100], 50, {}, "Seen in 1 of 2 looks with new values that a stop needs."),
    "too few samples": ([90, 100], 85, {}, "It has lasted 15 of 20 samples that a stop needs."),
    "a long plan": ([500, 1000], 900, {"planned_steps": 5_000}, "It has lasted 99 of 150 steps that a stop needs."),
    "looks too near": ([98, 100], 50, {}, "It has been seen for 2 of 3 steps that a stop needs."),
    "looks too near in a long plan": (
        [900, 1000],
        500,
        {"planned_steps": 5_000},
        "It has been seen for 100 of 150 steps that a stop needs.",
    ),
    "warm-up": ([14, 18], 0, {}, "Only 18 of 20 samples of warm-up so far."),
    "warm-up of a long plan": ([50, 90], 10, {"planned_steps": 1_000}, "Only 89 of 100 steps of warm-up so far."),
    "warmed up": ([85, 110], 10, {"planned_steps": 800}, ""),
    "no place": ([90, 100], None, {}, "It has no place on the axis of the steps"),
    "no place beside a change": ([90, 100], None, announced(10), "It has no place on the axis of the steps"),
    "just announced": (
        [90, 100],
        90,
        announced(88, "harder data"),
        "A change was announced for step 88 (harder data): held until step 103.",
    ),
    "announced long ago": ([90, 110], 90, announced(80), ""),
    "announced for later": ([90, 100], 50, announced(120), ""),
    "announced for now": ([90, 100], 50, announced(99), "A change was announced for step 99: held until step 114."),
    "compared across a change": (
        [90, 100],
        50,
        announced(70),
        "It is compared across the change that was announced for step 70.",
    ),
}


@pytest.mark.parametrize("case", SOFT_GATES)
def test_a_soft_finding_passes_all_gates_or_says_which_one_held_it(case: str) -> None:
    """Looks, samples, shares of the plan, the warm-up and what was announced, each held back with its numbers."""
    rows, first, fields, held = SOFT_GATES[case]
    verdict = play([(seen(each, **fields), [soft(first)]) for each in rows])[-1]
    if held:
        assert verdict.decision is WAIT
        assert any(sentence.startswith(held) for sentence in verdict.held_back)
        assert verdict.would_change == "It fell."
    else:
        assert (verdict.decision, verdict.held_back) == (STOP, ())


def epochs(rows: int, *, planned: float | None = None, per_epoch: int = 100) -> View:
    """A look at a log with one row an epoch."""
    return view_of_columns({"loss": {float(per_epoch * each): 1.0 for each in range(rows)}}, planned_steps=planned)


SPARSE: dict[str, tuple[tuple[int, int], float, float | None, str]] = {
    "eight epochs, a third of the plan": ((16, 18), 1000, 2500, ""),
    "eight epochs, less than a fifth of the plan": (
        (16, 18),
        1000,
        4000,
        "It has lasted 8 of 20 samples that a stop needs.",
    ),
    "seven epochs": ((16, 18), 1100, 2500, "It has lasted 7 of 20 samples that a stop needs."),
    "eight epochs, without a plan": ((22, 25), 1700, None, "It has lasted 8 of 20 samples that a stop needs."),
    "young, but a fifth of the plan": ((8, 10), 100, 2000, ""),
    "young, and less than a fifth of the plan": ((8, 10), 100, 6000, "Only 10 of 20 samples of warm-up so far."),
    "young, without a plan": ((8, 10), 100, None, "Only 10 of 20 samples of warm-up so far."),
    "seven samples in all": ((5, 7), 0, 1000, "Only 7 of 20 samples of warm-up so far."),
}


@pytest.mark.parametrize("case", SPARSE)
def test_a_log_with_a_row_an_epoch_needs_fewer_samples_but_a_fifth_of_a_plan(case: str) -> None:
    """Such a log never has twenty samples of anything: eight do, where they are long beside the plan."""
    rows, first, planned, held = SPARSE[case]
    verdict = play([(epochs(each, planned=planned), [soft(first)]) for each in rows])[-1]
    assert verdict.decision is (WAIT if held else STOP)
    assert held in (verdict.held_back or "")


def test_a_look_that_saw_less_confirms_nothing() -> None:
    """The same finding that argued for WAIT at the look before is seen for the first time now."""
    looks = [(seen(90), [soft(50, WAIT)]), (seen(100), [soft(50)])]
    assert decisions(looks) == [WAIT, WAIT]


def test_without_a_training_loss_the_longest_series_is_the_clock() -> None:
    """Samples are counted where most of them are; with a training loss, there."""
    evals = {"val_acc": [0.5] * 100, "val_wer": [0.5] * 10}
    looks = [(view_of_columns({name: v[:n] for name, v in evals.items()}), [soft(50)]) for n in (90, 100)]
    assert decisions(looks) == [WAIT, STOP]
    few = {"loss": {float(step): 1.0 for step in range(0, 100, 9)}}
    verdict = play([(view_of_columns({"val_acc": [0.5] * n, **few}), [soft(50)]) for n in (90, 100)])[-1]
    assert "Only 12 of 20 samples of warm-up so far." in verdict.held_back


def test_what_was_announced_holds_no_hard_failure() -> None:
    """NaN is no change of plan."""
    looks = [(seen(rows, **announced(88)), [hard()]) for rows in (100, 110)]
    assert decisions(looks) == [WAIT, STOP]


def test_the_words_of_an_announcement_are_cut() -> None:
    """What a person typed stands in one line of the report."""
    verdict = play([(seen(rows, **announced(88, "x" * 500)), [soft(90)]) for rows in (90, 100)])[-1]
    assert any(f"({'x' * 80}): held" in sentence for sentence in verdict.held_back)


def test_every_figure_of_the_policy_is_heeded() -> None:
    """Without patience in the policy, one look at a young run is enough; so each gate reads its own figure."""
    hasty = Policy(
        warmup_rows=0,
        warmup_share=0.0,
        soft_rounds=1,
        soft_rows=0,
        soft_share=0.0,
        confirm_share=0.0,
        announced_share=0.0,
    )
    fields = {"planned_steps": 1000.0, **announced(3)}
    assert decide([soft(4)], [], seen(6, policy=hasty, **fields)).decision is STOP
    for name in ("warmup_rows", "warmup_share", "soft_rounds", "soft_rows", "soft_share", "announced_share"):
        patient = replace(hasty, **{name: getattr(Policy(), name)})
        verdict = decide([soft(4)], [], seen(6, policy=patient, **fields))
        assert (name, verdict.decision, len(verdict.held_back)) == (name, WAIT, 1)


def test_many_looks_do_not_make_up_for_few_samples() -> None:
    """Twelve looks within ten samples are still ten samples: the rhythm of looking decides nothing."""
    looks = [(seen(100 + each), [soft(98)]) for each in range(12)]
    assert decisions(looks) == [WAIT] * 12


def test_impatient_looks_gain_nothing() -> None:
    """Looks a sample apart confirm as late as looks that are far apart: what counts is the way between them."""
    near = [(seen(100 + each), [soft(50)]) for each in range(6)]
    assert decisions(near) == [WAIT, WAIT, WAIT, WAIT, STOP, STOP]
    assert decisions([near[0], near[-1]]) == [WAIT, STOP]


def test_a_history_longer_than_its_window_counts_old_samples() -> None:
    """Samples in buckets count for the patience as well."""
    looks = [(seen(rows), [soft(100)]) for rows in (4000, 4100, 4200)]
    assert decisions(looks)[-1] is STOP
    assert math.isfinite(looks[-1][0].history.last_step)
