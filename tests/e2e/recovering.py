"""A training that recovers, and a bot that looks at it: for the test, and for the pictures of the documentation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainwatch_core.demo.lookalike import lookalike
from trainwatch_core.demo.person import Person, person
from trainwatch_core.demo.scene import RUN_ID, Stage, bot
from trainwatch_core.demo.service import service

TRAINING = Path(__file__).with_name("mislabelled.py")
OVER = "well again|is back at"
"""What a report says of a run that was bad and is not."""


@contextmanager
def recovering(program: Path, folder: Path) -> Iterator[tuple[Stage, Person]]:
    """The training that meets bad labels once the stage's cue is there; bot, look-alike, and Ana at its page."""
    stage = Stage(folder, 0, folder / "train.log")
    argv = [sys.executable, str(TRAINING), str(folder), str(stage.cue)]
    environ = {**os.environ, "WANDB_RUN_ID": RUN_ID, "WANDB_NAME": RUN_ID}
    with service("The training", argv, stage.log, environ, patience=0.5) as running:
        running.until(lambda: "step=100 " in stage.log.read_text(errors="replace") or None, within=120.0)
        stage = Stage(folder, running.process.pid, stage.log)
        with (
            lookalike(program, folder) as shown,
            bot(shown, stage),
            person(shown, folder / "screenshots") as ana,
        ):
            yield stage, ana
