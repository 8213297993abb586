"""Rules of a store about stop requests."""
# ruff: noqa: S101  # assert is how a conformance suite speaks, and its figures are the expectation

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import Change, Vote
from trainwatch_core.model.errors import ConflictError, NotFoundError
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.ports import Store
from trainwatch_core.testing.store_samples import (
    ANN,
    minutes,
    sample_execution,
    sample_message,
    sample_request,
    sample_watch,
    store_request,
)

FINAL = sorted(state for state in RequestState if state.final)


class StopRules:
    """Inserting, moving on, and staying where a final state is."""

    def test_a_request_comes_back_as_it_went(self, store: Store) -> None:
        """A request is read back with plan, job and figures; only what no database holds is made visible."""
        store.commit(Change(sample_watch(), request=sample_request()))
        found = store.request("r1")
        assert repr(replace(found, reason="")) == repr(replace(sample_request(), reason=""))
        assert "NaN" in found.reason

    def test_every_field_of_a_request_can_be_filled_in(self, store: Store) -> None:
        """Expiry, decision, evidence and execution are stored with the state."""
        request = _put(store, RequestState.EXECUTING)
        done = replace(
            request,
            state=RequestState.STOPPED,
            reason="why",
            onset_step=12.5,
            expires_at=minutes(60),
            execute_after=minutes(5),
            decided_by=ANN,
            decided_at=minutes(1),
            evidence="/evidence/w1",
            execution=sample_execution(),
        )
        was = frozenset({"approved", "executing"})
        store.commit(Change(store.watch("w1"), request=done, request_was=was))
        assert store.request("r1") == done

    @pytest.mark.parametrize("state", [state for state in RequestState if not state.final])
    def test_a_request_goes_one_way_only(self, store: Store, state: RequestState) -> None:
        """P4: nothing is executed that was not approved, and nothing approved that was not asked."""
        request = _put(store, state)
        for other in [other for other in RequestState if not state.may_become(other)]:
            with pytest.raises(ConflictError):
                store.commit(
                    Change(store.watch("w1"), request=replace(request, state=other), request_was=frozenset({state}))
                )
        assert store.request("r1").state is state

    def test_a_person_has_one_vote(self, store: Store) -> None:
        """P4.4 F-A13: a second approval of the same person is a conflict, also by way of another workspace."""
        _put(store, RequestState.PENDING)
        bo = Vote("r1", Actor(ActorKind.SLACK, "U2", team="T1"), minutes(1))
        store.commit(Change(store.watch("w1"), vote=bo))
        for again in (bo, replace(bo, at=minutes(2)), replace(bo, actor=replace(bo.actor, team="T2"))):
            with pytest.raises(ConflictError):
                store.commit(Change(store.watch("w1"), vote=again, outbox=(sample_message("k"),)))
        ann = Vote("r1", ANN, minutes(3))
        store.commit(Change(store.watch("w1"), vote=ann))
        assert list(store.votes("r1")) == [bo, ann]
        assert (list(store.votes("r2")), list(store.outbox("w1"))) == ([], [])

    @pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.PENDING])
    def test_only_a_pending_request_is_voted_about(self, store: Store, state: RequestState) -> None:
        """P4.4: who comes after the decision changes nothing, and nobody votes about what was never asked."""
        _put(store, state)
        before = list(store.votes("r1"))
        for request_id in ("r1", "r2"):
            vote = Vote(request_id, Actor(ActorKind.SLACK, "U2", team="T1"), minutes(1))
            with pytest.raises(ConflictError):
                store.commit(Change(store.watch("w1"), vote=vote))
        assert list(store.votes("r1")) == before

    def test_a_request_in_another_state_is_refused_whole(self, store: Store) -> None:
        """A commit that expects another state is a conflict and writes nothing, neither watch nor message."""
        request = _put(store, RequestState.PENDING)
        moved = replace(request, state=RequestState.EXECUTING)
        for was in (frozenset({"approved"}), frozenset({"no such state"}), frozenset[str]()):
            with pytest.raises(ConflictError):
                store.commit(
                    Change(store.watch("w1"), request=moved, request_was=was, outbox=(sample_message("k"),)),
                )
        assert (store.request("r1").state, store.watch("w1").version) == (RequestState.PENDING, 2)
        assert not store.outbox("w1")

    def test_a_request_is_inserted_once(self, store: Store) -> None:
        """A second request of the same id is a conflict; so is moving one that never was."""
        _put(store, RequestState.PENDING)
        with pytest.raises(ConflictError):
            store.commit(Change(store.watch("w1"), request=sample_request()))
        with pytest.raises(ConflictError):
            store.commit(
                Change(store.watch("w1"), request=sample_request("r2"), request_was=frozenset({"pending"})),
            )
        assert [request.id for request in store.requests()] == ["r1"]

    @pytest.mark.parametrize("final", FINAL)
    def test_final_states_never_leave(self, store: Store, final: RequestState) -> None:
        """P4: whatever a commit expects, a final state stays; details may be added to it."""
        request = _put(store, final)
        everything = frozenset(RequestState)
        for other in set(RequestState) - {final}:
            with pytest.raises(ConflictError):
                store.commit(
                    Change(store.watch("w1"), request=replace(request, state=other), request_was=everything),
                )
        detailed = replace(request, evidence="/evidence/w1")
        store.commit(Change(store.watch("w1"), request=detailed, request_was=frozenset({final})))
        assert (store.request("r1").state, store.request("r1").evidence) == (final, "/evidence/w1")

    def test_of_approve_and_decline_at_once_one_wins(self, store: Store) -> None:
        """Two people who decide at the same moment cannot both be heard."""
        request = _put(store, RequestState.PENDING)
        barrier = Barrier(8)

        def decide(number: int) -> bool:
            state = RequestState.APPROVED if number % 2 else RequestState.DECLINED
            vote = Vote("r1", ANN, minutes(1)) if number % 2 else None
            watch = store.watch("w1")
            barrier.wait(90)
            try:
                was = frozenset({"pending"})
                store.commit(Change(watch, request=replace(request, state=state), request_was=was, vote=vote))
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(decide, range(8))) == 1

    def test_requests_are_listed_oldest_first_by_watch_and_state(self, store: Store) -> None:
        """Requests are filtered by watch and by states, and come in the order of their creation."""
        for name, watch_id, age in (("a", "w1", 1), ("b", "w2", 3), ("c", "w1", 2)):
            watch = {known.id: known for known in store.watches()}.get(watch_id, sample_watch(watch_id))
            request = sample_request(name, watch_id=watch_id, created_at=minutes(-age))
            store.commit(Change(watch, request=request))
        declined = replace(store.request("c"), state=RequestState.DECLINED)
        store.commit(Change(store.watch("w1"), request=declined, request_was=frozenset({"pending"})))

        def listed(watch_id: str | None = None, states: set[str] | None = None) -> list[str]:
            return [request.id for request in store.requests(watch_id=watch_id, states=states)]

        assert listed() == ["b", "c", "a"]
        assert listed("w1") == ["c", "a"]
        assert listed(states={"pending", "unheard of"}) == ["b", "a"]
        assert listed("w1", {RequestState.DECLINED}) == ["c"]
        assert listed(states=set()) == []
        assert listed("nobody") == []

    def test_an_unknown_request_is_not_found(self, store: Store) -> None:
        """Asking for a request that never was is an error, also for a hostile id."""
        for name in ("nobody", "", "x" * 2000, "' OR 1=1 --", "\udcff\0"):
            with pytest.raises(NotFoundError):
                store.request(name)


def _put(store: Store, state: RequestState) -> StopRequest:
    store.commit(Change(sample_watch()))
    return store_request(store, state)
