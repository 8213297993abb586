"""The demo in the browser: a training, the bot, and the look-alike around them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwatch_core.demo.cue import CUE, cue
from trainwatch_core.demo.lookalike import PERSON, TOKENS, Lookalike, lookalike
from trainwatch_core.demo.service import Service, service

PROJECT, RUN_ID = "demo/trainwatch-demo", "mlp-1"
RUN = f"{PROJECT}/{RUN_ID}"
BOT = (sys.executable, "-m", "bot")
TRAINING = (sys.executable, "-m", "trainwatch_core.demo.training")
_PLANNED_SECONDS = 900
_CONNECTED_WITHIN = _TRAINING_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo happens.

    Attributes:
        folder: Everything that is written lies in it.
        pid: Of the training.
        log: What the training prints.
    """

    folder: Path
    pid: int
    log: Path

    @property
    def cue(self) -> Path:
        """The file that the training waits for."""
        return self.folder / CUE

    def config(self, *, interval: float, grace: float, further: str) -> str:
        """The `trainwatch.toml` of the demo's bot; `further` are lines of it that come last."""
        return "\n".join(
            (
                f"data_dir = {_toml(self.folder)}",
                f"admins = [{_toml(PERSON)}]",
                "[log]",
                f"roots = [{_toml(self.folder)}]",
                "[stop]",
                f"auto_grace = {grace}",
                "grace = 5",
                "[[project]]",
                'match = "demo/*"',
                f"offline = {_toml(self.folder / 'wandb')}",
                f"log = {_toml(self.log)}",
                f"launch = {_toml(f'pid:{self.pid}')}",
                f"notes = {_toml(self.folder / 'NOTES.md')}",
                'baseline = { "eval/loss" = 0.9 }',
                f"interval = {interval}",
                f"policy.suspicious_interval = {min(interval, 3.0)}",
                further,
                "",
            )
        )


@contextlib.contextmanager
def training(folder: Path) -> Iterator[tuple[Stage, Service]]:
    """Start the training; whatever happens, nothing of it is left at the end.

    Raises:
        TrainwatchError: If it does not begin.
    """
    log = folder / "train.log"
    argv = [*TRAINING, "--dir", str(folder), "--seconds", str(_PLANNED_SECONDS), "--break-when", str(folder / CUE)]
    environ = {**os.environ, "WANDB_RUN_ID": RUN_ID, "WANDB_NAME": RUN_ID}
    with service("The training", argv, log, environ, patience=0.5) as running:
        running.until(lambda: "run directory: " in log.read_text(errors="replace") or None, within=_TRAINING_WITHIN)
        yield Stage(folder, running.process.pid, log), running


@contextlib.contextmanager
def bot(
    shown: Lookalike, stage: Stage, *, interval: float = 5.0, grace: float = 5.0, further: str = ""
) -> Iterator[Service]:
    """Run the bot against the look-alike while the block lasts.

    Args:
        shown: Where it connects.
        stage: What it watches.
        interval: Seconds between two looks.
        grace: Seconds that automatic mode waits for an objection.
        further: Lines of its configuration that come last.

    Raises:
        TrainwatchError: If it does not connect.
    """
    file = stage.folder / "trainwatch.toml"
    file.write_text(stage.config(interval=interval, grace=grace, further=further))
    with service("The bot", BOT, stage.folder / "bot.log", _environ(shown, file)) as running:
        running.until(lambda: True if shown.connected() else None, within=_CONNECTED_WITHIN)
        yield running


def _healthy_rounds(shown: Lookalike) -> int:
    said = [message for message in shown.messages() if message.get("thread_ts") and message.get("bot_id")]
    return sum("CONTINUE" in json.dumps(message) for message in said)


@contextlib.contextmanager
def play(
    program: Path, stage: Stage, say: Callable[[str], None], *, grace: float = 5.0, further: str = ""
) -> Iterator[Lookalike]:
    """The whole scene: look-alike, bot and cue, while the block lasts.

    Args:
        program: Of the look-alike.
        stage: Where it happens.
        say: Tells the person what goes on.
        grace: Seconds that automatic mode waits for an objection.
        further: Lines of the bot's configuration that come last.

    Raises:
        TrainwatchError: If a part of it does not begin.
    """
    with contextlib.ExitStack() as parts:
        say("Starting the Slack look-alike and the bot ...")
        shown = parts.enter_context(lookalike(program, stage.folder))
        parts.enter_context(bot(shown, stage, grace=grace, further=further))
        parts.enter_context(cue(stage.cue, lambda: _healthy_rounds(shown)))
        yield shown


def _environ(shown: Lookalike, file: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "TRAINWATCH_"))}
    return {**kept, **TOKENS, "SLACK_API_URL": shown.api_url, "TRAINWATCH_CONFIG": str(file), "PYTHONUNBUFFERED": "1"}


def _toml(value: object) -> str:
    """A text as TOML writes it: JSON's escapes are among its own."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
