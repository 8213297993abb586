"""What is said to people, before any front end gives it a shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trainwatch_core.model.actor import Actor
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.stop import RequestState, StopPlan


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one round: its eight fields as text, redacted, with what a front end needs to rank it.

    Attributes:
        watch_id: Which watch.
        round_number: Which round.
        at: Aware, UTC; front ends show it in the reader's zone.
        title: One line: the state in words, and the run.
        source: `wandb_ok (offline)`, ...
        run: Name and identifier of the run.
        metrics: Summary of recent metrics with the change since the last round.
        anomalies: One sentence each; empty means none.
        evidence: What was inspected: addresses, files, log lines.
        decision: CONTINUE, WAIT or STOP.
        reason: Why, with what held it back and what would change it.
        next_at: When the next look is due; None means ending.
        recovered: Whether an anomaly of the last round is well again.
    """

    watch_id: str
    round_number: int
    at: datetime
    title: str
    source: str
    run: str
    metrics: tuple[str, ...]
    anomalies: tuple[str, ...]
    evidence: tuple[str, ...]
    decision: Decision
    reason: tuple[str, ...]
    next_at: datetime | None
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that follows a report.

    Attributes:
        watch_id: Which watch.
        round_number: Which round.
        title: The sentence one would say about it.
        alt_text: What it shows, in words, for those who cannot see it.
    """

    watch_id: str
    round_number: int
    title: str
    alt_text: str


@dataclass(frozen=True, slots=True)
class PictureMissing:
    """A report stands without its picture, and says why.

    Attributes:
        watch_id: Which watch.
        round_number: Whose report.
        why: One line.
    """

    watch_id: str
    round_number: int
    why: str


@dataclass(frozen=True, slots=True)
class StopQuestion:
    """A stop is asked for, or announced in automatic mode.

    Attributes:
        watch_id: Which watch.
        request_id: Which request.
        run: Name of the run.
        saw: What was seen, a few sentences.
        would_change: What would change the mind.
        plan: Exactly what would be done.
        fingerprint: First 8 characters.
        execute_after: In automatic mode: when it acts if nobody objects; None in ask mode.
        ttl: Seconds that an approval may take, counted from delivery.
        evidence: Directory of the evidence.
        approvals: How many different people must approve it.
        approvers: Ids of the people in chat who may approve it; None in rows of a version that did not say.
        put_off_by: Who asked to wait when it was asked before; None if nobody did.
        put_off_at: When they did; aware, UTC.
    """

    watch_id: str
    request_id: str
    run: str
    saw: tuple[str, ...]
    would_change: str
    plan: StopPlan
    fingerprint: str
    execute_after: datetime | None
    ttl: float
    evidence: str
    approvals: int = 1
    approvers: tuple[str, ...] | None = None
    put_off_by: Actor | None = None
    put_off_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopReminder:
    """A question that still waits for its answer.

    Attributes:
        watch_id: Which watch.
        request_id: Which request.
        run: Name of the run.
        reason: Why it would be stopped, one sentence.
        could: Ids of the people in chat who may approve it and have not.
        called: Ids of those who are called because nobody answers; empty for a mere reminder.
        expires_at: Until when it can be answered; aware, UTC.
    """

    watch_id: str
    request_id: str
    run: str
    reason: str
    could: tuple[str, ...]
    called: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """How a stop request came out, in the words of one line each.

    Attributes:
        watch_id: Which watch.
        request_id: Which request.
        state: Its state now.
        lines: What happened, first line first.
        loud: Whether somebody must act (the job still runs, or nobody knows).
    """

    watch_id: str
    request_id: str
    state: RequestState
    lines: tuple[str, ...]
    loud: bool = False


@dataclass(frozen=True, slots=True)
class FinalSummary:
    """The last message of a watch.

    Attributes:
        watch_id: Which watch.
        run: Name of the run.
        title: One line: how it ended.
        lines: `Label: text` lines, in order.
        saved: Seconds of the plan that a stop saved; 0 if none did, or nobody knows.
    """

    watch_id: str
    run: str
    title: str
    lines: tuple[tuple[str, str], ...]
    saved: float = 0.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something else worth a line: registration, what is missing, a problem.

    Attributes:
        watch_id: Which watch.
        text: One or more lines.
        loud: Whether somebody must act.
    """

    watch_id: str
    text: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened in a quiet time.

    Attributes:
        at: Aware, UTC.
        decision: What was decided then.
        text: One sentence.
    """

    at: datetime
    decision: Decision
    text: str


@dataclass(frozen=True, slots=True)
class Catchup:
    """What happened while ordinary rounds were held back: one message in place of many.

    Attributes:
        watch_id: Which watch.
        run: Name of the run.
        since: When the first look was that was held back.
        until: When the last one was.
        looks: How many looks there were from the one to the other.
        decision: Of the last one.
        metrics: How far each has come in that time.
        moments: What happened, oldest first; empty if every look was well.
        further: How many moments are left out.
    """

    watch_id: str
    run: str
    since: datetime
    until: datetime
    looks: int
    decision: Decision
    metrics: tuple[str, ...]
    moments: tuple[Moment, ...]
    further: int = 0


@dataclass(frozen=True, slots=True)
class ProjectNote:
    """A note for the project's own notes file.

    Attributes:
        watch_id: Which watch.
        path: The Markdown file.
        text: What is appended, ready and escaped.
    """

    watch_id: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class WriteBack:
    """A tag and a note on the run itself, in its tracker.

    Attributes:
        watch_id: Which watch.
        run: Which run.
        tag: Added to its tags.
        text: Added to its notes.
    """

    watch_id: str
    run: RunRef
    tag: str
    text: str


class Look(StrEnum):
    """How a watch stands, in one word for a person. Colours and signs derive from it."""

    NEW = "First look"
    HEALTHY = "Healthy"
    CLOSE = "Watching closely"
    RECOVERED = "Recovered"
    BLIND = "Cannot see it"
    WANTS_STOP = "Wants to stop"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    FINISHED = "Finished"
    ENDED = "Ended"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric on a card.

    Attributes:
        now: Its name and newest value, e.g. `loss 2.314`.
        curve: Its window in a few block letters; empty for none.
        change: How far it moved since the round before; empty if it did not, or if nobody knows.
    """

    now: str
    curve: str = ""
    change: str = ""

    def __str__(self) -> str:
        return "  ".join(part for part in (self.now, self.curve, self.change) if part)


