"""The demo in the browser, where this machine can show it."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import click

from trainwatch_core.cli.signals import TerminatedError, terminable
from trainwatch_core.demo import acts, lookalike, person
from trainwatch_core.demo.scene import play, training
from trainwatch_core.model.errors import TrainwatchError

_KEPT = 3
"""Earlier demos whose folders are kept."""


def in_browser(base: Path, *, auto: bool) -> int | None:
    """Play the demo in the browser; returns its exit code, or None if this machine cannot show it, which is said.

    Raises:
        TrainwatchError: If a part of it fails on the way.
    """
    lacking = lookalike.lacking() or (person.missing() if auto else "")
    program = None
    if not lacking:
        try:
            program = lookalike.install(base / "look-alike")
        except TrainwatchError as error:
            lacking = str(error)
    if program is None:
        click.echo(f"{lacking}: the demo runs in this terminal instead.\n")
        return None
    try:
        with terminable():
            return _play(program, base, auto=auto)
    except TerminatedError:
        return 128 + signal.SIGTERM


def _play(program: Path, base: Path, *, auto: bool) -> int:
    folder = acts.folder_of(base, time.time())
    folder.mkdir(parents=True)
    for old in sorted(base.glob("browser-*"))[: -_KEPT - 1]:
        shutil.rmtree(old, ignore_errors=True)
    act = acts.without_a_person if auto else acts.with_a_person
    with training(folder) as (stage, running), play(program, stage, click.echo) as shown:
        return act(shown, stage, click.echo, lambda: running.process.poll() is None)
