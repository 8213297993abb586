"""How quickly the terminal answers: against an interpreter that does nothing, in the same run."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from pytest_benchmark.fixture import BenchmarkFixture

HELP = (sys.executable, "-m", "trainwatch_core.cli", "--help")
NOTHING = (sys.executable, "-c", "pass")
TIMES = 15


def run(argv: tuple[str, ...]) -> float:
    """Seconds of one call."""
    begun = perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return perf_counter() - begun


def test_bench_help(benchmark: BenchmarkFixture) -> None:
    """`trainwatch --help`; the ratio to a bare interpreter stands in the extra info."""
    bare = sorted(run(NOTHING) for _ in range(TIMES))[TIMES // 2]
    benchmark(run, HELP)
    if benchmark.stats is not None:
        benchmark.extra_info["times_a_bare_interpreter"] = round(benchmark.stats.stats.median / bare, 1)
