"""The doors of the core: what the engine asks of the world. Adapters implement them, fakes too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from trainwatch_core.model.change import AuditRow, Change, OutboxRow, Receipt, Vote
from trainwatch_core.model.message import Body
from trainwatch_core.model.round import Batch, Cursor, Round, SourceStatus
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import Execution, JobIdentity, Probe, StopPlan, StopRequest
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.multiples import MultiplesSpec


class Clock(Protocol):
    """Time. Wall time can jump, monotonic time cannot."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait. Only workers do."""
        ...


class Source(Protocol):
    """One place where metrics of one run can be read."""

    @property
    def key(self) -> str:
        """Names its history in the store, e.g. `wandb`."""
        ...

    @property
    def status(self) -> SourceStatus:
        """What the report says when it answered."""
        ...

    @property
    def kind(self) -> str:
        """Added to the status in brackets, e.g. `offline`; empty if the status says it all."""
        ...

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Everything new since the cursor (None: from the start), each sample once.

        Args:
            cursor: What the last Batch gave.
            deadline: Seconds that the whole call may take.

        Raises:
            SourceUnavailableError: If no trustworthy data came in time.
        """
        ...


class Stopper(Protocol):
    """One way to stop one job, and to prove that it is gone."""

    def identify(self) -> JobIdentity | None:
        """The job as it is now; None where this stopper cannot know one (a bare stop command).

        Raises:
            JobNotFoundError: If there is no such job.
            StopRefusedError: If the target is not one that may ever be stopped.
        """
        ...

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """Exactly what a stop of that job would do. Touches nothing."""
        ...

    def probe(self, identity: JobIdentity | None) -> Probe:
        """An independent look whether that job is gone. Never raises for a job in whatever state."""
        ...

    def begun(self, token: str) -> bool:
        """Whether a stop with this token was begun, by this process or one before it."""
        ...

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """Carry the plan out, rung by rung, until the probe says the job is gone or the ladder ends.

        Args:
            plan: What was approved.
            token: The request's id, for a target-side mark that makes a second execution harmless.
            resume: Whether a stop that was begun before with this token goes on with the rungs that were not taken
                yet, where that is known; otherwise it only looks.

        Raises:
            StopRefusedError: If the job is not the one in the plan; nothing was done then.
        """
        ...


class Notifier(Protocol):
    """One place where messages go."""

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """Asked before a message is made ready (a picture is painted); a place that is never busy does nothing.

        Args:
            body: What is to be said.
            urgent: Whether somebody waits for it, or for what stands behind it.

        Raises:
            TurnError: If its turn has not come.
            DeliveryError: If it is not worth while to wait for it.
        """
        ...

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Deliver one message; `picture` is the PNG of a Picture.

        Raises:
            DeliveryError: If it was not delivered.
        """
        ...


class Painter(Protocol):
    """Draws pictures."""

    def paint(self, spec: ChartSpec) -> bytes:
        """The PNG of a chart.

        Raises:
            PaintError: If it cannot be drawn.
        """
        ...

    def paint_multiples(self, spec: MultiplesSpec) -> bytes:
        """The PNG of a digest.

        Raises:
            PaintError: If it cannot be drawn.
        """
        ...


class EvidenceLocker(Protocol):
    """Keeps what a decision rests on."""

    def keep(self, name: str, files: dict[str, bytes]) -> str:
        """Write files into a new directory of that name, synced to disk, and return its path.

        Raises:
            StorageError: If not everything was written.
        """
        ...


class Notebook(Protocol):
    """Appends notes to a project's own notes file."""

    def append(self, path: str, text: str) -> None:
        """Append text to a Markdown file, atomically.

        Raises:
            StorageError: If it was not appended.
        """
        ...

    def require_writable(self, path: str) -> None:
        """Make sure, as far as can be told without writing, that a note could be appended.

        Raises:
            StorageError: If it could not.
        """
        ...


class Dispatcher(Protocol):
    """Hands work to workers. A job may arrive twice or late: correctness lies in the rows, not here."""

    def submit(self, kind: str, ident: str) -> None:
        """Ask for the work `kind` on `ident`; returns at once. The same pair waiting already is not queued again."""
        ...

    def start(self, work: Callable[[str, str], None]) -> None:
        """Begin to work: call `work(kind, ident)` for each job."""
        ...

    def stop(self, *, timeout: float) -> None:
        """Take no more work and wait at most `timeout` seconds for what runs."""
        ...


class Ticker(Protocol):
    """Knocks at the engine's door again and again."""

    def start(self) -> None:
        """Begin to knock."""
        ...

    def stop(self) -> None:
        """Knock no more; returns when the last knock has come back."""
        ...


class Store(Protocol):
    """The truth. Every method is one transaction; methods may be called from any thread."""

    def commit(self, change: Change) -> Watch:
        """Write a Change at the version its watch was read at, and return the watch with its new version.

        A watch with version 0 is inserted. The lease is written as the given watch says.

        Raises:
            ConflictError: If the stored version, or the stored request's state, is another one. Nothing was written.
            StorageError: If the database failed. Nothing was written.
        """
        ...

    def watch(self, watch_id: str) -> Watch:
        """One watch.

        Raises:
            NotFoundError: If there is none with this id.
        """
        ...

    def watches(self, *, ended: bool = False) -> Sequence[Watch]:
        """All watches, oldest first; those that ended only if asked for."""
        ...

    def claim_due(
        self,
        now: datetime,
        *,
        owner: str,
        lease: float,
        only: Collection[str] | None = None,
        limit: int = 100,
    ) -> Sequence[Watch]:
        """Claim watches whose round is due: each for one owner until `now + lease` seconds.

        A claim grows the version. Watches under a lease that has not expired are passed over.
        """
        ...

    def history(self, watch_id: str, source_key: str) -> tuple[History, Cursor | None]:
        """What is stored of one source, and its cursor; an empty history and None if nothing is."""
        ...

    def rounds(self, watch_id: str, *, limit: int) -> Sequence[Round]:
        """The last rounds, oldest first."""
        ...

    def request(self, request_id: str) -> StopRequest:
        """One stop request.

        Raises:
            NotFoundError: If there is none with this id.
        """
        ...

    def requests(self, *, watch_id: str | None = None, states: Collection[str] | None = None) -> Sequence[StopRequest]:
        """Stop requests, oldest first."""
        ...

    def votes(self, request_id: str) -> Sequence[Vote]:
        """The approvals of a request so far, first one first; of each person one."""
        ...

    def waiting(self, now: datetime, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """For each watch the oldest outbox row that waits and is not held back, if it may be tried now."""
        ...

    def held(self, *, only: Collection[str] | None = None) -> Sequence[OutboxRow]:
        """All outbox rows that are held back, oldest first."""
        ...

    def delivered(self, row: OutboxRow) -> None:
        """Store state, attempts, next try, receipt and problem of an outbox row, and whether it is held back."""
        ...

    def outbox(self, watch_id: str) -> Sequence[OutboxRow]:
        """All outbox rows of a watch, oldest first."""
        ...

    def audit(self, row: AuditRow) -> None:
        """Append one row outside of a Change (refusals)."""
        ...

    def audited(self, *, watch_id: str | None = None, since: datetime | None = None) -> Sequence[AuditRow]:
        """Audit rows, oldest first."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
