"""Which stoppers there are: a stopper is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwatch_core.adapters.stoppers import jupyter, ray
from trainwatch_core.adapters.stoppers.combined import CombinedStopper
from trainwatch_core.adapters.stoppers.command import CommandStopper
from trainwatch_core.adapters.stoppers.docker import DockerJob
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.jupyter import JupyterKernel
from trainwatch_core.adapters.stoppers.kubernetes import KubernetesJob
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.owned import OwnedJob
from trainwatch_core.adapters.stoppers.places import LocalPlace, Places, Remote
from trainwatch_core.adapters.stoppers.plugin import Job
from trainwatch_core.adapters.stoppers.process import ProcessJob
from trainwatch_core.adapters.stoppers.ray import RayJob
from trainwatch_core.adapters.stoppers.screen import Screen
from trainwatch_core.adapters.stoppers.sessions import SessionJob
from trainwatch_core.adapters.stoppers.slurm import SlurmJob
from trainwatch_core.adapters.stoppers.systemd import SystemdJob
from trainwatch_core.adapters.stoppers.tmux import Tmux
from trainwatch_core.config import Settings
from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.launch import LOCALHOST, Launch, parse_launch
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Clock, Stopper


@dataclass(frozen=True, slots=True)
class Reach:
    """What stoppers and sources reach out with.

    Attributes:
        settings: As configured.
        clock: Time.
        places: This machine and the hosts of `[hosts]`.
        room: The SSH room.
        point: Called with the name of each point at which a crash is tried in tests.
    """

    settings: Settings
    clock: Clock
    places: Places
    room: Remote
    point: Callable[[str], None] = lambda _name: None


def reach_of(
    settings: Settings, clock: Clock, room: Remote, point: Callable[[str], None] = lambda _name: None
) -> Reach:
    """Everything that may be reached by these settings."""
    here = LocalPlace(clock, settings.tokens, settings.stop.path)
    places = Places(here, room, {name: host.path for name, host in settings.hosts.items()})
    return Reach(settings, clock, places, room, point)


def stopper_of(watch: Watch, reach: Reach) -> Stopper | None:
    """How the job of a watch is stopped: its stop command first, else as it was launched; None if neither is known.

    Raises:
        InvalidInputError: If launch or command cannot be read.
        StopRefusedError: If the kind of launch cannot be stopped.
    """
    context, settings = watch.context, reach.settings
    launched = _launched(parse_launch(context.launch), watch, reach) if context.launch else None
    if not context.stop_command:
        return launched
    command = CommandStopper(
        context.stop_command,
        clock=reach.clock,
        tokens_dir=settings.tokens,
        timeout=settings.stop.command_timeout,
        wait=settings.stop.grace,
    )
    return CombinedStopper(command, launched) if launched is not None else command


def stoppable(launch: Launch, settings: Settings) -> bool:
    """Whether somebody here knows how to stop a job that was launched like this."""
    away = launch.host != LOCALHOST
    known = settings.servers if launch.kind in {jupyter.KIND, ray.KIND} else settings.hosts
    return launch.kind in _STOPPERS and (not away or launch.kind in _NAMESPACED or launch.host in known)


def _launched(launch: Launch, watch: Watch, reach: Reach) -> Stopper:
    if launch.kind not in _STOPPERS:
        known = ", ".join(f"{kind}:..." for kind in _STOPPERS)
        raise StopRefusedError(
            "Nobody here knows how to stop a job that was launched like this",
            where=str(launch),
            todo=f"Known are: {known}; or give --stop-command",
        )
    return GuardedStopper(_STOPPERS[launch.kind](launch, watch, reach), reach.clock, reach.point)


def _process(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return ProcessJob(launch, reach.places.at(launch.host), _ladder(watch, reach))


def _ladder(watch: Watch, reach: Reach) -> Ladder:
    stop = reach.settings.stop_of(watch.run)
    return Ladder(
        stop.grace,
        stop.kill_wait,
        checkpoint=stop.checkpoint_signal,
        switch=stop.save_switch,
        save=stop.checkpoint_wait,
    )


def _tmux(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return SessionJob(launch, reach.places.at(launch.host), _ladder(watch, reach), Tmux())


def _screen(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return SessionJob(launch, reach.places.at(launch.host), _ladder(watch, reach), Screen())


def _slurm(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return SlurmJob(launch, reach.places.at(launch.host), _ladder(watch, reach))


def _docker(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return DockerJob(launch, reach.places.at(launch.host), _ladder(watch, reach))


def _systemd(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return SystemdJob(launch, reach.places.at(launch.host), _ladder(watch, reach))


def _kubernetes(launch: Launch, watch: Watch, reach: Reach) -> Job:
    # What stands in the host's place is the namespace: kubectl of this machine reaches the cluster.
    return KubernetesJob(launch, reach.places.at(LOCALHOST), _ladder(watch, reach), reach.settings.kubernetes)


def _jupyter(launch: Launch, watch: Watch, reach: Reach) -> Job:
    # What stands in the host's place is a server of [servers]; this machine asks it.
    runtime = Path.home() / ".local" / "share" / "jupyter" / "runtime"
    return JupyterKernel(launch, reach.places.at(LOCALHOST), _ladder(watch, reach), reach.settings.servers, runtime)


def _ray(launch: Launch, watch: Watch, reach: Reach) -> Job:
    return RayJob(launch, reach.places.at(LOCALHOST), _ladder(watch, reach), reach.settings.servers)


def _wandb(launch: Launch, watch: Watch, reach: Reach) -> Job:
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # entered when needed
    from trainwatch_core.adapters.sources.wandb.stopping import WandbFlag  # noqa: PLC0415  # likewise

    server, here = reach.settings.wandb, reach.places.at(LOCALHOST)
    ladder = _ladder(watch, reach)
    return WandbFlag(launch, watch.run, here, ladder, lambda: load_endpoint(server.base_url), server.timeout)


def _owned(launch: Launch, watch: Watch, reach: Reach) -> Job:
    del watch
    return OwnedJob(launch, reach.places.at(launch.host), reach.settings.stoppers)


_STOPPERS: Mapping[str, Callable[[Launch, Watch, Reach], Job]] = {
    "pid": _process,
    "tmux": _tmux,
    "screen": _screen,
    "slurm": _slurm,
    "docker": _docker,
    "systemd": _systemd,
    "k8s": _kubernetes,
    "jupyter": _jupyter,
    "ray": _ray,
    "wandb": _wandb,
    "command": _owned,
}


_NAMESPACED = frozenset({"k8s"})
"""Kinds whose launch has something in the place of a host that nobody declares."""
