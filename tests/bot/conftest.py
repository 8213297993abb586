"""An office with a stand-in for Slack in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from bot import logs
from bot.testing import Office
from trainwatch_core.testing.slack_server import SlackServer, slack_server


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A stand-in for Slack."""
    with slack_server() as server:
        yield server


@pytest.fixture
def office(slack: SlackServer, tmp_path: Path) -> Office:
    """A bot on a fake world."""
    return Office(slack, tmp_path)


@pytest.fixture
def log_of_the_bot() -> Iterator[Callable[[], str]]:
    """What the bot writes into its own log, at its most talkative."""
    out = StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logs.set_up(out, debug=True)
    try:
        yield out.getvalue
    finally:
        logging.getLogger().handlers[:], _ = before
        logging.getLogger().setLevel(before[1])
