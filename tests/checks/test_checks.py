"""What each check says, and for what it argues, on healthy, noisy, bad and ugly data."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.checks import (
    baseline,
    blind,
    divergence,
    evaluation,
    gradient,
    learning_rate,
    nan,
    plateau,
    progress,
    spike,
    stale,
)
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.round import SourceReport, SourceStatus, View
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import NOON, Column, view_of_columns

NAN, INF = math.nan, math.inf
CONTINUE, WAIT, STOP = Decision.CONTINUE, Decision.WAIT, Decision.STOP


def falling(rows: int = 300, start: float = 3.0, floor: float = 1.0, noise: float = 0.05) -> np.ndarray:
    """A healthy loss: a power law with noise."""
    rng = np.random.default_rng(rows)
    curve = floor + (start - floor) * (1 + np.arange(rows) / 10) ** -0.7
    return np.asarray(curve + rng.normal(0, noise, rows))


def then(head: np.ndarray, *tail: float | np.ndarray) -> np.ndarray:
    """One column after another."""
    return np.concatenate([head, *[np.atleast_1d(part) for part in tail]])


def noisy(level: float, rows: int, noise: float = 0.05) -> np.ndarray:
    """A level with noise."""
    return np.asarray(level + np.random.default_rng(rows + 7).normal(0, noise, rows))


def every(step: int, values: np.ndarray | list[float]) -> dict[float, float]:
    """Evals: one value every `step` steps."""
    return {float(step * (at + 1)): float(value) for at, value in enumerate(values)}


def said(check: Callable[[View], tuple[Finding, ...]], view: View) -> list[tuple[str, Decision]]:
    """Code and argument of what a check says, INFO left out."""
    return [(f.code, f.argues_for) for f in check(view) if f.weight is not Weight.INFO]


def cosine(rows: int, top: float = 1e-3) -> np.ndarray:
    """A learning rate that falls to zero along a cosine."""
    return np.asarray(top * (1 + np.cos(np.pi * np.arange(rows) / rows)) / 2)


NAN_CASES: list[tuple[Mapping[str, Column], list[tuple[str, Decision]]]] = [
    ({"loss": falling()}, []),
    ({"loss": then(falling(), NAN, 1.2)}, []),
    ({"loss": then(falling(), NAN)}, [("trailing", WAIT)]),
    ({"loss": then(falling(), np.full(4, INF))}, [("trailing", WAIT)]),
    ({"loss": then(falling(), np.full(5, NAN))}, [("persistent", STOP)]),
    ({"loss": then(falling(), -np.full(9, INF))}, [("persistent", STOP)]),
    ({"loss": np.full(6, NAN)}, [("persistent", STOP)]),
    ({"loss": then(falling(15), np.full(3, NAN))}, [("persistent", STOP)]),
    ({"loss": then(falling(60), np.full(4, NAN), falling(60), np.full(6, NAN))}, []),
    ({"loss": np.where(np.arange(300) % 10 == 0, falling(), NAN)}, []),
    ({"loss": falling(), "val_loss": every(20, [1.0, 1.1, NAN, NAN])}, [("trailing", WAIT)]),
    ({"loss": falling(), "val_loss": every(20, [1.0, 1.1, NAN])}, []),
    ({"loss": falling(), "grad_norm": then(falling(290), np.full(10, NAN))}, [("trailing", WAIT)]),
    (
        {"loss": then(falling(290), np.zeros(10)), "grad_norm": then(falling(290), np.full(10, NAN))},
        [("trailing", WAIT), ("hidden", STOP)],
    ),
    ({"d_loss": falling(), "g_loss": then(falling(), np.full(9, NAN))}, [("trailing", WAIT)]),
    ({"d_loss": np.full(9, NAN), "g_loss": np.full(9, NAN)}, [("persistent", STOP), ("persistent", STOP)]),
    ({"loss": falling(), "steps_per_sec": np.full(300, NAN)}, []),
]


@pytest.mark.parametrize(("columns", "expected"), NAN_CASES)
def test_nan_is_only_sure_as_a_streak_at_the_end_of_the_training_loss(
    columns: Mapping[str, Column], expected: list[tuple[str, Decision]]
) -> None:
    """F-W05: a lasting streak argues STOP, a short one or one elsewhere WAIT, one that came back nothing."""
    assert said(nan.check, view_of_columns(columns)) == expected


def test_nan_in_the_training_loss_names_value_step_and_last_number() -> None:
    """The sentence says since when, how often, and what the last number was."""
    (finding,) = nan.check(view_of_columns({"loss": then(np.linspace(3, 2, 101), np.full(8, NAN))}))
    assert finding.text == "loss is NaN in 8 samples in a row, since step 101; the last number was 2."
    assert finding.weight is Weight.HARD
    assert finding.first_step == 101
    assert finding.until == "This would go away if loss were a number again."


SPIKE_CASES: list[tuple[Mapping[str, Column], list[tuple[str, Decision]]]] = [
    ({"loss": falling()}, []),
    ({"loss": falling(noise=0.3)}, []),
    ({"loss": then(falling(), 6.0, 6.0)}, [("up", WAIT)]),
    ({"loss": then(falling(), 6.0)}, []),
    ({"loss": then(falling(), 6.0, 5.0, noisy(1.1, 5))}, [("recovered", CONTINUE)]),
    ({"loss": then(falling(10), 60.0, 60.0)}, []),
    ({"loss": then(np.full(50, 2.0), 2.001, 2.001)}, []),
    ({"loss": then(falling(), 6.0, 6.0), "reward": falling()}, []),
    ({"val_loss": then(falling(), 6.0, 6.0)}, []),
]


@pytest.mark.parametrize(("columns", "expected"), SPIKE_CASES)
def test_a_spike_argues_for_wait_and_its_end_is_said(
    columns: Mapping[str, Column], expected: list[tuple[str, Decision]]
) -> None:
    """Two of the last three samples far above: WAIT. Back again: recovered. Noise and one sample: nothing."""
    assert said(spike.check, view_of_columns(columns)) == expected


def test_a_spike_of_an_earlier_look_is_not_announced_again() -> None:
    """Only samples that are new to this look can have recovered in it."""
    view = view_of_columns({"loss": then(falling(), 6.0, 5.0, noisy(1.1, 20))}, new_rows=10)
    assert spike.check(view) == ()


UP = then(falling(), noisy(2.5, 100))
DIVERGENCE_CASES: list[tuple[Mapping[str, Column], list[tuple[str, Decision]]]] = [
    ({"loss": falling()}, []),
    ({"loss": falling(noise=0.5)}, []),
    ({"loss": noisy(2.3, 300)}, []),
    ({"loss": falling(10)}, []),
    ({"loss": UP}, [("shift", STOP)]),
    ({"loss": -10 + UP}, [("shift", STOP)]),
    ({"loss": 1e6 * UP}, [("shift", STOP)]),
    ({"loss": then(falling(), np.geomspace(2, 1e30, 12))}, [("runaway", STOP)]),
    ({"loss": then(falling(), np.full(8, 1e308))}, [("runaway", STOP)]),
    ({"loss": then(falling(), noisy(9, 3))}, []),
    ({"loss": then(falling(), np.geomspace(6, 1.6, 60))}, [("explained", WAIT)]),
    ({"loss": UP, "val_loss": every(20, falling(20, noise=0.01))}, [("explained", WAIT)]),
    ({"loss": UP, "val_loss": every(20, then(falling(15), noisy(2.5, 5)))}, [("shift", STOP)]),
    ({"loss": UP, "lr": then(np.full(150, 1e-2), np.full(150, 1e-3), np.full(100, 1e-2))}, [("explained", WAIT)]),
    ({"loss": UP, "lr": then(np.full(300, 1e-3), np.full(100, 1e-1))}, [("shift", STOP)]),
    ({"loss": UP, "loss_box": falling(400, 5, 0.1, 0.001)}, [("explained", WAIT)]),
    ({"loss": UP, "epoch": then(np.arange(300) // 10, np.arange(100) // 10)}, [("explained", WAIT)]),
    ({"train/loss": UP, "rollout/ep_rew_mean": falling()}, []),
    ({"d_loss": UP, "g_loss": UP}, []),
]


@pytest.mark.parametrize(("columns", "expected"), DIVERGENCE_CASES)
def test_divergence_is_a_rise_that_stays_and_has_no_explanation(
    columns: Mapping[str, Column], expected: list[tuple[str, Decision]]
) -> None:
    """A lasting rise argues STOP; one that falls again, follows the learning rate or leaves evals alone argues WAIT."""
    assert said(divergence.check, view_of_columns(columns)) == expected


def test_divergence_is_placed_where_it_began() -> None:
    """The onset is within a few samples of the step at which the loss rose."""
    (finding,) = divergence.check(view_of_columns({"loss": UP}))
    assert finding.first_step == pytest.approx(300, abs=12)
    assert finding.numbers["best"] < 1.4
    assert finding.numbers["now"] == pytest.approx(2.5, abs=0.1)


def test_a_rise_is_the_same_rise_at_every_scale() -> None:
    """Scaling the loss flips nothing."""
    for scale in (1e-9, 1.0, 1e9):
        assert said(divergence.check, view_of_columns({"loss": scale * UP})) == [("shift", STOP)]


GUESSING = math.log(10)
PLATEAU_CASES: list[tuple[Mapping[str, Column], float | None, list[tuple[str, Decision]]]] = [
    ({"loss": falling()}, None, []),
    ({"loss": then(falling(), noisy(1.1, 900))}, None, []),
    ({"loss": noisy(GUESSING, 30, 0.01)}, None, []),
    ({"loss": noisy(GUESSING, 200, 0.01)}, None, [("stuck", WAIT)]),
    ({"loss": noisy(GUESSING, 200, 0.01)}, 5000, []),
    ({"loss": noisy(GUESSING, 200, 0.01)}, 500, [("stuck", WAIT)]),
    ({"loss": noisy(GUESSING, 200, 0.01), "acc": noisy(0.1, 200, 0.005)}, None, [("chance", WAIT)]),
    ({"loss": noisy(GUESSING, 200, 0.01), "acc": noisy(0.1, 200, 0.005)}, 500, [("chance", STOP)]),
    ({"loss": noisy(GUESSING, 200, 0.01), "acc": noisy(0.1, 200, 0.005)}, 1000, [("chance", WAIT)]),
    ({"loss": noisy(GUESSING, 200, 0.01), "acc": noisy(0.3, 200, 0.005)}, 500, [("stuck", WAIT)]),
    ({"loss": then(falling(), np.full(30, 1.23456))}, None, [("frozen", WAIT)]),
    ({"loss": then(falling(), np.full(30, 0.01))}, None, []),
    ({"loss": then(falling(), np.zeros(30))}, None, []),
    ({"loss": noisy(0.5, 200), "reward": noisy(0, 200)}, None, []),
]


@pytest.mark.parametrize(("columns", "planned", "expected"), PLATEAU_CASES)
def test_a_plateau_stops_only_at_proven_chance_level(
    columns: Mapping[str, Column], planned: float | None, expected: list[tuple[str, Decision]]
) -> None:
    """Flat from the start argues WAIT; STOP needs ln k, 1/k and a quarter of a plan; converged is fine."""
    assert said(plateau.check, view_of_columns(columns, planned_steps=planned)) == expected


FLAT = every(20, noisy(2.5, 20, 0.02))
BASELINE_CASES: list[tuple[Mapping[str, Column], float, float | None, list[tuple[str, Decision]]]] = [
    ({"val_loss": every(20, falling(20))}, 1.3, 1000, []),
    ({"val_loss": FLAT}, 1.3, 1000, [("missed", STOP)]),
    ({"val_loss": FLAT}, 2.2, 1000, []),
    ({"val_loss": FLAT, "d_loss": falling(), "g_loss": falling()}, 1.3, 1000, [("missed", WAIT)]),
    ({"val_loss": FLAT}, 1.3, 4000, []),
    ({"val_loss": FLAT}, 1.3, None, [("missed", WAIT)]),
    ({"val_loss": every(20, np.linspace(3, 2.7, 20))}, 1.3, 1000, [("missed", WAIT)]),
    ({"val_loss": every(20, then(np.linspace(3, 2, 12), noisy(2.6, 8, 0.01)))}, 1.3, 1000, [("missed", WAIT)]),
    ({"val_loss": every(20, [2.5, 2.5])}, 1.3, 1000, []),
    ({"val_acc": every(20, noisy(0.5, 20, 0.005))}, 0.9, 1000, [("missed", STOP)]),
    ({"val_acc": every(20, noisy(0.95, 20, 0.005))}, 0.9, 1000, []),
    ({"val_score": every(20, noisy(0.5, 20, 0.005))}, 0.9, 1000, []),
    ({"other": FLAT}, 1.3, 1000, []),
]


@pytest.mark.parametrize(("columns", "wanted", "planned", "expected"), BASELINE_CASES)
def test_a_baseline_is_missed_only_if_a_level_curve_is_far_from_it(
    columns: Mapping[str, Column], wanted: float, planned: float | None, expected: list[tuple[str, Decision]]
) -> None:
    """Level and far with a good part of the plan gone: STOP. Improving, stepped or unplanned: WAIT. Near: nothing."""
    name = next(iter(columns))
    wanted_by = {"val_loss" if name == "other" else name: wanted}
    assert said(baseline.check, view_of_columns(columns, baseline=wanted_by, planned_steps=planned)) == expected


OVERFIT = every(20, then(falling(15, noise=0.01), np.linspace(1.8, 4, 25)))
TRAIN = falling(800, 3, 0.0, 0.01)
EVALUATION_CASES: list[tuple[Mapping[str, Column], list[tuple[str, Decision]]]] = [
    ({"loss": TRAIN, "val_loss": every(20, falling(40))}, []),
    ({"loss": TRAIN, "val_loss": OVERFIT}, [("worse", STOP)]),
    ({"val_loss": OVERFIT}, [("worse", WAIT)]),
    ({"loss": TRAIN, "val_loss": OVERFIT, "val_acc": every(20, np.linspace(0.3, 0.8, 40))}, [("worse", WAIT)]),
    ({"loss": TRAIN, "val_loss": every(20, [3, 2, 1, 4, 5])}, []),
    ({"loss": TRAIN, "val_acc": every(20, then(np.linspace(0.1, 0.9, 20), noisy(0.85, 20, 0.01)))}, []),
    ({"loss": TRAIN, "val_acc": every(20, then(np.linspace(0.1, 0.9, 20), noisy(0.1, 20, 0.01)))}, [("worse", STOP)]),
    ({"loss": TRAIN, "val_acc": every(20, then(np.linspace(0.1, 0.9, 28), noisy(0.5, 12, 0.01)))}, [("worse", WAIT)]),
    ({"reward": then(noisy(-400, 50, 5), noisy(-10, 50, 5), noisy(-400, 60, 5))}, [("worse", STOP)]),
    ({"val_score": every(20, then(np.linspace(0.1, 0.9, 20), noisy(0.1, 20, 0.01)))}, []),
    ({"loss": TRAIN, "val_loss": every(20, falling(20))}, [("missing", WAIT)]),
    ({"loss": falling(400), "val_acc": every(20, then(np.linspace(0.5, 0.9, 14), np.zeros(6)))}, [("constant", WAIT)]),
    ({"loss": falling(400), "val_acc": every(20, then(np.linspace(0.5, 0.9, 14), np.full(6, 0.9123)))}, []),
]


@pytest.mark.parametrize(("columns", "expected"), EVALUATION_CASES)
def test_evals_that_get_worse_stop_only_when_nothing_speaks_for_them(
    columns: Mapping[str, Column], expected: list[tuple[str, Decision]]
) -> None:
    """Overfitting without a score that holds, and a collapse, argue STOP; missing and broken evals argue WAIT."""
    assert said(evaluation.check, view_of_columns(columns)) == expected


GRADIENT_CASES: list[tuple[Column, list[tuple[str, Decision]]]] = [
    (falling(), []),
    (np.random.default_rng(1).lognormal(0, 1, 300), []),
    (then(falling(), np.full(8, 500.0)), [("exploding", WAIT)]),
    (then(falling(), np.full(3, 500.0)), []),
    (then(falling(), np.full(8, 1e-6)), [("vanishing", WAIT)]),
    (np.zeros(300), [("zero", WAIT)]),
    (then(falling(), np.full(3, INF)), []),
    (falling(10), []),
]


@pytest.mark.parametrize(("norms", "expected"), GRADIENT_CASES)
def test_gradient_norms_argue_for_wait_at_most(norms: Column, expected: list[tuple[str, Decision]]) -> None:
    """Far above or far below the usual for several samples argues WAIT; heavy tails do not."""
    assert said(gradient.check, view_of_columns({"grad_norm": norms})) == expected


RATE_CASES: list[tuple[Column, float | None, list[tuple[str, Decision]]]] = [
    (cosine(300), 300, []),
    (cosine(300), None, []),
    (then(np.linspace(1e-6, 1e-3, 50), cosine(300)), 1000, []),
    (np.tile(cosine(100), 3), 300, []),
    (np.full(300, 1e-3), 300, []),
    (then(falling(50), np.full(10, NAN)), None, [("invalid", STOP)]),
    (np.full(50, -1e-3), None, [("invalid", STOP)]),
    (then(cosine(200), np.zeros(300)), 1000, [("parked", STOP)]),
    (then(cosine(200), np.zeros(100)), 1000, []),
    (then(cosine(200), np.zeros(300)), 550, []),
    (then(cosine(200), np.zeros(300)), None, []),
    (np.zeros(150), 1000, [("zero", STOP)]),
    (np.zeros(150), None, [("zero", WAIT)]),
    (np.zeros(5), 1000, []),
    (then(np.full(100, 1e-3), np.full(10, 1e-1)), None, [("jump", WAIT)]),
    (then(np.full(100, 1e-3), np.full(10, 1e-1), np.full(10, 1e-3)), None, []),
]


@pytest.mark.parametrize(("rates", "planned", "expected"), RATE_CASES)
def test_learning_rates_stop_only_when_they_can_teach_nothing_more(
    rates: Column, planned: float | None, expected: list[tuple[str, Decision]]
) -> None:
    """NaN, zero and parked near zero with much of the plan left argue STOP; ordinary schedules say nothing."""
    assert said(learning_rate.check, view_of_columns({"lr": rates}, planned_steps=planned)) == expected


def test_silence_is_measured_against_the_runs_own_gaps() -> None:
    """A run that logs every ten seconds is silent after two minutes, not after one; a crash report ends the check."""
    columns = {"loss": falling()}
    end = NOON + 2990

    def at(seconds: float, state: RunState | None = None) -> list[tuple[str, Decision]]:
        view = view_of_columns(columns, now=end + seconds, progress_at=end, new_rows=0, info=RunInfo(state=state))
        return said(stale.check, view)

    assert at(60) == []
    assert at(180) == [("silent", WAIT)]
    assert at(180, RunState.FINISHED) == []


def test_silence_never_argues_for_stop() -> None:
    """A dead process and a long pre-emption look alike, so a day of silence argues WAIT, blind."""
    view = view_of_columns({"loss": falling()}, now=NOON + 86_400, progress_at=NOON + 2990, new_rows=0)
    (finding,) = stale.check(view)
    assert (finding.argues_for, finding.weight) == (WAIT, Weight.BLIND)
    assert finding.text == "No new values for 23 h 10 min after step 299."


def test_a_heartbeat_without_values_is_said() -> None:
    """The tracker's sign of life is named beside the silence."""
    now = NOON + 86_400
    view = view_of_columns({"loss": falling()}, now=now, progress_at=NOON, info=RunInfo(heartbeat_at=now - 60))
    assert "though its last sign of life is 60 s old" in stale.check(view)[0].text