@dataclass(frozen=True, slots=True)
class Card:
    """A watch at a glance. One per watch, edited in place where a front end can.

    Attributes:
        watch_id: Which watch.
        run: Name of the run.
        url: The run's page; empty if it has none.
        look: How it stands.
        why: One line about it; may be empty.
        metrics: The loss with its little curve, then others.
        progress: How far it is; empty if unknown.
        next_at: When the next look is due; None while there is none.
        round_number: How many rounds there were.
        automatic: Whether it stops without asking.
        owner: Who watches.
        since: Since when; aware, UTC.
        over_at: When its job was proven gone; None if it was not.
        at: When the last look was; None before the first.
        compared_at: When the look was that the changes are told against; None if there was none.
        done_at: When the planned end is reached at this pace; None if nobody knows.
        blind_since: Since when nothing can be seen of it; None if something can.
        quiet_until: Until when ordinary rounds are held back; None if they are not.
    """

    watch_id: str
    run: str
    url: str
    look: Look
    why: str
    metrics: tuple[Figure, ...]
    progress: str
    next_at: datetime | None
    round_number: int
    automatic: bool
    owner: Actor
    since: datetime
    over_at: datetime | None = None
    at: datetime | None = None
    compared_at: datetime | None = None
    done_at: datetime | None = None
    blind_since: datetime | None = None
    quiet_until: datetime | None = None


Body = (
    Report
    | Picture
    | PictureMissing
    | StopQuestion
    | StopReminder
    | StopOutcome
    | FinalSummary
    | Notice
    | Catchup
    | ProjectNote
    | WriteBack
    | Card
)
