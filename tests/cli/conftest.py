"""A desk for every test, and a Slack that only answers what set-up asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.cli.slack_checks import SCOPES
from trainwatch_core.testing.desk import Desk
from trainwatch_core.testing.slack_setup import SetUpSlack, serve


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A place of its own; whatever was started there is ended with it."""
    place = Desk(tmp_path)
    yield place
    place.clear()


@pytest.fixture
def slack() -> Iterator[SetUpSlack]:
    """A workspace in which all is well."""
    workspace = SetUpSlack(scopes=",".join(sorted(SCOPES)))
    with serve(workspace):
        yield workspace
