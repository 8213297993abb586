"""Which sources a watch has, and whose runs may be watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.late_ssh import LateSshRoom
from trainwatch_core.adapters.sources.logs.remote import RemoteLogSource
from trainwatch_core.adapters.sources.patience import PatientSource
from trainwatch_core.adapters.sources.wandb.console import WandbConsoleSource
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.config import load_settings
from trainwatch_core.config.settings import Settings
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_run
from trainwatch_core.model.watch import Watch, WatchContext
from trainwatch_core.registry import reach_of, sources_of, stoppable, stopper_of
from trainwatch_core.testing.store_samples import sample_watch

SLACK = Actor(ActorKind.SLACK, "U1", "T1")
ANA = Actor(ActorKind.LOCAL, "ana")


def watch_of(path: str, owner: Actor = ANA) -> Watch:
    return replace(sample_watch(), run=parse_wandb_run(path), owner=owner)


def settings_with(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "trainwatch.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_settings(file, {"HOME": str(tmp_path)}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("entities", "path", "allowed"),
    [
        ('["lab"]', "lab/any/r", True),
        ('["lab"]', "laboratory/any/r", False),
        ('["lab/vision-*"]', "lab/vision-1/r", True),
        ('["lab/vision-*"]', "lab/speech/r", False),
        ('["other", "lab/speech"]', "lab/speech/r", True),
        ("[]", "anybody/any/r", True),
    ],
)
def test_only_runs_of_allowed_entities_and_projects_are_watched(
    tmp_path: Path,
    entities: str,
    path: str,
    allowed: bool,  # noqa: FBT001  # a table
) -> None:
    """F-W09: the list of the operator counts for everybody."""
    settings = settings_with(tmp_path, f"[wandb]\nentities = {entities}\n")
    for owner in (ANA, SLACK):
        if allowed:
            assert sources_of(watch_of(path, owner), settings)
        else:
            with pytest.raises(InvalidInputError, match="not watched here"):
                sources_of(watch_of(path, owner), settings)


@pytest.mark.parametrize(
    ("text", "owner", "lent"),
    [("", SLACK, True), ("", ANA, False), ('[wandb]\nentities = ["lab"]\n', SLACK, False)],
)
def test_people_in_chat_use_a_key_that_is_not_theirs(tmp_path: Path, text: str, owner: Actor, lent: bool) -> None:  # noqa: FBT001  # a table
    """F-W09: without a list, the key's own runs only, as metrics and as console; the owner of the key is free."""
    sources = sources_of(watch_of("lab/p/r", owner), settings_with(tmp_path, text))
    kinds = {type(source): source for source in sources}
    assert {WandbServerSource, WandbConsoleSource} <= kinds.keys()
    for kind in (WandbServerSource, WandbConsoleSource):
        assert kinds[kind]._only_own is lent  # type: ignore[attr-defined]


def test_the_console_is_looked_at_last(tmp_path: Path) -> None:
    """A log that somebody named comes before what W&B captured."""
    watch = watch_of("lab/p/r")
    watch = replace(watch, context=replace(watch.context, log_path=str(tmp_path / "x.log"), log_argv=()))
    assert [source.key for source in sources_of(watch, settings_with(tmp_path, ""))] == [
        "wandb",
        "log",
        "wandb-console",
    ]


def test_a_log_of_another_machine_is_read_over_ssh(tmp_path: Path) -> None:
    """As fallback and as a run of its own, below the log_roots of its host."""
    settings = settings_with(tmp_path, '[hosts.gpu1]\nlog_roots = ["/mnt/logs"]\n')
    room = LateSshRoom(SystemClock(), {"gpu1": "gpu1"})
    fallback = watch_of("lab/p/r")
    fallback = replace(fallback, context=replace(fallback.context, log_path="gpu1:/mnt/logs/x.log", log_argv=()))
    own = replace(sample_watch(), run=RunRef(RunKind.LOG, "gpu1:/mnt/logs/x.log"), context=WatchContext())
    for source in (sources_of(fallback, settings, room)[1], sources_of(own, settings, room)[0]):
        assert isinstance(source, RemoteLogSource)
        assert (source.host, source.path) == ("gpu1", "/mnt/logs/x.log")


def test_nothing_on_a_file_system_is_waited_for_without_end(tmp_path: Path) -> None:
    """F-L06: NFS may hang under a log, a tracker's files, and an offline run of W&B alike."""
    settings = settings_with(tmp_path, "")
    (tmp_path / "metrics.csv").write_text("step,loss\n1,0.5\n")
    for kind, name in ((RunKind.LOG, "x.log"), (RunKind.LOG, "metrics.csv"), (RunKind.WANDB_OFFLINE, "x.wandb")):
        watch = replace(sample_watch(), run=RunRef(kind, str(tmp_path / name)), context=WatchContext())
        (source,) = sources_of(watch, settings)
        assert isinstance(source, PatientSource)
        assert source.place == str(tmp_path / name)


@pytest.mark.parametrize("host", ["gpu2", "gpu1.evil"])
def test_a_log_of_a_host_that_is_not_declared_is_refused(tmp_path: Path, host: str) -> None:
    """Nobody is connected to whom the operator has not named."""
    settings = settings_with(tmp_path, '[hosts.gpu1]\nlog_roots = ["/mnt/logs"]\n')
    watch = replace(sample_watch(), run=RunRef(RunKind.LOG, f"{host}:/mnt/logs/x.log"), context=WatchContext())
    with pytest.raises(InvalidInputError, match="not read here"):
        sources_of(watch, settings, LateSshRoom(SystemClock(), {"gpu1": "gpu1"}))


KERNEL = "0a1b2c3d-0000-4000-8000-000000000000"


def test_a_kernel_of_a_declared_server_can_be_stopped(tmp_path: Path) -> None:
    """And one of this machine; a server that nobody declared is refused, by doctor beforehand too."""
    settings = settings_with(tmp_path, '[servers.lab]\nurl = "http://127.0.0.1:9"\n')
    clock = SystemClock()
    reach = reach_of(settings, clock, LateSshRoom(clock, {}))
    for launch in (f"jupyter:lab/{KERNEL}", f"jupyter:{KERNEL}"):
        assert stoppable(parse_launch(launch), settings)
        assert isinstance(stopper_of(_launched(launch), reach), GuardedStopper)
    assert not stoppable(parse_launch(f"jupyter:other/{KERNEL}"), settings)
    with pytest.raises(InvalidInputError, match="not declared"):
        stopper_of(_launched(f"jupyter:other/{KERNEL}"), reach)


def _launched(launch: str) -> Watch:
    return replace(sample_watch(), context=WatchContext(launch=launch))
