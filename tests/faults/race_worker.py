"""A process in which eight threads decide about every open request at once; started by test_races."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.decision.authority import Rules
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.testing.worlds import FakeWorld

THREADS = 8
PEOPLE = tuple(Actor(ActorKind.SLACK, f"U0P{number}", "T0HOME") for number in range(THREADS))
RULES = Rules(local_user="ana", team="T0HOME", approvers=frozenset(person.id for person in PEOPLE))


def main(database: str, seed: int) -> None:
    """Wait for the word, then approve, decline and expire in random order; a line for each decision that was taken."""
    store = open_store(database)
    requests = [request.id for request in store.requests()]

    def work(number: int) -> list[str]:
        chance = random.Random(seed * THREADS + number)  # an order, no secret
        world = FakeWorld(store=store, rules=RULES, stopper=None)
        # A third of the threads live after the expiry: they sweep.
        late = number % 3 == 2
        if late:
            world.clock.advance(86_400)
        taken = []
        for request_id in chance.sample(requests, len(requests)):
            verb = "expire" if late else chance.choice(("approve", "decline"))
            if _done(_act(world, request_id, number, verb)):
                taken.append(f"{request_id} {verb}")
        return taken

    print("ready", flush=True)  # noqa: T201  # the pipe to the test
    sys.stdin.readline()
    with ThreadPoolExecutor(THREADS) as pool:
        for taken in pool.map(work, range(THREADS)):
            for line in taken:
                print(line, flush=True)  # noqa: T201  # likewise
    store.close()


def _act(world: FakeWorld, request_id: str, number: int, verb: str) -> Callable[[], object]:
    stops = world.engine.stops
    if verb == "expire":
        return lambda: stops.sweep(world.store.request(request_id))
    return lambda: stops.decide(request_id, PEOPLE[number], approve=verb == "approve")


def _done(act: Callable[[], object]) -> bool:
    try:
        act()
    except TrainwatchError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