def test_a_crash_report_beside_new_values_is_a_contradiction() -> None:
    """The tracker says crashed, the values go on: WAIT until they agree."""
    view = view_of_columns({"loss": falling()}, info=RunInfo(state=RunState.CRASHED))
    assert said(stale.check, view) == [("contradiction", WAIT)]


def test_times_that_are_unknown_leave_the_set_patience() -> None:
    """Without times in the log only the time since values arrived counts, against `stale_after`."""
    view = view_of_columns({"loss": [1.0, 2.0]}, now=NOON + 3000, progress_at=NOON)
    assert stale.check(view) == ()
    assert len(stale.check(view_of_columns({"loss": [1.0, 2.0]}, now=NOON + 4000, progress_at=NOON))) == 1


def test_unreachable_is_blind_and_not_bad() -> None:
    """F-W01: an outage argues WAIT, says for how long and why, and cannot argue for more."""
    source = SourceReport(SourceStatus.UNREACHABLE, failures=("The server said 503.",), since=NOON - 3720)
    (finding,) = blind.check(view_of_columns({}, source=source))
    assert (finding.argues_for, finding.weight) == (WAIT, Weight.BLIND)
    assert finding.text == "Nothing could be read for 62 min: The server said 503."


@pytest.mark.parametrize(
    ("columns", "code"),
    [({}, "empty"), ({"loss": [2.0]}, "early"), ({"foo": [1.0] * 9}, "unjudged"), ({"loss": [3.0, 2.0, 1.0]}, None)],
)
def test_too_little_to_see_is_said(columns: Mapping[str, Column], code: str | None) -> None:
    """No metric, too few samples and no known metric are findings of their own."""
    assert [finding.code for finding in blind.check(view_of_columns(columns))] == ([code] if code else [])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"loss": np.linspace(3, 2, 101)}, "loss 2 at step 100, still falling."),
        ({"loss": np.linspace(2, 3, 101)}, "loss 3 at step 100, rising."),
        ({"loss": [2.0, 2.0]}, "loss 2 at step 1, too early for a trend."),
        ({"val_acc": np.full(20, 0.5)}, "val_acc 0.5 at step 19, about level."),
    ],
)
def test_a_healthy_run_is_described(columns: Mapping[str, Column], words: str) -> None:
    """Progress says where the main metric stands and which way it goes, and argues for nothing."""
    (finding,) = progress.check(view_of_columns(columns))
    assert (finding.text, finding.argues_for, finding.weight) == (words, CONTINUE, Weight.INFO)


