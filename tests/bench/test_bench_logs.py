"""How fast a log is read: a first look at a long log must not take the time of a round."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Callable

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


def _data(form: str, count: int) -> bytes:
    lines = (
        form.format(n, 2.5 - n * 1e-6, 1.5 + n % 7, 1e-5, n / 1000, n * 1000, n // 60 % 60, n % 60)
        for n in range(count)
    )
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("kind", KINDS)
def test_bench_logs(benchmark: BenchmarkFixture, kind: str) -> None:
    """Bytes in, samples out: at least 20 MB of dicts or key=value in a second of a core. The last kind is beside it."""
    measured = benchmark.enabled
    count = LINES if measured else FEW
    data = _data(KINDS[kind], count)
    parsed = benchmark(lambda: parse(text_lines(data)))
    assert len(parsed.samples["loss"]) == count
    if benchmark.stats is not None:
        benchmark.extra_info["MB/s"] = rate = round(len(data) / 1e6 / benchmark.stats.stats.min, 1)
        sys.stdout.write(f"\n{kind}: {rate} MB/s\n")


def _pairs(line: str) -> dict[str, float]:
    return {name: float(value) for name, _, value in (word.partition("=") for word in line.split())}


@pytest.mark.parametrize(
    ("kind", "by_hand", "times"), [("hugging face", ast.literal_eval, 0.3), ("key=value", _pairs, 2.5)]
)
def test_a_regular_log_takes_no_longer_than_what_one_would_write_for_it(
    kind: str, by_hand: Callable[[str], object], times: float
) -> None:
    """Beside three lines of Python that know the format: the machine's speed does not matter. Line by line fails."""
    data = _data(KINDS[kind], 5 * FEW)
    lines = data.decode().splitlines()
    ours = min(_seconds(lambda: parse(text_lines(data))) for _ in range(5))
    theirs = min(_seconds(lambda: list(map(by_hand, lines))) for _ in range(5))
    assert ours < times * theirs, f"{ours / theirs:.2f} times as long"


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
