"""`trainwatch demo`: a real little training goes wrong, is watched, and is stopped with proof."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from trainwatch_core.cli.browsing import in_browser
from trainwatch_core.cli.place import CHANNEL, Place, load, open_place
from trainwatch_core.cli.signals import TOLD_TO_END, TerminatedError, terminable
from trainwatch_core.cli.watching import stay
from trainwatch_core.demo.cue import CUE, cue
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext

INTERVAL = 3.0
_PLANNED_SECONDS = 300
_ANNOUNCED_BY = "run directory: "
_START_DEADLINE = 60.0
_STILL_ALIVE = 4
_ANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Training:
    """A training that was started for the demo.

    Attributes:
        process: Leads its own process group.
        run_directory: Where wandb writes.
        log: What it prints.
    """

    process: subprocess.Popen[bytes]
    run_directory: Path
    log: Path


@click.command()
@click.option("--terminal", is_flag=True, help="In this terminal, without the Slack look-alike in the browser.")
@click.option(
    "--auto", is_flag=True, help="Needs no person: a program works the browser; in the terminal, automatic mode."
)
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("trainwatch-demo"))
@click.pass_context
def demo(ctx: click.Context, *, terminal: bool, auto: bool, folder: Path) -> None:
    """A real little training logs with the wandb SDK, goes wrong by a bug of its own, is watched and stopped.

    It is watched by the bot in a look-alike of Slack in the browser where npm is there, else in this terminal.
    Everything it writes lies in one directory. No account is needed and nothing leaves this machine.
    """
    ctx.obj["acted"] = True
    shown = None if terminal else in_browser(folder.absolute(), auto=auto)
    if shown is not None:
        ctx.exit(shown)
    try:
        with terminable(), training(folder.absolute()) as started:
            code = _watch(ctx, folder.absolute(), started, auto=auto)
    except TerminatedError:
        code = TOLD_TO_END
    ctx.exit(code)


@contextlib.contextmanager
def training(folder: Path) -> Iterator[Training]:
    """Start the training in a process group of its own; whatever happens, nothing of it is left at the end.

    Raises:
        TrainwatchError: If it does not begin.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "train.log"
    for left in (log, folder / CUE):
        left.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "trainwatch_core.demo.training", "--dir", str(folder)]
    argv += ["--seconds", str(_PLANNED_SECONDS), "--break-when", str(folder / CUE)]
    process = subprocess.Popen(  # noqa: S603  # our own module, by our own interpreter
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        yield Training(process, _announced(process, log), log)
    finally:
        _end(process)


def _announced(process: subprocess.Popen[bytes], log: Path) -> Path:
    """Copy what the training prints into its log, as `| tee` would, and wait for it to name its run directory."""
    said: queue.Queue[str] = queue.Queue()

    def copy() -> None:
        assert process.stdout is not None  # noqa: S101  # it was started with a pipe
        with log.open("ab", buffering=0) as file:
            for line in process.stdout:
                file.write(line)
                text = line.decode("utf-8", "replace").strip()
                if text.startswith(_ANNOUNCED_BY):
                    said.put(text.removeprefix(_ANNOUNCED_BY))
        said.put("")

    threading.Thread(target=copy, name="demo-log", daemon=True).start()
    try:
        directory = said.get(timeout=_START_DEADLINE)
    except queue.Empty:
        directory = ""
    if not directory:
        raise TrainwatchError("The training of the demo did not begin", where=str(log), todo="Read its log")
    return Path(directory)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _watch(ctx: click.Context, folder: Path, started: Training, *, auto: bool) -> int:
    settings = load(ctx)
    # No budget: who shows the demo three times in an hour means it.
    stop = replace(settings.stop, auto_grace=3.0, grace=5.0, auto_per_hour=_ANY, auto_per_day=_ANY, mass_stop=_ANY)
    settings = replace(settings, data_dir=folder, stop=stop)
    place = open_place(ctx, settings)
    context = WatchContext(
        log_path=str(started.log),
        baseline={"eval/loss": 0.9},
        launch=f"pid:{started.process.pid}",
        notes_path=str(folder / "NOTES.md"),
        mode=Mode.AUTO if auto else Mode.ASK,
        interval=INTERVAL,
    )
    policy = Policy(suspicious_interval=INTERVAL)
    run = RunRef(RunKind.WANDB_OFFLINE, str(started.run_directory))
    watch = place.engine.watches.register(Registration(run, place.actor, CHANNEL, context, policy))
    place.attachment.take(watch.id)
    answer = "It is stopped automatically." if auto else "When I ask, type y and Enter."
    place.screen.tell(
        f"A little training (pid {started.process.pid}) logs to {started.run_directory}\n"
        f"Its learning rate will go wrong by a bug of its own. I look every {INTERVAL:.0f} seconds.\n"
        f"{answer}\n"
        f"Everything is kept in {folder}\n"
    )
    with cue(folder / CUE, lambda: _healthy_rounds(place, watch)):
        code = stay(place, [watch], every=0.5, parting="The training of the demo is ended with it.")
    if code == 0 and started.process.poll() is None:
        place.screen.tell("The training still runs: that is a defect of trainwatch.")
        return _STILL_ALIVE
    if code == 0:
        place.screen.tell(
            f"Look at the pictures in {settings.pictures / watch.id} and the evidence in {settings.evidence}"
        )
    return code


def _healthy_rounds(place: Place, watch: Watch) -> int:
    rounds = place.engine.world.store.rounds(watch.id, limit=100)
    return sum(one.verdict.decision is Decision.CONTINUE for one in rounds)
