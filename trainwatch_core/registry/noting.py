"""What is written on a run in its tracker."""

from __future__ import annotations

from collections.abc import Callable

from trainwatch_core.config import Settings
from trainwatch_core.model.run import RunRef


def write_back_of(settings: Settings) -> Callable[[RunRef, str, str], None] | None:
    """Puts a tag and a note on a W&B run; None if the file does not switch it on."""
    if not settings.wandb.write_back:
        return None

    def write(run: RunRef, tag: str, text: str) -> None:
        from trainwatch_core.adapters.sources.wandb.noting import put_note  # noqa: PLC0415  # a process that writes nothing starts without it
        from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # a process that writes nothing starts without it

        put_note(load_endpoint(settings.wandb.base_url), run, tag, text, seconds=settings.wandb.timeout)

    return write
