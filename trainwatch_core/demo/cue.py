"""When the demo's training may go wrong: once it was seen to be well, for no clock knows how busy a machine is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from trainwatch_core.model.errors import TrainwatchError

CUE = "decay-begins"
"""File at which the training's learning rate starts to go wrong."""
HEALTHY_ROUNDS = 2
_LOOK_EVERY = 0.5


@contextlib.contextmanager
def cue(file: Path, healthy_rounds: Callable[[], int]) -> Iterator[None]:
    """Make the file once so many rounds as it takes were told to be healthy, while the block lasts.

    Args:
        file: What the training waits for.
        healthy_rounds: How many there were; may fail, and is asked again then.
    """
    over = threading.Event()

    def wait() -> None:
        while not over.wait(_LOOK_EVERY):
            with contextlib.suppress(OSError, TrainwatchError):
                if healthy_rounds() >= HEALTHY_ROUNDS:
                    file.touch()
                    return

    watcher = threading.Thread(target=wait, name="demo-cue", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(timeout=15.0)
