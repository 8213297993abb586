"""Rules of a store about the outbox and the audit."""
# ruff: noqa: S101, PLR2004  # assert is how a conformance suite speaks, and its figures are the expectation

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.change import Change, Outgoing, Receipt
from trainwatch_core.model.errors import NotFoundError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import (
    Body,
    Card,
    Catchup,
    Figure,
    FinalSummary,
    Look,
    Moment,
    Notice,
    Picture,
    PictureMissing,
    ProjectNote,
    Report,
    StopOutcome,
    StopQuestion,
    StopReminder,
    WriteBack,
)
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState
from trainwatch_core.ports import Store
from trainwatch_core.testing.store_samples import (
    NOON,
    minutes,
    sample_act,
    sample_message,
    sample_request,
    sample_watch,
)

BODIES: tuple[Body, ...] = (
    Report("w1", 1, NOON, "t", "s", "r", ("m",), (), ("e",), Decision.STOP, ("why",), minutes(1), recovered=True),
    Report("w1", 1, NOON, "t", "s", "r", (), (), (), Decision.CONTINUE, (), None),
    Picture("w1", 1, "title", "alt"),
    PictureMissing("w1", 1, "Slack did not take it"),
    StopQuestion("w1", "r1", "run", ("saw",), "would", sample_request().plan, "ffff", minutes(5), 3600.0, "/evidence"),
    StopQuestion(
        "w1", "r1", "run", (), "", sample_request().plan, "f", None, 1.0, "", 2, ("U0BO",), SYSTEM, minutes(1)
    ),
    StopReminder("w1", "r1", "run", "reason", ("U0BO",), ("U0CY",), minutes(5)),
    StopOutcome("w1", "r1", RequestState.UNKNOWN, ("line",), loud=True),
    FinalSummary("w1", "run", "title", (("Label", "text"), ("Other", "<!channel> \udcff"))),
    Notice("w1", "text\nof two lines", loud=True),
    Catchup("w1", "run", NOON, minutes(9), 3, Decision.WAIT, ("m 1",), (Moment(minutes(4), Decision.WAIT, "why"),), 2),
    ProjectNote("w1", "/notes.md", "# text"),
    WriteBack("w1", RunRef(RunKind.WANDB, "lab/vision/r1"), "tag", "text"),
    Card(
        "w1",
        "run",
        "",
        Look.STOPPED,
        "why",
        (Figure("m 1", "▁█", "+1 %"),),
        "",
        None,
        3,
        automatic=True,
        owner=SYSTEM,
        since=NOON,
        over_at=minutes(2),
        at=minutes(1),
        done_at=minutes(9),
    ),
)


