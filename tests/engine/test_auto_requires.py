"""Where several approvers must agree before a watch acts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext
from trainwatch_core.testing.worlds import ANA, FakeWorld

BO, CY, DI = (Actor(ActorKind.SLACK, name, "T1") for name in ("UBO", "UCY", "UDI"))


def wanting(count: int) -> tuple[FakeWorld, Watch]:
    """A world in which so many must agree; Bo, Cy and Di are approvers."""
    world = FakeWorld()
    world.rules = replace(world.rules, team="T1", approvers=frozenset({"UBO", "UCY", "UDI"}))
    world.terms = replace(world.terms, auto_requires=count)
    world.start()
    return world, world.watch()


def say(world: FakeWorld, watch: Watch, *who: Actor, mode: Mode = Mode.AUTO) -> Mode:
    """These people say so, one after the other; returns the mode after it."""
    for actor in who:
        world.engine.switching.switch(watch.id, actor, mode)
    return world.now(watch).context.mode


def test_the_last_word_that_is_needed_switches_it_on() -> None:
    """The first ones are noted, and the same person counts once."""
    world, watch = wanting(2)
    assert say(world, watch, BO, BO) is Mode.ASK
    assert [row.detail for row in world.store.audited(watch_id=watch.id)[1:]] == [
        "agrees to automatic mode, 1 of 2",
        "agrees to automatic mode, 1 of 2",
    ]
    assert say(world, watch, CY) is Mode.AUTO
    assert world.store.audited(watch_id=watch.id)[-1].detail == "mode auto"


def test_one_is_enough_where_one_is_asked_for_and_at_the_terminal() -> None:
    """The default; and whoever owns the database."""
    world, watch = wanting(1)
    assert say(world, watch, BO) is Mode.AUTO
    world, watch = wanting(3)
    assert say(world, watch, ANA) is Mode.AUTO


def test_a_word_for_asking_takes_the_others_back() -> None:
    """Whoever objects is heard."""
    world, watch = wanting(2)
    world.rules = replace(world.rules, admins=frozenset({"UCY"}))
    world.start()
    say(world, watch, BO)
    say(world, watch, CY, mode=Mode.ASK)
    assert say(world, watch, DI) is Mode.ASK
    assert say(world, watch, BO) is Mode.AUTO


def test_old_words_and_those_of_people_who_may_no_longer_count_for_nothing() -> None:
    """As with approvals of a stop."""
    world, watch = wanting(2)
    say(world, watch, BO)
    world.clock.advance(world.terms.approval_ttl + 1)
    assert say(world, watch, CY) is Mode.ASK
    world.rules = replace(world.rules, approvers=frozenset({"UDI"}))
    world.start()
    assert say(world, watch, DI) is Mode.ASK


def test_nobody_gets_around_it_by_registering_or_editing() -> None:
    """Refused on record, with what to do."""
    world, watch = wanting(2)
    world.rules = replace(world.rules, admins=frozenset({"UBO"}))
    world.start()
    with pytest.raises(NotAllowedError, match="2 approvers must agree"):
        world.engine.editing.edit(watch.id, BO, lambda known: replace(known, mode=Mode.AUTO))
    run = RunRef(RunKind.WANDB, "lab/vision/r2")
    wish = Registration(run, BO, "C1", WatchContext(mode=Mode.AUTO), Policy())
    with pytest.raises(NotAllowedError, match="mode auto"):
        world.engine.watches.register(wish)
    assert [row.allowed for row in world.store.audited()][-2:] == [False, False]
    # The file's own word is nobody's in chat.
    world.engine.watches.register(replace(wish, defaults=WatchContext(mode=Mode.AUTO)))
