"""What a forecast costs: run with `make bench`. The ratio is asserted, the times are reported."""

from __future__ import annotations

import time

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from trainwatch_core.forecast.fitting import POINTS, carry_on
from trainwatch_core.forecast.outlook import Forecast, outlook
from trainwatch_core.model.round import View
from trainwatch_core.testing.pictures import Sample, healthy


def _training_only(count: int) -> View:
    """A run seen to 46 %, of which the training loss is foretold: of all metrics it has the longest history."""
    columns = {name: column for name, column in healthy(count).columns.items() if name in {"loss", "lr"}}
    view = Sample(columns, planned=float(columns["loss"][0][-1]) / 0.46).view()
    assert isinstance(outlook(view), Forecast)
    return view


def test_carrying_a_curve_on(benchmark: BenchmarkFixture) -> None:
    """All fits of one curve of as many points as are ever fitted."""
    steps = np.arange(float(POINTS))
    benchmark(carry_on, steps, 2 + 4 / (1 + steps), 150.0)


def test_outlook_of_a_million_steps(benchmark: BenchmarkFixture) -> None:
    """From the bounded history to the forecast."""
    benchmark(outlook, _training_only(1_000_000))


def test_a_million_steps_cost_what_a_thousand_do() -> None:
    """A forecast of a history of a million steps takes at most 3 times the CPU of one of a thousand."""

    def cost(view: View) -> float:
        taken = []
        for _ in range(15):
            began = time.process_time()
            for _ in range(5):
                outlook(view)
            taken.append(time.process_time() - began)
        return min(taken)

    short, long = (cost(_training_only(count)) for count in (1000, 1_000_000))
    assert long <= 3 * short, f"{long:.4f} s against {short:.4f} s for five"
