"""Who switches automatic mode on is told what it would have done (FAULTS.md P5)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trainwatch_core.model.errors import ConflictError, GivenUpError, SourceUnavailableError
from trainwatch_core.model.message import Notice
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.run import RunKind, RunRef, RunState
from trainwatch_core.model.watch import Mode, Watch
from trainwatch_core.report.backtest import Backtested, KeyMetric, Trial
from trainwatch_core.testing.worlds import ANA, FakeWorld

LOSS = KeyMetric("loss", Goal.MINIMIZE, np.arange(4.0), np.array([4.0, 3.0, 2.0, 1.0]))
DEAD = Trial("r7", "lab/v/r7", RunState.CRASHED, 24, 2, 3200.0, 600.0, 7200.0, "loss is NaN.", LOSS, 2.0, 3.0)
Tried = list[tuple[str, int | None]]


def trying(come: Callable[[], Backtested] = lambda: Backtested([DEAD], {})) -> tuple[FakeWorld, Watch, Tried]:
    """A world with a watch that asks and was looked at, where earlier runs can be tried; and which were."""
    world, tried = FakeWorld(), Tried()

    def backtest(run: RunRef, last: int | None) -> Backtested:
        tried.append((str(run), last))
        return come()

    world.backtest = backtest
    world.start()
    watch = world.watch()
    world.rounds(1)
    world.tick()  # the next look is half an hour away
    return world, watch, tried


def quoted(world: FakeWorld) -> list[str]:
    """What was told of backtests."""
    notices = [body.text for body in world.notifier.of(Notice) if isinstance(body, Notice)]
    return [text for text in notices if text.startswith("Automatic mode is on.")]


def test_the_switch_on_quotes_what_it_would_have_done() -> None:
    """At once, not with the next round; and the audit keeps it."""
    world, watch, tried = trying()
    world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
    world.dispatcher.drain()
    world.tick()
    assert tried == [(str(watch.run), 10)]
    (text,) = quoted(world)
    assert "1 run replayed, 1 would have been stopped." in text
    assert "r7 (crashed): at step 3,200, 2 h earlier: loss is NaN." in text
    (row,) = [row for row in world.store.audited(watch_id=watch.id) if row.verb == "backtest"]
    assert row.detail == "1 run replayed, 1 would have been stopped."


def test_a_watch_that_is_automatic_from_the_beginning_is_told_after_its_first_look() -> None:
    """Once for a watch, however often it is looked at or switched."""
    world, _, tried = trying()
    watch = world.watch(mode=Mode.AUTO, run=RunRef(RunKind.WANDB, "lab/v/r8"))
    world.rounds(3)
    world.engine.switching.switch(watch.id, ANA, Mode.ASK)
    world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
    world.rounds(1)
    assert tried == [("lab/v/r8", 10)]
    assert len(quoted(world)) == 1


def test_a_watch_that_asks_has_nothing_tried() -> None:
    """It costs minutes of a processor."""
    world, watch, tried = trying()
    world.rounds(3)
    world.engine.switching.switch(watch.id, ANA, Mode.ASK)
    world.rounds(1)
    assert (tried, quoted(world)) == ([], [])


def test_what_cannot_be_tried_is_told_and_the_mode_stays() -> None:
    """The switch was the person's word; a server that does not answer takes it from nobody."""

    def fail() -> Backtested:
        raise SourceUnavailableError("W&B does not answer", where="lab/v")

    world, watch, _ = trying(fail)
    world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
    world.rounds(2)
    assert [text.splitlines()[1] for text in quoted(world)] == ["That could not be tried: W&B does not answer (lab/v)"]
    assert world.now(watch).context.mode is Mode.AUTO


def test_one_backtest_at_a_time_and_the_other_watch_comes_again() -> None:
    """A hundred watches that are switched on at once must not take the machine."""
    world, watch, tried = trying()
    with world.exclusive("backtest"):
        world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
        world.dispatcher.drain()
    assert tried == []
    world.rounds(2)
    assert len(tried) == 1


def test_a_watch_that_ended_meanwhile_is_told_nothing() -> None:
    """Its last words were said."""
    world, watch, _ = trying()

    def ends() -> Backtested:
        world.engine.watches.end(watch.id, ANA)
        return Backtested([DEAD], {})

    world.backtest = lambda _run, _last: ends()
    world.start()
    world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
    world.rounds(2)
    assert quoted(world) == []


def test_what_was_given_up_because_trainwatch_ends_is_tried_by_the_next_one() -> None:
    """And told by nobody before that."""

    def give_up() -> Backtested:
        raise GivenUpError("given up")

    world, watch, tried = trying(give_up)
    world.engine.switching.switch(watch.id, ANA, Mode.AUTO)
    world.dispatcher.drain()
    assert (len(tried), quoted(world)) == (1, [])
    world.backtest = lambda _run, _last: Backtested([DEAD], {})
    world.start()
    world.rounds(2)
    assert len(quoted(world)) == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_a_watch_that_is_over_has_no_mode_to_switch(mode: Mode) -> None:
    """It is told so; nothing is written."""
    world, watch, _ = trying()
    ended = world.engine.watches.end(watch.id, ANA)
    with pytest.raises(ConflictError, match="has ended"):
        world.engine.switching.switch(watch.id, ANA, mode)
    assert world.store.watch(watch.id) == ended
