"""What a pure plan wants written: the core returns a Change, the shell commits it in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trainwatch_core.model.actor import Actor
from trainwatch_core.model.message import Body
from trainwatch_core.model.round import Cursor, Round
from trainwatch_core.model.series import News, Rows
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.model.watch import Watch


class Outgoing(StrEnum):
    """Where an outbox row stands."""

    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message was posted.

    Attributes:
        place: What names the place: a Slack channel and timestamp, or `terminal`.
        at: When; aware, UTC.
    """

    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that is to be delivered. The row is the outbox.

    Attributes:
        key: Unique in the store; the same fact is never queued twice, e.g. `<watch>/<round>/report`.
        watch_id: Which watch; rows of one watch are delivered in the order they were queued.
        body: What is to be said.
        state: Where it stands.
        attempts: How often delivery was tried.
        next_try_at: Not before this moment; None means at once.
        receipt: Where it was posted; None until then.
        problem: Why the last attempt failed; empty if it did not.
        held: Whether it waits for the end of a quiet time; what came later passes it by meanwhile.
    """

    key: str
    watch_id: str
    body: Body
    state: Outgoing = Outgoing.WAITING
    attempts: int = 0
    next_try_at: datetime | None = None
    receipt: Receipt | None = None
    problem: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act or one refusal. Rows are only ever appended.

    Attributes:
        at: Aware, UTC.
        actor: Who.
        verb: What, e.g. `approve`, `execute`.
        watch_id: Which watch; empty if none.
        request_id: Which stop request; empty if none.
        allowed: Whether it was carried out.
        detail: Why, and with what outcome; redacted.
    """

    at: datetime
    actor: Actor
    verb: str
    watch_id: str = ""
    request_id: str = ""
    allowed: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """One approval of a stop request. Rows are only ever appended, while the request is pending.

    Attributes:
        request_id: Which stop request.
        actor: Who; in the store one person has one vote, whichever workspace the click names.
        at: Aware, UTC.
    """

    request_id: str
    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Segment:
    """The new rows of one round from one source, appended to the stored history.

    Attributes:
        source_key: Which source's history, e.g. `wandb`; histories of different sources never mix.
        rows: New samples by metric.
        cursor: Where to go on next time.
        restart: Whether what is stored of this source so far is void.
        rewound_to: The step from which on the run was overwritten; None if it was not.
        seams: Steps at which the run went on after an interruption.
    """

    source_key: str
    rows: Mapping[str, Rows]
    cursor: Cursor
    restart: bool = False
    rewound_to: float | None = None
    seams: tuple[float, ...] = ()

    @property
    def news(self) -> News:
        """What is added to the history."""
        return News(self.rows, self.rewound_to, self.seams)


@dataclass(frozen=True, slots=True)
class Change:
    """What one step of the engine writes, all or nothing.

    Attributes:
        watch: The watch as it shall be, with the version it was read at; the store adds one.
        round: The round to append.
        segment: History to append.
        beside: History of other runs to append, that this one is held against.
        request: A stop request to insert or replace.
        request_was: The state the stored request must have; None to insert a new one.
        vote: An approval to count; it is refused if this person has one already, or the stored request is not pending.
        outbox: Messages to queue.
        audit: Rows to append.
    """

    watch: Watch
    round: Round | None = None
    segment: Segment | None = None
    beside: tuple[Segment, ...] = ()
    request: StopRequest | None = None
    request_was: frozenset[str] | None = None
    vote: Vote | None = None
    outbox: tuple[OutboxRow, ...] = ()
    audit: tuple[AuditRow, ...] = field(default=())
