"""What a metric has lost since its best, and whether anything else learns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainwatch_core.model.round import View
from trainwatch_core.model.series import Rows, Series
from trainwatch_core.stats import Setback, learns_elsewhere, setback
from trainwatch_core.testing.columns import Columns, every, falling, flat, line, noisy, then
from trainwatch_core.testing.histories import view_of_columns


def of(values: np.ndarray, sign: float = 1.0, **shares: float) -> Setback | None:
    """The setback of values logged at steps 0, 10, 20, ..."""
    series = Series("val").extend(Rows.of(10.0 * np.arange(len(values)), values))
    return setback(series, sign, least=10, **shares)


V = then(line(3.0, 1.0, 21), line(1.1, 2.0, 10))


def test_a_setback_is_told_from_running_levels() -> None:
    """Best, now and start are medians of three, so that one lucky value is no best."""
    found = of(V)
    assert found is not None
    assert found.best == pytest.approx(1.1)
    assert found.best_step == 190
    assert found.now == pytest.approx(1.9)
    assert found.start == pytest.approx(2.9)
    assert found.gain == pytest.approx(1.8)
    assert found.readings == 31 - 3 - 18
    assert found.after[0] == pytest.approx(1.1)
    assert len(found.after) == found.readings + 2
    assert not found.recovering


def test_one_lucky_value_is_no_best() -> None:
    """A single reading far below all others leaves best and now where they were."""
    lucky = V.copy()
    lucky[5] = -50.0
    found = of(lucky)
    assert found is not None
    assert found.best == pytest.approx(1.1)


def test_the_sign_turns_a_score_round() -> None:
    """With -1 more is better, and every value is turned; the curve itself stays as logged."""
    plain, turned = of(V), of(-V, -1.0)
    assert plain is not None
    assert turned is not None
    assert (turned.best, turned.now, turned.gain) == (plain.best, plain.now, plain.gain)
    assert turned.seen.values.tolist() == (-plain.seen.values).tolist()


@pytest.mark.parametrize("values", [np.empty(0), flat(1.0, 9), flat(math.nan, 40)])
def test_too_few_readings_have_no_setback(values: np.ndarray) -> None:
    """Fewer than asked for, or none that is a number."""
    assert of(values) is None


def test_a_run_that_only_gets_better_has_lost_nothing() -> None:
    """Its best is its end."""
    found = of(line(3.0, 1.0, 40))
    assert found is not None
    assert (found.readings, found.lost_for) == (0, 0.0)
    assert found.now == found.best


@pytest.mark.parametrize(
    ("tail", "recovering"), [(line(3.0, 2.0, 30), True), (line(2.0, 3.0, 30), False), (flat(3.0, 30), False)]
)
def test_going_back_towards_the_best_is_a_recovery(tail: np.ndarray, *, recovering: bool) -> None:
    """The later half of what came since decides."""
    found = of(then(line(3.0, 1.0, 20), tail))
    assert found is not None
    assert found.recovering is recovering


LOST = {"lost_gain": 0.7, "lost_level": 0.5}


@pytest.mark.parametrize(
    ("tail", "wanted"),
    [
        (flat(3.0, 20), 190),
        (then(flat(3.0, 10), flat(1.5, 3), flat(3.0, 10)), 90),
        (then(flat(3.0, 10), flat(1.5, 5)), 0),
        (flat(2.0, 20), 0),
    ],
)
def test_lost_for_counts_the_last_stretch_without_a_break(tail: np.ndarray, wanted: float) -> None:
    """A look back up in between begins the count anew, and a level that kept a third is not lost."""
    found = of(then(line(3.0, 1.0, 20), tail), **LOST)
    assert found is not None
    assert found.lost_for == pytest.approx(wanted, abs=20)


def test_most_of_the_gain_is_not_lost_while_the_level_holds() -> None:
    """Both shares must be gone: from 10 to 9 and back to 9.9 is a tenth of the level."""
    found = of(then(line(10.0, 9.0, 20), flat(9.9, 20)), **LOST)
    assert found is not None
    assert found.lost_for == 0


def test_the_spread_is_that_about_the_running_level() -> None:
    """A steep line is quiet, noise is not."""
    quiet, loud = of(line(9.0, 1.0, 60)), of(line(9.0, 1.0, 60) + noisy(0.0, 60, 0.5))
    assert quiet is not None
    assert loud is not None
    assert quiet.spread < 0.1
    assert 0.2 < loud.spread < 0.8


ELSEWHERE: dict[str, tuple[Columns, bool]] = {
    "nothing else": ({}, False),
    "another loss falls": ({"loss_box": falling()}, True),
    "another loss rises": ({"loss_box": line(1, 2, 300)}, False),
    "an eval loss falls": ({"val_loss": every(20, falling(15))}, True),
    "an accuracy rises": ({"val_acc": every(20, line(0.1, 0.5, 15))}, True),
    "an accuracy falls": ({"val_acc": every(20, line(0.5, 0.1, 15))}, False),
    "an error rate falls": ({"train_error": line(0.5, 0.1, 300)}, True),
    "a training score rises": ({"train_acc": line(0.1, 0.5, 300)}, True),
    "a score of unknown direction": ({"val_score": every(20, line(0.1, 0.5, 15))}, False),
    "a learning rate falls": ({"lr": line(1, 0, 300)}, False),
    "an eval loss that drifts by a thousandth": ({"val_loss": every(20, line(3.0, 2.997, 15))}, False),
    "three evals": ({"val_loss": every(20, [3.0, 2.0, 1.0])}, False),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_something_learns_elsewhere_if_it_gets_better_for_certain(case: str) -> None:
    """Other training losses, evals and scores of known direction count; the main loss itself does not."""
    columns, learns = ELSEWHERE[case]
    view: View = view_of_columns({"loss": falling(), **columns})
    assert learns_elsewhere(view, "loss") is learns
