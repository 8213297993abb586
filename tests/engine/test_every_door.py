"""Every way in which somebody acts on the engine asks the one door first."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from trainwatch_core.engine.announcing import Announcing
from trainwatch_core.engine.asking import Asking
from trainwatch_core.engine.editing import Editing
from trainwatch_core.engine.stops import Stops
from trainwatch_core.engine.switching import Switching
from trainwatch_core.engine.watches import Registration, Watches
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext
from trainwatch_core.testing.worlds import BROKEN, FakeWorld

ROOT = Path(__file__).parents[2]
Act = Callable[[FakeWorld, Watch, StopRequest, Actor], object]


def _register(world: FakeWorld, _watch: Watch, _request: StopRequest, actor: Actor) -> object:
    run = RunRef(RunKind.WANDB, "lab/vision/r2")
    return world.engine.watches.register(Registration(run, actor, "terminal", WatchContext(), Policy()))


DOORS: dict[str, Act] = {
    "Watches.register": _register,
    "Watches.adopt": lambda w, watch, _r, who: w.engine.watches.adopt(watch.id, who, "C2", watch.context),
    "Switching.switch": lambda w, watch, _r, who: w.engine.switching.switch(watch.id, who, Mode.AUTO),
    "Watches.pause": lambda w, watch, _r, who: w.engine.watches.pause(watch.id, who),
    "Watches.resume": lambda w, watch, _r, who: w.engine.watches.resume(watch.id, who),
    "Watches.end": lambda w, watch, _r, who: w.engine.watches.end(watch.id, who),
    "Watches.stop_by_hand": lambda w, watch, _r, who: w.engine.watches.stop_by_hand(watch.id, who),
    "Stops.decide": lambda w, _watch, request, who: w.engine.stops.decide(request.id, who, approve=True),
    "Editing.edit": lambda w, watch, _r, who: w.engine.editing.edit(
        watch.id, who, lambda known: replace(known, interval=60.0)
    ),
    "Editing.snooze": lambda w, watch, _r, who: w.engine.editing.snooze(
        watch.id, who, w.clock.now() + timedelta(hours=1)
    ),
    "Editing.note": lambda w, watch, _r, who: w.engine.editing.note(watch.id, who, "halved"),
    "Asking.ask": lambda w, watch, _r, who: w.engine.asking.ask(watch.id, who),
    "Announcing.expect": lambda w, watch, _r, who: w.engine.announcing.expect(watch.id, who, "harder data"),
    "Announcing.false_alarm": lambda w, watch, _r, who: w.engine.announcing.false_alarm(watch.id, who),
}
"""How each of them is used. A new one that is missing here fails the test below."""

NOBODIES = [
    Actor(ActorKind.LOCAL, "mallory"),
    Actor(ActorKind.SLACK, "UADMIN", "T2"),
    Actor(ActorKind.SLACK, "UNOBODY", "T1"),
]


def test_every_method_that_takes_a_person_is_tried_below() -> None:
    """Whoever adds a way to act adds it to the table."""
    found = {
        f"{kind.__name__}.{name}"
        for kind in (Watches, Stops, Announcing, Editing, Asking, Switching)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and any(str(p.annotation) in {"Actor", "Registration"} for p in _params(method))
    }
    assert found - {"Watches.require", "Watches.require_right"} == set(DOORS)


def _params(method: Callable[..., object]) -> list[inspect.Parameter]:
    return list(inspect.signature(method).parameters.values())


@pytest.mark.parametrize("who", NOBODIES, ids=str)
@pytest.mark.parametrize("door", DOORS)
def test_nobody_gets_through_any_door(door: str, who: Actor) -> None:
    """F-A01 F-A03: refused, on record, and no row is another one than before."""
    world = FakeWorld()
    watch = world.watch()
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    (request,) = world.store.requests()
    world.rules = replace(world.rules, team="T1", admins=frozenset({"UADMIN"}))
    world.start()
    before = (world.store.watches(ended=True), world.store.requests(), len(world.store.audited()))
    with pytest.raises(NotAllowedError):
        DOORS[door](world, world.now(watch), request, who)
    assert (world.store.watches(ended=True), world.store.requests()) == before[:2]
    refused = world.store.audited()[before[2] :]
    assert [(row.actor, row.allowed) for row in refused] == [(who, False)]
    world.dispatcher.drain()
    assert world.stopper is not None
    assert world.stopper.executions == []


def test_rights_are_decided_in_one_function() -> None:
    """Whoever asks for a right asks `authorize`: nobody else reads the lists of the file."""
    lists, readers = {"admins", "approvers", "watchers", "local_user"}, set()
    for folder in ("trainwatch_core", "bot"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            if any(_reads_rules(node, lists) for node in ast.walk(tree)):
                readers.add(file.relative_to(ROOT).as_posix())
    # The door; where the file becomes the rules; and test helpers, which show whom the rules name.
    assert readers - {"trainwatch_core/decision/authority.py", "bot/testing.py"} == set()


def _reads_rules(node: ast.AST, lists: set[str]) -> bool:
    """Whether code reads a list from something that is called rules."""
    return isinstance(node, ast.Attribute) and node.attr in lists and ast.unparse(node.value).split(".")[-1] == "rules"
