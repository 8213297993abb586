"""F-C01 F-C02: clocks that jump, machines that sleep."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trainwatch_core.engine.world import LEASE
from trainwatch_core.model.message import Report
from trainwatch_core.testing.worlds import FakeWorld


@pytest.mark.parametrize("step", [-3600.0, 3600.0, -86400.0 * 20000, 40.0])
def test_rounds_go_on_within_one_interval_after_a_step_of_the_clock(step: float) -> None:
    """Rows hold wall times: after a step, 1970 included, they are moved along."""
    world = FakeWorld()
    watch = world.watch()
    world.tick()
    world.clock.step(step)
    world.tick()
    for _ in range(4):
        world.clock.advance(451)
        world.tick()
    assert world.now(watch).round_count >= 2


def test_a_step_while_nobody_was_running_is_found_by_the_rows() -> None:
    """After a restart no clock remembers; a next round farther away than any cadence puts it is moved."""
    world = FakeWorld()
    watch = world.watch()
    world.tick()
    world.clock.step(-86400 * 3)
    world.start()
    world.tick()
    due = world.now(watch).next_round_at
    assert due is not None
    assert due - world.clock.now() <= timedelta(seconds=1800)


def test_a_claim_of_a_dead_process_expires_though_the_clock_was_set_back() -> None:
    """A lease that lies in the far future is cut to its proper length."""
    world = FakeWorld()
    watch = world.watch()
    world.store.claim_due(world.clock.now(), owner="dead:1", lease=LEASE)
    world.clock.step(-86400)
    world.start()
    for _ in range(3):
        world.tick()
        world.clock.advance(1801)
    world.tick()
    assert world.now(watch).round_count >= 1


def test_a_machine_that_slept_catches_up_with_one_round() -> None:
    """F-C02: eight hours asleep are one look, not sixteen."""
    world = FakeWorld()
    watch = world.watch()
    world.tick()
    world.clock.advance(8 * 3600)
    world.tick()
    world.tick()
    assert world.now(watch).round_count == 2
    assert len(world.notifier.of(Report)) == 2


def test_two_processes_never_look_twice() -> None:
    """The second process finds the claim of the first, and nothing to do."""
    world = FakeWorld()
    watch = world.watch()
    first = world.store.claim_due(world.clock.now(), owner="a:1", lease=LEASE)
    second = world.store.claim_due(world.clock.now(), owner="b:1", lease=LEASE)
    assert [w.id for w in first] == [watch.id]
    assert not second


def test_a_round_whose_claim_expired_writes_nothing() -> None:
    """A worker that slept through its lease finds its watch taken and leaves it alone."""
    world = FakeWorld()
    watch = world.watch()
    world.store.claim_due(world.clock.now(), owner="here:1", lease=LEASE)
    world.clock.advance(LEASE + 1)
    world.store.claim_due(world.clock.now(), owner="other:1", lease=LEASE)
    assert world.engine.rounds.run(watch.id) is None
    assert world.now(watch).round_count == 0
