"""Work that listeners hand over, and work that a person waits for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot import upkeep
from bot.ids import Field
from bot.testing import ANA, Office
from bot.upkeep import Errands
from trainwatch_core.model.errors import DeliveryError


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """One worker."""
    with ThreadPoolExecutor(1) as made:
        yield made


def test_what_is_done_soon_is_returned_and_told_to_nobody_else(pool: ThreadPoolExecutor) -> None:
    """As long as Slack waits."""
    late: list[str] = []
    assert Errands(pool).soon(lambda: "done", late.append) == "done"
    assert late == []


def test_what_takes_longer_is_told_when_it_is_done(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job on a machine that answers slowly: the person hears of it, once."""
    monkeypatch.setattr(upkeep, "WAITED", 0.02)
    go, told = threading.Event(), threading.Event()
    late: list[str] = []

    def slow() -> str:
        assert go.wait(60)
        return "done"

    def tell(what: str) -> None:
        late.append(what)
        told.set()

    assert Errands(pool).soon(slow, tell) is None
    assert late == []
    go.set()
    assert told.wait(60)
    assert late == ["done"]


def test_what_cannot_be_told_late_takes_no_worker_along(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack does not answer: it is logged."""
    monkeypatch.setattr(upkeep, "WAITED", 0.02)
    go = threading.Event()

    def refuse(_what: object) -> None:
        raise DeliveryError("not now")

    errands = Errands(pool)
    assert errands.soon(lambda: go.wait(60), refuse) is None
    go.set()
    assert errands.soon(lambda: "next", refuse) in {"next", None}


def test_a_command_that_takes_longer_is_acknowledged_and_told_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time for Slack, and the answer comes as a whisper."""
    monkeypatch.setattr(upkeep, "WAITED", 0.02)
    office.errands.busy = True
    assert "This takes a while" in office.command("lab/vision/r1")
    assert not office.world.store.watches()
    office.errands.go()
    assert "I watch lab/vision/r1" in office.whispered(ANA)
    assert len(office.world.store.watches()) == 1


def test_a_form_that_takes_longer_closes_and_tells_later_what_was_wrong(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors have no field any more then."""
    monkeypatch.setattr(upkeep, "WAITED", 0.02)
    office.command("")
    office.errands.busy = True
    assert office.send({Field.TYPED: "lab/vision/r1", Field.EVERY: "never"}) == {}
    office.errands.go()
    assert "not a duration" in office.whispered(ANA)
    assert not office.world.store.watches()
