"""How fast a log is read: a first look at a long log must not take the time of a round."""

from __future__ import annotations

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from trainwatch_core.adapters.sources.logs.formats import parse
from trainwatch_core.adapters.sources.logs.lines import text_lines

LINES = 100_000
FEW = 2_000
"""Where nothing is measured, as in the test suite."""
KINDS = {
    "hugging face": "{{'loss': {1:.4f}, 'grad_norm': {2:.6f}, 'learning_rate': {3:.10e}, 'epoch': {4:.4f}}}",
    "key=value": "step={0} loss={1:.4f} grad_norm={2:.4f} lr={3:.3e} tokens={5}",
    "key=value after a date": "2024-03-01 10:{6:02}:{7:02},123 INFO step={0} loss={1:.4f} grad_norm={2:.4f} lr={3:.3e}",
    "dicts under bars": "{{'loss': {1:.4f}, 'epoch': {4:.4f}}}\n  1%|    | {0}/999999 [00:10<16:30,  1.00s/it]",
}


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("kind", KINDS)
def test_bench_logs(benchmark: BenchmarkFixture, kind: str, request: pytest.FixtureRequest) -> None:
    """Bytes in, samples out: at least 20 MB of dicts or key=value in a second of a core. The last kind is beside it."""
    count = FEW if request.config.getoption("benchmark_disable") else LINES
    form = KINDS[kind]
    lines = (
        form.format(n, 2.5 - n * 1e-6, 1.5 + n % 7, 1e-5, n / 1000, n * 1000, n // 60 % 60, n % 60)
        for n in range(count)
    )
    data = ("\n".join(lines) + "\n").encode()
    parsed = benchmark(lambda: parse(text_lines(data)))
    assert len(parsed.samples["loss"]) == count
    if benchmark.stats:
        benchmark.extra_info["MB/s"] = round(len(data) / 1e6 / benchmark.stats.stats.min, 1)
