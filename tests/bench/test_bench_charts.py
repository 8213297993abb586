"""What a picture costs: run with `make bench`. The ratios are asserted, the times are reported."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from trainwatch_core.adapters.charts import MatplotlibPainter
from trainwatch_core.model.round import View
from trainwatch_core.report.charting import compose_chart
from trainwatch_core.testing.pictures import FINE, Sample, healthy


def _cpu(work: Callable[[], object], times: int = 7) -> float:
    """Seconds of CPU that the fastest of some runs took."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.fixture(scope="module")
def runs() -> tuple[Sample, Sample]:
    """A run of 1,000 points and one of a million."""
    return healthy(1000), healthy(1_000_000)


def test_picture_with_a_kept_figure(benchmark: BenchmarkFixture) -> None:
    """Painting one picture, the figure kept from the one before."""
    painter, spec = MatplotlibPainter(), healthy().spec()
    benchmark(painter.paint, spec)


def test_picture_with_a_new_figure(benchmark: BenchmarkFixture) -> None:
    """Painting one picture with a painter of its own."""
    spec = healthy().spec()

    def paint() -> bytes:
        return MatplotlibPainter().paint(spec)

    benchmark(paint)


def test_composing_a_picture(benchmark: BenchmarkFixture) -> None:
    """From what the checks saw to the picture as data."""
    view = healthy().view()
    benchmark(compose_chart, view, FINE, last_check_step=36_000, run_name="run")


def test_run_of_a_million_points_costs_what_one_of_a_thousand_does(runs: tuple[Sample, Sample]) -> None:
    """F-P03: 1,000 times the points take at most 2.5 times the CPU, composing and painting together."""
    painter = MatplotlibPainter()

    def cost(view: View) -> float:
        def picture() -> bytes:
            spec = compose_chart(view, FINE, last_check_step=None, run_name="run")
            assert spec is not None
            return painter.paint(spec)

        picture()
        return _cpu(picture)

    short, long = (cost(sample.view()) for sample in runs)
    assert long <= 2.5 * short, f"{long:.3f} s against {short:.3f} s"
