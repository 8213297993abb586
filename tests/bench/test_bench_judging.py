"""What a judgement costs: run with `make bench`. The ratio is asserted, the milliseconds are reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from trainwatch_core.decision.verdict import decide
from trainwatch_core.model.round import Round, View
from trainwatch_core.model.series import History, Rows
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.registry import CHECKS
from trainwatch_core.testing.histories import NOON, round_of, view_of_columns

BUDGET = 0.015
"""Seconds of CPU on an ordinary machine."""
RATIO = 3.0
"""So many times what a run of a thousand steps takes, at most."""
PAST = 24
NAMES = ("train/loss", "val/loss", "val/acc", "lr", "grad_norm", "throughput")


def view_of_run(steps: int) -> View:
    """A run that has logged six metrics at every step, an evaluation at every hundredth."""
    rng = np.random.default_rng(1)
    at = np.arange(steps, dtype=np.float64)
    loss = 2 + 3 * (1 + at / (steps / 50)) ** -0.6 + rng.normal(0, 0.05, steps)
    rate = 3e-4 * (1 + np.cos(np.pi * at / (1.25 * steps)))
    seldom = at[99::100].astype(np.int64)
    columns = {
        "train/loss": (at, loss),
        "val/loss": (at[seldom], loss[seldom] + 0.1),
        "val/acc": (at[seldom], 1 - loss[seldom] / 6),
        "lr": (at, rate),
        "grad_norm": (at, rng.lognormal(0, 0.5, steps)),
        "throughput": (at, rng.normal(900, 20, steps)),
    }
    history = History().extend({name: Rows.of(x, y, NOON + x) for name, (x, y) in columns.items()})
    small = view_of_columns({name: [1.0] for name in NAMES})
    return replace(small, history=history, now=history.last_time, planned_steps=1.25 * steps, new_rows=500)


def judge(view: View, past: list[Round]) -> Verdict:
    """All checks, and what is decided on what they say."""
    findings = [finding for check in CHECKS for finding in check(view)]
    return decide(findings, past, view)


def judging(view: View) -> Callable[[], Verdict]:
    """One more round of a run that was looked at a day long."""
    findings = [finding for check in CHECKS for finding in check(view)]
    past: list[Round] = []
    for number in range(1, PAST + 1):
        past.append(round_of(number, view, findings, decide(findings, past, view)))
    return lambda: judge(view, past)


def cpu(work: Callable[[], object], times: int = 15) -> float:
    """Seconds of CPU that the fastest of some calls took."""
    work()
    taken = []
    for _ in range(times):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize("steps", [1_000, 1_000_000])
def test_bench_judging(benchmark: BenchmarkFixture, steps: int) -> None:
    """A round's judgement; the CPU time and the dearest checks stand in the extra info."""
    view = view_of_run(steps)
    work = judging(view)
    benchmark(work)
    if benchmark.stats is None:
        return
    shares = {check.__module__.rpartition(".")[2]: 1000 * cpu(partial(check, view)) for check in CHECKS}
    dearest = sorted(shares.items(), key=lambda pair: -pair[1])[:4]
    benchmark.extra_info["cpu_ms"] = round(1000 * cpu(work), 2)
    benchmark.extra_info["budget_ms"] = 1000 * BUDGET
    benchmark.extra_info["dearest_ms"] = {name: round(each, 2) for name, each in dearest}


def test_a_million_steps_are_judged_like_a_thousand() -> None:
    """The history is bounded, and so is what a look at it costs."""
    short, long = (cpu(judging(view_of_run(steps))) for steps in (1_000, 1_000_000))
    assert long <= RATIO * short, f"{1000 * long:.1f} ms against {1000 * short:.1f} ms"
