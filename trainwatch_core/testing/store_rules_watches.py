"""Rules of a store about watches, their rounds and their claims."""
# ruff: noqa: S101, PLR2004  # assert is how a conformance suite speaks, and its figures are the expectation

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from trainwatch_core.model.change import Change
from trainwatch_core.model.errors import ConflictError, NotFoundError
from trainwatch_core.model.watch import EndReason, Watch, WatchState
from trainwatch_core.ports import Store
from trainwatch_core.testing.store_samples import (
    NOON,
    minutes,
    sample_act,
    sample_message,
    sample_request,
    sample_round,
    sample_segment,
    sample_watch,
)


class WatchRules:
    """Inserting, replacing, finding, claiming."""

    def test_a_new_watch_comes_back_as_it_went(self, store: Store) -> None:
        """What is committed at version 0 is inserted with version 1 and read back equal, zone and bytes included."""
        stored = store.commit(Change(sample_watch()))
        assert stored == replace(sample_watch(), version=1, context=stored.context)
        found = store.watch("w1")
        assert repr(found) == repr(stored)
        assert found.created_at.utcoffset() == NOON.utcoffset()

    def test_every_field_of_a_watch_can_change(self, store: Store) -> None:
        """A commit at the version that was read replaces all of the watch."""
        first = store.commit(Change(sample_watch()))
        changed = replace(
            first,
            channel="terminal",
            state=WatchState.ENDED,
            next_round_at=None,
            lease_until=minutes(3),
            lease_owner="me",
            round_count=7,
            identity=None,
            muted_until=minutes(9),
            ended_reason=EndReason.STOP_CONFIRMED,
        )
        assert store.commit(Change(changed)).version == 2
        assert repr(store.watch("w1")) == repr(replace(changed, version=2))

    def test_a_stale_version_is_refused_whole(self, store: Store) -> None:
        """A commit at another version than the stored one is a conflict, and no part of it is written."""
        first = store.commit(Change(sample_watch()))
        store.commit(Change(first))
        for watch in (first, sample_watch(), replace(first, version=9), replace(first, id="unknown")):
            with pytest.raises(ConflictError):
                store.commit(_everything(watch))
        _nothing_but_the_watch(store)

    def test_a_round_is_stored_once(self, store: Store) -> None:
        """A second round of the same number is a conflict, and nothing else of that commit is written."""
        watch = store.commit(Change(sample_watch(), round=sample_round()))
        with pytest.raises(ConflictError):
            store.commit(Change(watch, round=sample_round(), outbox=(sample_message("k"),)))
        assert (store.outbox("w1"), store.watch("w1").version) == ((), 1)

    def test_an_unknown_watch_is_not_found(self, store: Store) -> None:
        """Asking for a watch that never was is an error, also for a hostile id."""
        for name in ("nobody", "", "w' OR '1'='1", "\udcff\0"):
            with pytest.raises(NotFoundError):
                store.watch(name)

    def test_watches_come_oldest_first_and_without_the_ended(self, store: Store) -> None:
        """Watches are listed by their creation; ended ones only on request."""
        for name, age in (("b", 2), ("a", 3), ("c", 1), ("d", 1)):
            store.commit(Change(sample_watch(name, created_at=minutes(-age))))
        ended = replace(store.watch("b"), state=WatchState.ENDED, ended_reason=EndReason.RUN_ENDED, next_round_at=None)
        store.commit(Change(ended))
        assert [watch.id for watch in store.watches()] == ["a", "c", "d"]
        assert [watch.id for watch in store.watches(ended=True)] == ["a", "b", "c", "d"]

    def test_rounds_keep_nan_and_infinity(self, store: Store) -> None:
        """The last rounds come back oldest first, with every figure as it was, NaN included."""
        watch = sample_watch()
        for number in range(1, 6):
            watch = store.commit(Change(watch, round=sample_round(number=number)))
        assert repr(list(store.rounds("w1", limit=2))) == repr([sample_round(number=4), sample_round(number=5)])
        assert len(store.rounds("w1", limit=99)) == 5
        assert not store.rounds("w1", limit=0)
        assert not store.rounds("nobody", limit=3)

    def test_a_due_watch_is_claimed_once(self, store: Store) -> None:
        """A claim sets owner and lease and grows the version; until the lease ends nobody else gets the watch."""
        store.commit(Change(sample_watch()))
        (claimed,) = store.claim_due(NOON, owner="one", lease=60)
        assert (claimed.version, claimed.lease_owner, claimed.lease_until) == (2, "one", minutes(1))
        assert repr(store.watch("w1")) == repr(claimed)
        assert not store.claim_due(minutes(0.99), owner="one", lease=60)
        (again,) = store.claim_due(minutes(1), owner="two", lease=60)
        assert (again.version, again.lease_owner) == (3, "two")
        with pytest.raises(ConflictError):
            store.commit(Change(claimed))

    def test_a_commit_gives_the_claim_back(self, store: Store) -> None:
        """The lease is written as the committed watch says, so the next due round can be claimed at once."""
        store.commit(Change(sample_watch()))
        (claimed,) = store.claim_due(NOON, owner="one", lease=3600)
        store.commit(Change(replace(claimed, lease_until=None, lease_owner="", next_round_at=minutes(5))))
        assert not store.claim_due(minutes(4), owner="two", lease=60)
        assert len(store.claim_due(minutes(5), owner="two", lease=60)) == 1

    def test_only_what_is_due_and_asked_for_is_claimed(self, store: Store) -> None:
        """Watches without a next round, of later rounds, and of other names are passed over; the limit holds."""
        for name, due in (("late", minutes(-1)), ("later", minutes(-9)), ("soon", minutes(1)), ("paused", None)):
            store.commit(Change(sample_watch(name, due=due)))

        def claimed(only: set[str] | None, limit: int = 100) -> list[str]:
            return [w.id for w in store.claim_due(NOON, owner="me", lease=60, only=only, limit=limit)]

        assert claimed(set()) == []
        assert claimed({"soon", "paused", "nobody"}) == []
        assert claimed(None, limit=0) == []
        assert claimed(None, limit=1) == ["later"]
        assert claimed({"late", "later"}) == ["late"]
        assert claimed(None) == []

    def test_eight_threads_claim_each_watch_once(self, store: Store) -> None:
        """However many claim at the same moment, each watch has one winner."""
        for number in range(12):
            store.commit(Change(sample_watch(f"w{number}")))
        barrier = Barrier(8)

        def claim(owner: int) -> list[Watch]:
            barrier.wait(90)
            return list(store.claim_due(NOON, owner=f"t{owner}", lease=60))

        with ThreadPoolExecutor(8) as pool:
            won = [watch for claimed in pool.map(claim, range(8)) for watch in claimed]
        assert sorted(watch.id for watch in won) == sorted(f"w{number}" for number in range(12))
        assert all(store.watch(watch.id).lease_owner == watch.lease_owner for watch in won)

    def test_of_eight_commits_at_one_version_one_wins(self, store: Store) -> None:
        """Writers that read the same version cannot both write."""
        watch = store.commit(Change(sample_watch()))
        barrier = Barrier(8)

        def commit(number: int) -> bool:
            barrier.wait(90)
            try:
                store.commit(Change(watch, outbox=(sample_message(f"from {number}"),)))
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(commit, range(8))) == 1
        assert (len(store.outbox("w1")), store.watch("w1").version) == (1, 2)


def _everything(watch: Watch) -> Change:
    return Change(
        watch,
        round=sample_round(watch.id),
        segment=sample_segment(range(5)),
        request=sample_request(watch_id=watch.id),
        outbox=(sample_message("k", watch_id=watch.id),),
        audit=(sample_act(),),
    )


def _nothing_but_the_watch(store: Store) -> None:
    assert [watch.version for watch in store.watches(ended=True)] == [2]
    for found in (store.rounds("w1", limit=9), store.requests(), store.outbox("w1"), store.audited()):
        assert not found
    history, cursor = store.history("w1", "wandb")
    assert (len(history.series), cursor) == (0, None)
