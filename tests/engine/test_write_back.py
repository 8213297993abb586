"""A stopped run gets its tag and its note, where the file wants that."""

from __future__ import annotations

import pytest

from trainwatch_core.model.change import Outgoing
from trainwatch_core.model.errors import JobNotFoundError, SourceUnavailableError
from trainwatch_core.model.message import WriteBack
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch
from trainwatch_core.testing.worlds import ANA, RUN, FakeWorld

Written = list[tuple[str, str, str]]


def stopped(world: FakeWorld, run: RunRef = RUN) -> Watch:
    """A run that somebody stopped."""
    world.start()
    watch = world.watch(run=run, notes_path="/home/ana/notes.md")
    world.rounds(1)
    request = world.engine.asking.ask(watch.id, ANA)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.rounds(2)
    return watch


def writing() -> tuple[FakeWorld, Written]:
    """A world that writes back, and what it wrote."""
    world, written = FakeWorld(), list[tuple[str, str, str]]()
    world.write_back = lambda run, tag, text: written.append((str(run), tag, text))
    return world, written


def test_a_stopped_run_is_tagged_and_noted_once() -> None:
    """With who and how; without paths that only this machine has."""
    world, written = writing()
    watch = stopped(world)
    ((run, tag, text),) = written
    assert (run, tag) == (str(watch.run), "trainwatch-stopped")
    assert "ana" in text
    assert "proven gone" in text
    assert "/home/ana" not in text
    assert "memory:" not in text


def test_off_by_default_and_for_runs_of_wandb_only() -> None:
    """Nobody's run is written on unless the file says so."""
    world = FakeWorld()
    stopped(world)
    assert not [
        row
        for watch in world.store.watches(ended=True)
        for row in world.store.outbox(watch.id)
        if isinstance(row.body, WriteBack)
    ]
    world, written = writing()
    stopped(world, RunRef(RunKind.LOG, "/logs/x.log"))
    assert written == []


def test_what_was_not_stopped_is_not_written_on() -> None:
    """It ended, or was given up."""
    world, written = writing()
    world.start()
    watch = world.watch()
    world.rounds(1)
    world.engine.watches.end(watch.id, ANA)
    world.rounds(1)
    assert written == []


def test_a_job_that_was_gone_already_was_not_stopped() -> None:
    """It is told as ended; its run does not get the tag of a stopped one."""
    world, written = writing()
    world.start()
    watch = world.watch()
    world.rounds(1)
    request = world.engine.asking.ask(watch.id, ANA)
    assert world.stopper is not None
    world.stopper.identify_error = JobNotFoundError("There is no such process", where="pid:4211")
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.rounds(2)
    assert world.store.request(request.id).state is RequestState.ALREADY_ENDED
    assert written == []


@pytest.mark.parametrize("failures", [2, 100])
def test_a_server_that_does_not_answer_is_tried_again_for_a_while(failures: int) -> None:
    """The summary does not wait for it."""
    world, tried = FakeWorld(), list[str]()

    def write(run: RunRef, _tag: str, _text: str) -> None:
        tried.append(str(run))
        if len(tried) <= failures:
            raise SourceUnavailableError("W&B does not answer")

    world.write_back = write
    watch = stopped(world)
    world.rounds(20)
    (row,) = [row for row in world.store.outbox(watch.id) if isinstance(row.body, WriteBack)]
    assert row.state is (Outgoing.SENT if failures == 2 else Outgoing.DROPPED)
    assert len(tried) == min(failures + 1, 6)


def test_what_waits_when_it_is_switched_off_is_dropped() -> None:
    """The file's word of today counts."""
    world = FakeWorld()

    def refuse(_run: RunRef, _tag: str, _text: str) -> None:
        raise SourceUnavailableError("W&B does not answer")

    world.write_back = refuse
    watch = stopped(world)
    world.write_back = None
    world.start()
    world.rounds(3)
    (row,) = [row for row in world.store.outbox(watch.id) if isinstance(row.body, WriteBack)]
    assert row.state is Outgoing.DROPPED