class MessageRules:
    """Queueing once, in order; delivering; remembering every act."""

    def test_every_kind_of_message_is_among_the_samples(self) -> None:
        """A new kind of message must be added to the samples, so that every store is tried with it."""
        assert {type(body) for body in BODIES} == set(get_args(Body))

    @pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
    def test_a_message_comes_back_as_it_went(self, store: Store, body: Body) -> None:
        """Every kind of message is read back as itself."""
        store.commit(Change(sample_watch(), outbox=(sample_message("k", body=body),)))
        assert store.outbox("w1") == (sample_message("k", body=body),)

    def test_the_same_fact_is_queued_once(self, store: Store) -> None:
        """A key that is known is passed over in silence, within a commit and after delivery; the rest is queued."""
        first = sample_message("k")
        watch = store.commit(Change(sample_watch(), outbox=(first, sample_message("k", body=Notice("w1", "other")))))
        store.delivered(replace(first, state=Outgoing.SENT, attempts=1))
        store.commit(Change(watch, outbox=(sample_message("k"), sample_message("new"))))
        assert [(row.key, row.state) for row in store.outbox("w1")] == [("k", "sent"), ("new", "waiting")]
        assert store.outbox("w1")[0].body == first.body

    def test_messages_of_a_watch_wait_in_line(self, store: Store) -> None:
        """Of each watch only the oldest waiting message may go; the next one after it is sent or dropped."""
        store.commit(Change(sample_watch("w2"), outbox=(sample_message("z", watch_id="w2"),)))
        rows = tuple(sample_message(key) for key in ("c", "a", "b"))
        store.commit(Change(sample_watch(), outbox=rows))
        assert [row.key for row in store.waiting(NOON)] == ["z", "c"]
        store.delivered(replace(rows[0], state=Outgoing.SENT))
        assert [row.key for row in store.waiting(NOON, only={"w1"})] == ["a"]
        store.delivered(replace(rows[1], state=Outgoing.DROPPED, problem="archived"))
        assert [row.key for row in store.waiting(NOON, only=["w1", "nobody"])] == ["b"]
        assert not store.waiting(NOON, only=())
        assert [row.key for row in store.outbox("w1")] == ["c", "a", "b"]

    def test_a_message_that_backs_off_holds_the_line(self, store: Store) -> None:
        """Until its next try the oldest message is not offered, and none of its watch overtakes it."""
        rows = (sample_message("first"), sample_message("second"))
        store.commit(Change(sample_watch(), outbox=rows))
        store.delivered(replace(rows[0], attempts=2, next_try_at=minutes(5), problem="timeout"))
        assert not store.waiting(minutes(4.99))
        (row,) = store.waiting(minutes(5))
        assert (row.key, row.attempts, row.problem, row.next_try_at) == ("first", 2, "timeout", minutes(5))

    def test_a_message_that_is_held_back_is_passed_by(self, store: Store) -> None:
        """It is offered to nobody until it is released; then it comes before what was queued after it."""
        rows = (replace(sample_message("held"), held=True), sample_message("later"))
        store.commit(Change(sample_watch(), outbox=rows))
        assert [row.key for row in store.waiting(NOON)] == ["later"]
        assert store.held() == store.held(only={"w1"}) == rows[:1]
        assert not store.held(only=())
        store.delivered(replace(rows[0], held=False))
        assert [row.key for row in store.waiting(NOON)] == ["held"]
        assert not store.held()

    def test_what_is_held_back_and_dropped_is_held_no_more(self, store: Store) -> None:
        """Whatever became of it, nobody comes back to it."""
        row = replace(sample_message("held"), held=True)
        store.commit(Change(sample_watch(), outbox=(row,)))
        store.delivered(replace(row, state=Outgoing.DROPPED, problem="told otherwise"))
        assert not store.held()
        assert not store.waiting(NOON)

    def test_a_receipt_is_kept(self, store: Store) -> None:
        """Where a message was posted is stored with it."""
        store.commit(Change(sample_watch(), outbox=(sample_message("k"),)))
        sent = replace(sample_message("k"), state=Outgoing.SENT, attempts=1, receipt=Receipt("C1/1.2", NOON))
        store.delivered(sent)
        assert store.outbox("w1") == (sent,)

    def test_a_sent_message_stays_sent(self, store: Store) -> None:
        """A slower sender's failure does not bring a delivered message back, and loses no receipt."""
        store.commit(Change(sample_watch(), outbox=(sample_message("k"),)))
        sent = replace(sample_message("k"), state=Outgoing.SENT, attempts=1, receipt=Receipt("C1/1.2", NOON))
        store.delivered(sent)
        store.delivered(replace(sample_message("k"), attempts=1, problem="timeout", next_try_at=NOON))
        assert store.outbox("w1") == (sent,)
        assert not store.waiting(minutes(9))

    def test_an_unknown_message_cannot_be_delivered(self, store: Store) -> None:
        """Marking a message that was never queued is an error."""
        with pytest.raises(NotFoundError):
            store.delivered(sample_message("nothing"))

    def test_the_audit_keeps_acts_and_refusals_in_order(self, store: Store) -> None:
        """Rows of commits and of refusals are listed as they were appended, by watch and from a moment on."""
        acts = [sample_act(f"verb{number}", watch_id=f"w{number % 2}", at=minutes(number)) for number in range(4)]
        store.audit(acts[0])
        store.commit(Change(sample_watch(), audit=(acts[1], acts[2])))
        store.audit(acts[3])
        assert list(store.audited()) == acts
        assert list(store.audited(watch_id="w1")) == [acts[1], acts[3]]
        assert list(store.audited(since=minutes(2))) == acts[2:]
        assert list(store.audited(watch_id="w0", since=minutes(1))) == [acts[2]]

    def test_the_same_act_twice_is_two_rows(self, store: Store) -> None:
        """Nothing is merged in the audit, and an act need not belong to a known watch."""
        for _ in range(2):
            store.audit(sample_act(watch_id="never was"))
        assert len(store.audited()) == 2

    def test_closing_twice_is_harmless(self, store: Store) -> None:
        """A store can be closed more than once."""
        store.close()
        store.close()
