"""`trainwatch doctor`: is everything as it must be, and if not, what to do."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from trainwatch_core.adapters.sources.wandb.settings import load_endpoint
from trainwatch_core.adapters.sources.wandb.whoami import whoami
from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.cli.findings import Finding, Health, bad, good, odd
from trainwatch_core.cli.slack_checks import check_slack
from trainwatch_core.config import Settings, find_config, load_settings
from trainwatch_core.config.readers import PLACEHOLDERS, blanked
from trainwatch_core.config.settings import ProjectTable
from trainwatch_core.config.tokens import read_tokens
from trainwatch_core.model.errors import ConfigError, TrainwatchError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.registry import stoppable

_FREE = 500 << 20
"""Bytes. Evidence and pictures of some months; a full disk stops no run and loses none, but it is a nuisance."""
_WANDB_WITHIN = 15.0


@click.command()
@click.option("--offline", is_flag=True, help="Ask nobody: only what this machine knows.")
@click.pass_context
def doctor(ctx: click.Context, *, offline: bool) -> None:
    """Check configuration, data, W&B, logs, stoppers, Slack; say what to do. Exit code 1 if something is wrong."""
    worst = Health.GOOD
    for finding in examine(ctx.obj["config"], online=not offline):
        finding.show()
        worst = finding.health if finding.health is Health.BAD or worst is Health.GOOD else worst
    click.echo("")
    click.echo({Health.BAD: "Something is wrong.", Health.ODD: "It works; have a look."}.get(worst, "All is well."))
    ctx.exit(1 if worst is Health.BAD else 0)


def examine(config: Path | None, *, online: bool) -> Iterator[Finding]:
    """All findings, in the order in which a person would put things right."""
    file = find_config(config, os.environ, cwd=Path.cwd())
    try:
        settings = load_settings(config, os.environ, cwd=Path.cwd())
    except ConfigError as error:
        for problem in error.problems:
            yield bad("configuration", f"{error.where}: {problem}", "")
        return
    yield good("configuration", str(file or "no file: every setting has its default"))
    yield _data(settings)
    yield from _logs(settings)
    for project in settings.project:
        yield from _project(project, settings)
    if online:
        yield _wandb(settings)
    yield from _slack(settings, file, online=online)


def _data(settings: Settings) -> Finding:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"trainwatch")
        free = shutil.disk_usage(folder).free
        if settings.database.exists():
            open_store(str(settings.database)).close()
    except OSError as error:
        return bad("data", f"{folder} cannot be written: {error.strerror}", "Set data_dir to a folder that can be")
    except TrainwatchError as error:
        return bad("data", error.what, error.todo)
    said = f"{folder} can be written, {free / 2**30:.1f} GB are free"
    return good("data", said) if free >= _FREE else odd("data", said, "Make room: evidence is kept before each stop")


def _logs(settings: Settings) -> Iterator[Finding]:
    for root in settings.log.roots:
        if os.access(root, os.R_OK | os.X_OK) and root.is_dir():
            yield good("logs", f"[log] roots: {root} can be read")
        else:
            yield bad("logs", f"[log] roots: {root} is no folder that can be read", "Correct it, or mount it")


def _project(project: ProjectTable, settings: Settings) -> Iterator[Finding]:
    where = f'[[project]] match = "{project.match}"'
    if project.offline and not _named(project.offline) and not Path(project.offline).is_dir():
        yield bad("sources", f"{where}: offline {project.offline} is no folder", "Correct it, or mount it")
    if project.log and not _named(project.log) and not Path(project.log).is_file():
        yield odd("sources", f"{where}: log {project.log} is not there (yet)", "")
    if project.log_command and not _program(project.log_command[0]):
        yield bad("sources", f"{where}: {project.log_command[0]} cannot be run", "Give the path of the program")
    if project.launch:
        launch = parse_launch(blanked(project.launch))
        if stoppable(launch, settings):
            yield good("stoppers", f"{where}: {launch.kind} can be stopped and proven gone")
        else:
            yield bad("stoppers", f"{where}: nobody here stops {project.launch}", "Use pid:..., or a stop_command")
    if project.stop_command and not _program(shlex.split(project.stop_command)[0]):
        yield bad("stoppers", f"{where}: {shlex.split(project.stop_command)[0]} cannot be run", "Give its path")


def _wandb(settings: Settings) -> Finding:
    try:
        endpoint = load_endpoint(settings.wandb.base_url)
        name = whoami(endpoint, seconds=_WANDB_WITHIN)
    except TrainwatchError as error:
        return odd(
            "wandb", f"{error.what} ({error.where})", error.todo or "Until then logs are read, where one is named"
        )
    if not name:
        return odd("wandb", f"{endpoint.host} does not know you", "Run `wandb login`; public runs can be read without")
    return good("wandb", f"{endpoint.host} knows you as {name}")


def _slack(settings: Settings, file: Path | None, *, online: bool) -> Iterator[Finding]:
    if not (settings.admins or settings.approvers):
        yield odd(
            "people", "nobody may approve a stop in Slack", 'Put your Slack id into trainwatch.toml: admins = ["U…"]'
        )
    try:
        tokens = read_tokens(os.environ, file.parent if file else Path.cwd(), http=None)
    except ConfigError as error:
        for problem in error.problems:
            yield bad("tokens", problem, "")
        return
    yield good("tokens", "both are there")
    if online:
        try:
            yield from check_slack(settings, tokens)
        except TrainwatchError as error:
            yield bad("slack", error.what, error.todo)


def _program(word: str) -> bool:
    return shutil.which(word) is not None


def _named(path: str) -> bool:
    """Whether a path depends on the run."""
    return any(placeholder in path for placeholder in PLACEHOLDERS)
