"""An office with a stand-in for Slack in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
