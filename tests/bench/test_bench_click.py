"""How soon a click is acknowledged while ten rounds are in work. Slack gives three seconds, people less."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from trainwatch_core.testing.slack_payloads import Json
from trainwatch_core.testing.slack_server import APP_TOKEN, BOT_TOKEN, SlackServer, slack_server

WATCHES, ROWS, PRESSES = 10, 20_000, 200
FEW = (2, 200)
"""Where nothing is measured, as in the test suite: the same way, without the load."""
SOON = 0.3
"""Seconds."""


@pytest.fixture
def busy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SlackServer]:
    """A bot that looks at ten runs of twenty thousand steps, each every second."""
    watches, rows = FEW if request.config.getoption("benchmark_disable") else (WATCHES, ROWS)
    (tmp_path / "trainwatch.toml").write_text(
        f'data_dir = "{tmp_path}/data"\ntimezone = "UTC"\nadmins = ["U0ANA"]\n'
        f'[slack]\nchannel = "C0TRAIN"\n[log]\nroots = ["{tmp_path}"]\n'
    )
    text = "".join(f"step={n} loss={2 + 3 * 0.9995**n:.5f} lr=0.001 grad_norm=1.0\n" for n in range(rows))
    with slack_server() as slack:
        environ = {**os.environ, "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}
        environ["SLACK_API_URL"] = slack.api_url
        argv = [sys.executable, "-m", "bot", "--config", str(tmp_path / "trainwatch.toml")]
        bot = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert bot.stdout is not None
            bot.stdout.readline()
            for number in range(watches):
                log = tmp_path / f"run{number}.log"
                log.write_text(text)
                slack.acked(slack.command(f"{log} every=1s"), 60)
            slack.wait(lambda: len(cards(slack)) == watches, 120)
            yield slack
        finally:
            bot.kill()
            bot.wait()


def cards(slack: SlackServer) -> list[Json]:
    """The cards in the channel."""
    return [message for message in slack.messages["C0TRAIN"] if not message.get("thread_ts")]


def test_bench_click(benchmark: BenchmarkFixture, busy: SlackServer, request: pytest.FixtureRequest) -> None:
    """A click on "Check now", from the envelope to its acknowledgement; its row is committed in between."""
    turns = iter(range(10**6))
    times: list[float] = []

    def press() -> None:
        standing = cards(busy)
        card = standing[next(turns) % len(standing)]
        times.append(busy.acked(busy.click(card, "card_check_now"), 60))

    press()  # the first one asks Slack who Ana is
    times.clear()
    benchmark.pedantic(press, rounds=PRESSES)  # type: ignore[no-untyped-call]  # untyped by its makers
    ordered = sorted(times)
    for percent in (50, 90, 99):
        benchmark.extra_info[f"p{percent}_ms"] = round(1000 * ordered[(len(ordered) - 1) * percent // 100])
    if not request.config.getoption("benchmark_disable"):
        assert ordered[(len(ordered) - 1) * 9 // 10] < SOON
