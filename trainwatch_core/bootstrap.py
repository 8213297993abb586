"""All wiring, read from top to bottom."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from trainwatch_core import registry
from trainwatch_core.adapters.attachment import Attachment, exclusive
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.dispatch.threads import ThreadDispatcher
from trainwatch_core.adapters.evidence import DirectoryLocker
from trainwatch_core.adapters.late_painter import LatePainter
from trainwatch_core.adapters.late_ssh import LateSshRoom
from trainwatch_core.adapters.notes import FileNotebook
from trainwatch_core.adapters.remote_notes import RemoteNotebook, SortedNotebook
from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.adapters.ticker import DailyTicker
from trainwatch_core.adapters.ticker import Ticker as IntervalTicker
from trainwatch_core.backtesting.trials import QUIETLY, play, runs_beside
from trainwatch_core.config import Settings
from trainwatch_core.config.targets import AllowTable
from trainwatch_core.decision.authority import Allow, Rules
from trainwatch_core.decision.reminding import Reminding
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.world import Terms, World, nobody_to_ask
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.run import RunChoice, RunRef
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Clock, Notifier, Stopper, Ticker
from trainwatch_core.report.backtest import Backtested


@contextlib.contextmanager
def build(
    settings: Settings,
    notifier: Notifier,
    *,
    environ: Mapping[str, str],
    team: str = "",
    vouch: Callable[[Actor], None] = nobody_to_ask,
) -> Iterator[Engine]:
    """An engine on the configured database; closed when the block ends.

    Args:
        settings: As configured.
        notifier: Where messages go.
        environ: The environment.
        team: Id of the home Slack workspace; without one nobody of Slack may do anything.
        vouch: Asks the chat anew whether a person is still a member there; raises NotAllowedError.

    Raises:
        StorageError: If the data directory or the database cannot be used.
    """
    _make(settings.data_dir)
    clock = SystemClock()
    store = open_store(str(settings.database))
    ssh = LateSshRoom(clock, {name: host.ssh or name for name, host in settings.hosts.items()})
    reach = registry.reach_of(settings, clock, ssh, _crash_points(environ))
    leaving = threading.Event()
    world = World(
        store=store,
        clock=clock,
        dispatcher=ThreadDispatcher(),
        notifier=notifier,
        painter=LatePainter(),
        locker=DirectoryLocker(settings.evidence),
        notebook=_notebook(clock, ssh, settings),
        sources=lambda watch: registry.sources_of(watch, settings, ssh),
        stopper=_kept(reach),
        checks=registry.CHECKS,
        rules=_rules(settings, team),
        vouch=vouch,
        quiet=_quiet(settings) if team else None,
        backtest=_backtest(settings, leaving),
        leave=leaving.set,
        write_back=registry.write_back_of(settings),
        guess=lambda watch, info: registry.guessed_launch(watch.run, info),
        terms=_terms(settings),
        exclusive=lambda name: exclusive(settings.data_dir / "locks", name),
        owner=f"{socket.gethostname()}:{os.getpid()}",
        reach=reach.point,
        baseline_runs=lambda watch: registry.baseline_runs_of(watch, settings, ssh),
    )
    with contextlib.closing(store), contextlib.closing(ssh):
        yield Engine(world, only=frozenset())


def _notebook(clock: Clock, ssh: LateSshRoom, settings: Settings) -> SortedNotebook:
    roots = {name: host.notes_roots for name, host in settings.hosts.items()}
    return SortedNotebook(FileNotebook(clock), RemoteNotebook(ssh, roots))


def _backtest(settings: Settings, leaving: threading.Event) -> Callable[[RunRef, int | None], Backtested]:
    def backtest(run: RunRef, last: int | None) -> Backtested:
        runs = [run.target] if last is None else runs_beside(run, settings, last)
        return play(runs, settings, bounds=QUIETLY, leaving=leaving.is_set)

    return backtest


def _kept(reach: registry.Reach) -> Callable[[Watch], Stopper | None]:
    """Stoppers that are kept for their watches: they remember processes that have left their parents since."""
    stoppers: dict[tuple[str, str, str], Stopper | None] = {}

    def stopper(watch: Watch) -> Stopper | None:
        wanted = (watch.id, watch.context.launch, watch.context.stop_command)
        if wanted not in stoppers:
            stoppers[wanted] = registry.stopper_of(watch, reach)
        return stoppers[wanted]

    return stopper


def make_ticker(knock: Callable[[], None], *, every: float) -> Ticker:
    """Knocks every so many seconds."""
    return IntervalTicker(knock, every=every)


def make_daily(knock: Callable[[], None], *, at: str, zone: tzinfo) -> Ticker:
    """Knocks once a day at a local time such as `09:00`."""
    return DailyTicker(knock, at=at, zone=zone)


@contextlib.contextmanager
def only_one(settings: Settings, name: str) -> Iterator[None]:
    """Hold a name in the data directory; the kernel lets it go when the process dies.

    Raises:
        ConflictError: If another process holds it.
        StorageError: If the lock cannot be made.
    """
    held = Attachment(settings.data_dir / "attached")
    _make(settings.data_dir)
    held.take(name)
    try:
        yield
    finally:
        held.release()


def run_on_this_machine(path: str) -> RunRef:
    """The offline run or log file at an absolute path.

    Raises:
        InvalidInputError: If there is none.
    """
    return locate(path, cwd=Path("/"))


@dataclass(frozen=True, slots=True)
class Choices:
    """What W&B has to choose from.

    Attributes:
        projects: The projects whose runs may be watched here, as `entity/project`.
        runs: Of a project, with some words of the name or the id, within so many seconds.
    """

    projects: Callable[[], Sequence[str]]
    runs: Callable[[str, str, float], Sequence[RunChoice]]


def choices(settings: Settings) -> Choices:
    """What there is to choose from; both raise SourceUnavailableError if W&B does not say."""
    return Choices(
        projects=lambda: registry.projects_to_choose(settings),
        runs=lambda project, words, seconds: registry.runs_to_choose(project, words, settings, seconds=seconds),
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(
            f"The data directory cannot be made: {error.strerror}",
            where=str(folder),
            todo="Set data_dir in trainwatch.toml, or TRAINWATCH_DATA_DIR, to a directory that can be written",
        ) from error


def user_name(uid: int) -> str:
    """Name of an operating-system user; the number itself where it has none (containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _rules(settings: Settings, team: str) -> Rules:
    return Rules(
        local_user=user_name(settings.database.stat().st_uid),
        team=team,
        allow_chat_commands=settings.slack.allow_chat_commands,
        admins=frozenset(settings.admins),
        approvers=frozenset(settings.approvers),
        watchers=frozenset(settings.watchers),
        self_approval=settings.stop.self_approval,
        stoppers={name: _allow(table.allow) for name, table in settings.stoppers.items() if table.allow is not None},
    )


def _allow(table: AllowTable) -> Allow:
    channels, approvers = table.channels, table.approvers
    return Allow(
        channels=None if channels is None else frozenset(channels),
        approvers=None if approvers is None else frozenset(approvers),
        approvals=table.approvals,
    )


def _quiet(settings: Settings) -> QuietHours | None:
    hours = settings.slack.quiet_hours
    return QuietHours(*hours, settings.timezone) if hours is not None else None


def _terms(settings: Settings) -> Terms:
    stop = settings.stop
    return Terms(
        approval_ttl=stop.approval_ttl,
        approvals=stop.approvals_required,
        auto_requires=stop.auto_requires,
        auto_grace=stop.auto_grace,
        auto_hard_only=Weight.SOFT not in stop.auto_on,
        auto_per_hour=stop.auto_per_hour,
        auto_per_day=stop.auto_per_day,
        mass_stop=stop.mass_stop,
        mute=stop.mute,
        reminding=Reminding(stop.remind_every, stop.reminders, stop.escalate_after, stop.escalate_to),
        cost_per_hour=settings.cost.per_hour,
        currency=settings.cost.currency,
    )


def _crash_points(environ: Mapping[str, str]) -> Callable[[str], None]:
    """For tests of durability: TRAINWATCH_CRASH_AT names the point at which this process dies without a word."""
    wanted = environ.get("TRAINWATCH_CRASH_AT", "")

    def reach(name: str) -> None:
        if name == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach
