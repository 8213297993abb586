"""A file whose server does not answer hangs for itself: watches of other files go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from trainwatch_core.adapters.sources.patience import MOST, Patience, PatientSource
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo

SOON = 0.05
LONG = 60.0


class DeadServer:
    """A source on a file server that answers when it is told to, as NFS does."""

    key = "log"
    status = SourceStatus.LOG_FALLBACK
    kind = "log file"

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.looks = 0
        self.over = threading.Event()

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Hangs, whatever the deadline says."""
        del deadline
        self.looks += 1
        self.answers.wait()
        self.over.set()
        return Batch({}, RunInfo(), cursor or {"offset": 7})


@pytest.fixture
def server() -> Iterator[DeadServer]:
    dead = DeadServer()
    yield dead
    dead.answers.set()


def test_a_look_that_hangs_is_given_up_and_not_repeated_while_it_does(server: DeadServer) -> None:
    """F-L06: the round goes on at its deadline; the next one does not wait, and does not hang a second thread."""
    source = PatientSource(server, "/nfs/train.log", Patience())
    with pytest.raises(SourceUnavailableError, match="did not answer within") as caught:
        source.fetch(None, deadline=SOON)
    assert "NFS" in caught.value.todo
    with pytest.raises(SourceUnavailableError, match="still hangs"):
        source.fetch(None, deadline=LONG)
    assert server.looks == 1


def test_a_file_that_answers_again_is_read_again(server: DeadServer) -> None:
    """As soon as the look that hung is over."""
    patience = Patience()
    source = PatientSource(server, "/nfs/train.log", patience)
    with pytest.raises(SourceUnavailableError):
        source.fetch(None, deadline=SOON)
    server.answers.set()
    assert server.over.wait(LONG)
    while patience.hanging:
        threading.Event().wait(0.01)
    assert source.fetch(None, deadline=LONG).cursor == {"offset": 7}


def test_other_files_are_read_meanwhile_until_too_many_hang(server: DeadServer) -> None:
    """One dead server costs a bounded number of threads, however many watches read from it."""
    patience = Patience()
    for number in range(MOST):
        with pytest.raises(SourceUnavailableError, match="did not answer"):
            PatientSource(server, f"/nfs/{number}.log", patience).fetch(None, deadline=0.0)
        if number < MOST - 1:
            assert patience.wait("/local/x.log", LONG, lambda: 5) == 5
    with pytest.raises(SourceUnavailableError, match=f"{MOST} other files hang"):
        patience.wait("/local/x.log", LONG, lambda: 5)


def test_errors_of_a_source_stay_what_they_are() -> None:
    """Also a time-out of its own, which is none of ours."""

    def refuses() -> None:
        raise SourceUnavailableError("There is no such log file")

    def times_out() -> None:
        raise TimeoutError("of the file itself")

    with pytest.raises(SourceUnavailableError, match="no such log file"):
        Patience().wait("x", LONG, refuses)
    with pytest.raises(TimeoutError, match="of the file itself"):
        Patience().wait("x", LONG, times_out)


def test_it_passes_for_the_source_that_it_waits_for(server: DeadServer) -> None:
    """In the store and in the report."""
    source = PatientSource(server, "x", Patience())
    assert (source.key, source.status, source.kind) == ("log", SourceStatus.LOG_FALLBACK, "log file")
