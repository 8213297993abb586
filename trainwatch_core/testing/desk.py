"""A desk for tests of the terminal: real processes, a real pseudo-terminal, a data directory of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pexpect
from click import Command
from click.testing import CliRunner, Result

TRAINWATCH = (sys.executable, "-m", "trainwatch_core.cli")


@dataclass
class Desk:
    """Where a person sits: a folder, a training, terminals.

    Attributes:
        folder: Holds everything.
        opened: Terminals that were opened, closed at the end.
        jobs: Processes that stand for trainings.
    """

    folder: Path
    opened: list[pexpect.spawn] = field(default_factory=list)
    jobs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every command."""
        return {
            **os.environ,
            "TRAINWATCH_DATA_DIR": str(self.folder / "data"),
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "xdg"),
            "TERM": "xterm-256color",
            "NO_COLOR": "1",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a terminal."""
        return subprocess.run(  # noqa: S603  # our own command
            [*TRAINWATCH, *words],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=150,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def say(self, program: Command, *words: str) -> Result:
        """Give a command in this process: for what no process of its own can change. Quicker by its start."""
        with contextlib.chdir(self.folder):
            return CliRunner().invoke(program, words, env=self.environ, prog_name="trainwatch")

    def skip_questions(self, terminal: pexpect.spawn, count: int = 3) -> None:
        """Press Enter at each question about what is missing."""
        for _ in range(count):
            terminal.expect(r"\): ")
            terminal.sendline("")

    def broken(self, *words: str) -> tuple[subprocess.Popen[bytes], pexpect.spawn]:
        """A training whose loss became NaN, and a terminal that watches it with nothing left to ask."""
        job = self.training()
        log = self.log([*falling(), *["nan"] * 40])
        notes = str(self.folder / "n.md")
        known = ("--launch", f"pid:{job.pid}", "--baseline", "x=1", "--notes", notes)
        return job, self.terminal("watch", str(log), *known, *words)

    def terminal(self, *words: str, environ: Mapping[str, str] | None = None) -> pexpect.spawn:
        """Run a command in a pseudo-terminal of 100 columns."""
        argv = [*TRAINWATCH[1:], *words]
        opened = pexpect.spawn(
            TRAINWATCH[0],
            argv,
            cwd=str(self.folder),
            env={**self.environ, **(environ or {})},
            dimensions=(40, 100),
            timeout=120,
            encoding="utf-8",
            # Tests that were started in the background have Ctrl-C switched off, and would pass that on.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        self.opened.append(opened)
        return opened

    def training(self) -> subprocess.Popen[bytes]:
        """A process that stands for a training."""
        job = subprocess.Popen(["/bin/sleep", "900"], start_new_session=True)
        self.jobs.append(job)
        return job

    def clear(self) -> None:
        """End whatever was started here."""
        for opened in self.opened:
            opened.close(force=True)
        for job in self.jobs:
            job.kill()
            job.wait()

    def log(self, losses: list[str], name: str = "train.log") -> Path:
        """A training log with one line for each loss, appended to what is there."""
        path = self.folder / name
        first = len(path.read_text().splitlines()) if path.exists() else 0
        with path.open("a") as file:
            file.writelines(f"step={first + n} loss={loss}\n" for n, loss in enumerate(losses))
        return path


def falling(count: int = 120) -> list[str]:
    """Losses of a run that learns."""
    return [f"{2.0 / (1 + n / 40) + 0.01 * (n % 3):.4f}" for n in range(count)]
