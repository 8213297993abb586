"""Projects and runs for a person who chooses one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trainwatch_core.adapters.sources.wandb.picking import projects_of, runs_to_choose
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunState
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb, Fault

SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[FakeWandb]:
    """A stand-in with three projects of two entities."""
    with FakeWandb() as fake:
        fake.add("e/tiny/a1", display_name="first try", state="finished", created_at="2026-01-01T00:00:00")
        fake.add("lab/vision/r1", display_name="ResNet 50", state="finished", created_at="2026-01-01T00:00:00")
        fake.add("lab/vision/r2", display_name="resnet 101", state="running", created_at="2026-01-02T00:00:00")
        fake.add("lab/vision/r3", display_name="vit (b)", state="odd", created_at="2026-01-03T00:00:00")
        fake.add("lab/words/w1", state="running")
        yield fake


def endpoint(server: FakeWandb) -> Endpoint:
    """With its key."""
    return Endpoint(server.url, server.url, API_KEY)


def chosen(server: FakeWandb, words: str, first: int = 50) -> list[str]:
    """Ids of the runs of lab/vision that are offered."""
    return [c.run.short for c in runs_to_choose(endpoint(server), "lab/vision", words, first=first, seconds=SECONDS)]


def test_projects_are_those_of_the_key_or_of_whom_is_named(server: FakeWandb) -> None:
    """The key's user and teams where nobody is named."""
    assert projects_of(endpoint(server), (), seconds=SECONDS) == ("e/tiny", "lab/vision", "lab/words")
    assert projects_of(endpoint(server), ("lab",), seconds=SECONDS) == ("lab/vision", "lab/words")
    assert projects_of(endpoint(server), ("nobody",), seconds=SECONDS) == ()


@pytest.mark.parametrize(
    ("words", "ids"),
    [("", ["r2", "r3", "r1"]), ("RESNET", ["r2", "r1"]), ("(b)", ["r3"]), ("r1", ["r1"]), ("101", ["r2"]), ("x", [])],
)
def test_runs_are_found_by_name_or_id_those_that_run_first(server: FakeWandb, words: str, ids: list[str]) -> None:
    """Signs of a regular expression are words like others."""
    assert chosen(server, words) == ids


def test_an_old_run_is_found_by_the_search_of_the_server(server: FakeWandb) -> None:
    """The newest ones are not all that there are."""
    assert chosen(server, "", first=2) == ["r2", "r3"]
    assert chosen(server, "ResNet 5", first=2) == ["r1"]


def test_states_are_those_we_know(server: FakeWandb) -> None:
    """And none for a word that nobody knows."""
    states = [c.state for c in runs_to_choose(endpoint(server), "lab/vision", "", first=9, seconds=SECONDS)]
    assert states == [RunState.RUNNING, None, RunState.FINISHED]


def test_names_that_no_run_can_have_are_not_offered(server: FakeWandb) -> None:
    """They could not be watched."""
    server.add("lab/vision/a b", display_name="blank")
    assert "a b" not in chosen(server, "")


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.NULL, Fault.GARBAGE, Fault.BAD_GATEWAY])
def test_what_is_no_answer_is_said(server: FakeWandb, fault: Fault) -> None:
    """A captive portal, or data without data."""
    server.fault = fault
    with pytest.raises(SourceUnavailableError):
        projects_of(endpoint(server), (), seconds=SECONDS)
    with pytest.raises(SourceUnavailableError):
        chosen(server, "")


def test_a_project_that_is_not_there_is_said(server: FakeWandb) -> None:
    """By its name."""
    with pytest.raises(SourceUnavailableError, match="no such project"):
        runs_to_choose(endpoint(server), "lab/nothing", "", first=9, seconds=SECONDS)
