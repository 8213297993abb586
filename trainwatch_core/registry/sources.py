"""Which sources there are, and which of them a watch has. Their rooms are entered only when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from trainwatch_core.adapters.sources.beside import BesideSource
from trainwatch_core.adapters.sources.logs.remote import Files
from trainwatch_core.adapters.sources.patience import Patience, PatientSource
from trainwatch_core.config import Settings
from trainwatch_core.model.actor import ActorKind
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.line_pattern import LinePattern, read_line_pattern
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Watch, WatchContext
from trainwatch_core.ports import Source

_PATIENCE = Patience()
"""One for the process: a file that hangs, hangs for all watches."""
_KIND_WITHIN = 5.0
"""Seconds in which a file tells what it is; later it is taken for a log."""


def sources_of(watch: Watch, settings: Settings, room: Files | None = None) -> Sequence[Source]:
    """The sources of a watch, first choice first. Their rooms are entered only when a watch needs them.

    Args:
        watch: The watch.
        settings: As configured.
        room: The SSH room; None where no other machine is gone to.

    Raises:
        InvalidInputError: If a source of it may not be read here.
    """
    require_allowed(watch.run, settings)
    if watch.run.kind is RunKind.LOG:
        sources = [_log(watch.run.target, settings, room)]
    else:
        sources = [_TRACKERS[watch.run.kind](watch, settings)]
    if watch.context.log_path:
        sources.append(_log(watch.context.log_path, settings, room))
    if watch.context.log_argv:
        sources.append(_log_command(watch.context.log_argv, settings))
    if watch.run.kind is RunKind.WANDB and not settings.offline_folder(watch.run):
        sources.append(_wandb_console(watch, settings))
    return sources


def baseline_runs_of(watch: Watch, settings: Settings, room: Files | None = None) -> Mapping[str, Source]:
    """Name and source of each run that the one of a watch is held against; arguments as for `sources_of`.

    Raises:
        InvalidInputError: If one may not be read here.
    """
    return {
        str(run): BesideSource(
            sources_of(replace(watch, run=run, context=WatchContext()), settings, room)[0], f"beside/{run.kind}/{run}"
        )
        for run in watch.context.baseline_runs
    }


def require_allowed(run: RunRef, settings: Settings) -> None:
    """Refuse a run whose project is not one of `[wandb] entities`.

    Raises:
        InvalidInputError: If it is not.
    """
    allowed = settings.wandb.entities
    if run.kind is not RunKind.WANDB or not allowed:
        return
    if not allows(allowed, run.project):
        raise InvalidInputError(
            "Runs of this project are not watched here",
            where=str(run),
            todo=f"Allowed by [wandb] entities: {', '.join(allowed)}",
        )


def allows(allowed: Sequence[str], project: str) -> bool:
    """Whether a project is one of those of `[wandb] entities`."""
    return any(fnmatchcase(project, each if "/" in each else f"{each}/*") for each in allowed)


def _wandb_run(watch: Watch, settings: Settings) -> Source:
    folder = settings.offline_folder(watch.run)
    return _wandb_folder(folder, watch) if folder else _wandb_server(watch, settings)


def _wandb_folder(folder: str, watch: Watch) -> Source:
    from trainwatch_core.adapters.sources.wandb.folder import WandbFolderSource  # noqa: PLC0415  # entered when needed

    return PatientSource(WandbFolderSource(folder, watch.run.short), folder, _PATIENCE)


def _wandb_server(watch: Watch, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.wandb.server import WandbServerSource  # noqa: PLC0415  # entered when needed
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # likewise

    server, told = settings.wandb, watch.context
    return WandbServerSource(
        watch.run,
        endpoint=lambda: load_endpoint(server.base_url),
        timeout=server.timeout,
        named=(*told.key_metrics, *told.target, *told.baseline, *told.roles),
        only_own=_lent(watch, settings),
    )


def _wandb_console(watch: Watch, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.wandb.console import WandbConsoleSource  # noqa: PLC0415  # entered when needed
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # likewise

    server = settings.wandb
    return WandbConsoleSource(
        watch.run,
        endpoint=lambda: load_endpoint(server.base_url),
        timeout=server.timeout,
        only_own=_lent(watch, settings),
    )


def _lent(watch: Watch, settings: Settings) -> bool:
    """Whether somebody in chat uses a W&B key that is not theirs, and the operator has not said what for."""
    return watch.owner.kind is not ActorKind.LOCAL and not settings.wandb.entities


def _wandb_offline(watch: Watch, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource  # noqa: PLC0415  # likewise

    del settings
    return PatientSource(WandbOfflineSource(watch.run.target), watch.run.target, _PATIENCE)


def _log(place: str, settings: Settings, room: Files | None) -> Source:
    """What lies at a path of this machine, or the log at `host:path`."""
    there = remote_part(place)
    if there is None:
        return _log_file(place, settings)
    from trainwatch_core.adapters.sources.logs.remote import RemoteLogSource  # noqa: PLC0415  # entered when needed

    host, path = there
    if room is None or host not in settings.hosts:
        raise InvalidInputError(
            "A log of this host is not read here",
            where=place[:200],
            todo=f"Declare it in trainwatch.toml: [hosts.{host}] with log_roots",
        )
    return RemoteLogSource(host, path, room, settings.hosts[host].log_roots, patterns=_patterns(settings))


def _log_file(path: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.kinds import Kind, kind_of, parted  # noqa: PLC0415  # likewise

    def described() -> tuple[Kind, str, str]:
        return (*(kind_of(path) or (Kind.LOG, path)), parted(path)[1])

    try:
        kind, place, run = _PATIENCE.wait(path, _KIND_WITHIN, described)
    except SourceUnavailableError:
        kind, place, run = Kind.LOG, path, ""
    return PatientSource(_FILES[kind](place, run, settings), path, _PATIENCE)


def _text_log(path: str, run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.logs.file import LogFileSource  # noqa: PLC0415  # likewise

    return LogFileSource(f"{path}#{run}" if run else path, _roots(settings), patterns=_patterns(settings))


def _csv(path: str, _run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.csv_table import CsvSource  # noqa: PLC0415  # likewise

    return CsvSource(path, _roots(settings))


def _tensorboard(path: str, _run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.tensorboard import TensorboardSource  # noqa: PLC0415  # likewise

    return TensorboardSource(path, _roots(settings))


def _trainer_state(path: str, _run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.trainer_state import TrainerStateSource  # noqa: PLC0415  # likewise

    return TrainerStateSource(path, _roots(settings))


def _trackio(path: str, run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.trackio import TrackioSource  # noqa: PLC0415  # likewise

    return TrackioSource(path, run, _roots(settings))


def _mlflow(path: str, run: str, settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.mlflow import MlflowSource  # noqa: PLC0415  # likewise

    return MlflowSource(path, run, _roots(settings))


def _roots(settings: Settings) -> tuple[str, ...]:
    return tuple(str(root) for root in settings.log.roots)


_FILES: Mapping[str, Callable[[str, str, Settings], Source]] = {
    "log": _text_log,
    "csv": _csv,
    "tensorboard": _tensorboard,
    "trainer_state": _trainer_state,
    "trackio": _trackio,
    "mlflow": _mlflow,
}
"""By the kind of what lies at a path."""


def _log_command(argv: tuple[str, ...], settings: Settings) -> Source:
    from trainwatch_core.adapters.sources.logs.command import LogCommandSource  # noqa: PLC0415  # likewise

    return LogCommandSource(argv, _patterns(settings))


def _patterns(settings: Settings) -> Sequence[LinePattern]:
    return tuple(map(read_line_pattern, settings.log.patterns))


_TRACKERS: Mapping[RunKind, Callable[[Watch, Settings], Source]] = {
    RunKind.WANDB: _wandb_run,
    RunKind.WANDB_OFFLINE: _wandb_offline,
}