ugly = st.lists(
    st.one_of(st.floats(width=64), st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, NAN, INF, -INF])), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["loss", "val_loss", "val_acc", "lr", "grad_norm", "reward", "epoch"]), ugly))
def test_no_data_whatever_makes_a_check_fail_or_warn(columns: dict[str, list[float]]) -> None:
    """1e308, infinities, constants, two points and nothing at all pass through every check without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = view_of_columns(columns, baseline={"val_loss": 1e308, "val_acc": 0.0}, planned_steps=100.0)
        for check in CHECKS:
            for finding in check(view):
                assert finding.text.endswith(".")


def test_a_million_steps_are_judged_as_fast_as_a_history_allows() -> None:
    """What the checks see is bounded: a million samples are a few hundred points."""
    view = view_of_columns({"loss": np.tile(falling(1000), 100)})
    assert divergence.check(view) == divergence.check(view)
    assert len(view.history.series["loss"]) <= 768


@pytest.mark.parametrize(("low_for", "argues_for"), [(20, WAIT), (80, STOP)])
def test_a_return_that_swings_deep_is_no_collapse_until_it_has_lasted(low_for: int, argues_for: Decision) -> None:
    """Returns of healthy agents swing to a fifth and come back: only a tenth of the run down there counts."""
    rng = np.random.default_rng(5)
    climbing = np.linspace(0, 100, 200) + rng.normal(0, 3, 200)
    sinking = np.linspace(100, 60, 100) + rng.normal(0, 3, 100)
    column = then(climbing, sinking, np.full(low_for, 15.0) + rng.normal(0, 3, low_for))
    view = view_of_columns({"reward": column}, goals={"reward": Goal.MAXIMIZE})
    found = [each for each in evaluation.check(view) if each.code == "worse"]
    assert [each.argues_for for each in found] == [argues_for]
