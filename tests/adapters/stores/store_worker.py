"""A process of its own that uses a store: started by the tests, killed by them or by itself."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

import numpy as np
from sqlalchemy import event

from trainwatch_core.adapters.stores.sql import SqlStore, open_store
from trainwatch_core.model.change import Change, Segment
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.series import Rows
from trainwatch_core.model.watch import Watch
from trainwatch_core.testing.store_samples import (
    NOON,
    sample_act,
    sample_message,
    sample_request,
    sample_round,
    sample_segment,
)


def say(text: object) -> None:
    """One line to the test."""
    print(text, flush=True)  # noqa: T201  # the pipe to the test


def full_change(watch: Watch) -> Change:
    """A change that touches every table."""
    number = watch.round_count + 1
    return Change(
        replace(watch, round_count=number),
        round=sample_round(watch.id, number),
        segment=sample_segment(range(number * 10, number * 10 + 10)),
        request=sample_request(f"r{number}", watch_id=watch.id),
        outbox=(sample_message(f"{number}/report"), sample_message(f"{number}/picture")),
        audit=(sample_act(), sample_act()),
    )


def claim(store: SqlStore, owner: str) -> None:
    """Wait for the word, then claim what is due."""
    say("ready")
    sys.stdin.readline()
    say(" ".join(watch.id for watch in store.claim_due(NOON, owner=owner, lease=60)))


def commit(store: SqlStore, count: str) -> None:
    """Commit that many full changes and tell each."""
    watch = store.watch("w1")
    for _ in range(int(count)):
        watch = store.commit(full_change(watch))
        say(watch.round_count)


def die_at(store: SqlStore, statement: int) -> None:
    """Commit one full change, killed with SIGKILL before its n-th statement (BEGIN is the first), or its COMMIT."""
    left = statement
    watch = store.watch("w1")

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store._engine, "before_cursor_execute", count)
    event.listen(store._engine, "commit", count)
    store.commit(full_change(watch))


def die_at_each(path: str, statements: str) -> None:
    """For each statement of "FIRST-LAST" a process that dies before it; tell how each ended."""
    first, last = map(int, statements.split("-"))
    for statement in range(first, last + 1):
        child = os.fork()  # nothing is open yet: each opens the store for itself
        if not child:
            die_at(open_store(path), statement)
            os._exit(0)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def fill(store: SqlStore, _: str) -> None:
    """Commit incompressible rounds until the disk is full, then tell how it went."""
    values = np.random.default_rng(7).normal(size=2000)
    watch = store.watch("w1")
    try:
        for number in range(1, 1000):
            rows = {f"m{number % 30}": Rows.of(np.arange(2000) + 2000 * number, values * number)}
            watch = store.commit(replace(full_change(watch), segment=Segment("wandb", rows, {"next": number})))
    except StorageError as error:
        say(error.what)
        say(watch.round_count)


if __name__ == "__main__":
    what, place, word = sys.argv[1:]
    if what == "die_at_each":
        die_at_each(place, word)
    else:
        {"claim": claim, "commit": commit, "fill": fill}[what](open_store(place), word)
