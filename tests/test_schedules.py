"""What is read off a logged learning rate: its shape, where the warm-up ended, how much of it is gone."""

from __future__ import annotations

import numpy as np
import pytest

from trainwatch_core.model.series import FloatArray
from trainwatch_core.schedules import Schedule, Shape, infer_schedule
from trainwatch_core.testing.columns import NAN, cosine, flat, line, then
from trainwatch_core.testing.histories import view_of_columns

TOP = 3e-4
WARM = line(TOP / 100, TOP, 50)
X = np.arange(400) / 400


def schedule_of(rates: FloatArray) -> Schedule | None:
    """As a check sees it: logged at the steps 0, 1, 2, ..."""
    return infer_schedule(view_of_columns({"lr": rates}).history.series["lr"])


SHAPES: dict[str, tuple[FloatArray, Shape]] = {
    "constant": (flat(TOP, 400), Shape.CONSTANT),
    "constant behind a warm-up": (then(WARM, flat(TOP, 300)), Shape.CONSTANT),
    "cosine": (cosine(400, TOP), Shape.COSINE),
    "cosine behind a warm-up": (then(WARM, cosine(400, TOP)), Shape.COSINE),
    "half of a cosine": (cosine(400, TOP)[:200], Shape.COSINE),
    "cosine down to a tenth": (0.1 * TOP + 0.9 * cosine(400, TOP), Shape.COSINE),
    "linear": (line(TOP, 0, 400), Shape.LINEAR),
    "a third of a linear one": (line(TOP, 0, 400)[:133], Shape.LINEAR),
    "linear behind a warm-up": (then(WARM, line(TOP, 0, 400)), Shape.LINEAR),
    "steps by ten": (then(flat(TOP, 150), flat(TOP / 10, 150), flat(TOP / 100, 100)), Shape.STEPS),
    "one step by two": (then(flat(TOP, 300), flat(TOP / 2, 100)), Shape.STEPS),
    "exponential": (TOP * np.exp(-3 * X), Shape.EXPONENTIAL),
    "inverse square root": (then(WARM, TOP * np.sqrt(50 / np.arange(50, 800))), Shape.INVERSE_SQRT),
    "stable, then decay": (then(WARM, flat(TOP, 250), line(TOP, 0, 100)), Shape.STABLE_DECAY),
    "warm restarts": (then(*[cosine(100, TOP)] * 4), Shape.RESTARTS),
    "cyclic": (TOP * (0.1 + 0.9 * np.abs(2 * ((4 * X) % 1) - 1)), Shape.CYCLIC),
    "warming up": (WARM, Shape.WARMING_UP),
    "drawn by hand": (TOP * np.interp(X, [0, 0.15, 0.5, 1], [1, 0.6, 0.55, 0]), Shape.UNKNOWN),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_schedule_is_known_by_its_shape(case: str) -> None:
    """The shapes of the common libraries, whole and cut short, with and without a warm-up."""
    rates, shape = SHAPES[case]
    schedule = schedule_of(rates)
    assert schedule is not None
    assert schedule.shape is shape


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_shape_has_no_unit(scale: float) -> None:
    """Rates of any size are read alike."""
    schedule = schedule_of(scale * then(WARM, cosine(400, TOP)))
    assert schedule is not None
    assert schedule.shape is Shape.COSINE


def test_a_schedule_says_where_it_stands() -> None:
    """The highest rate, the end of the warm-up, and the share that is gone."""
    schedule = schedule_of(then(line(0, TOP, 100), line(TOP, TOP / 4, 300)))
    assert schedule is not None
    assert schedule.top == pytest.approx(TOP, rel=0.02)
    assert schedule.warmed_up == pytest.approx(100, abs=5)
    assert schedule.decayed == pytest.approx(0.75, abs=0.02)


def test_a_flicker_of_rounding_is_no_restart() -> None:
    """A decaying rate that is logged in few digits goes up by one of them now and then."""
    rates = line(TOP, 0, 400)
    rates[200:400:2] += 0.05 * TOP
    schedule = schedule_of(rates)
    assert schedule is not None
    assert schedule.shape not in {Shape.RESTARTS, Shape.CYCLIC}


@pytest.mark.parametrize("rates", [flat(TOP, 7), flat(0.0, 100), flat(-TOP, 100), flat(NAN, 100)])
def test_what_is_no_rate_has_no_schedule(rates: FloatArray) -> None:
    """Too few, zero, below zero, or not finite."""
    assert schedule_of(rates) is None
