"""Fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from trainwatch_core.testing.jobs import Jobs
from trainwatch_core.testing.slurm import Slurm


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """Real processes, none of which outlives its test."""
    started = Jobs()
    try:
        yield started
    finally:
        started.clear()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """One cluster for all tests of a module."""
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many of the crashes that were tried needed no person afterwards."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    told = [str(value) for report in reports for name, value in report.user_properties if name == "crash"]
    if told:
        terminalreporter.section("kill -9 at the named points")
    for stopper in sorted({each.split()[0] for each in told}):
        counts = Counter(each.split()[1] for each in told if each.split()[0] == stopper)
        terminalreporter.line(f"{stopper}: {counts['alone']} of {counts.total()} recovered without a person")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that lacks a part of the system is skipped with a loud reason here and fails under CI."""
    for mark in item.iter_markers("system"):
        lacking = [part for part in mark.args if shutil.which(part) is None]
        if lacking:
            reason = f"{', '.join(lacking)} not found: run `make system-deps`"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
