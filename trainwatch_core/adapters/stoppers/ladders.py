"""The ladder of a stop: save the state first, then ask politely, wait, and use force last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.stop import StopStep

TERM_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that a trainer may be asked with to end by itself, or to save its state."""

_TOUCH = "/usr/bin/touch"


@dataclass(frozen=True, slots=True)
class Ladder:
    """How a job is stopped.

    Attributes:
        grace: Seconds between the polite request and force.
        kill_wait: Seconds to wait after force; None if it shall never be used.
        term: The polite signal, one of TERM_SIGNALS.
        checkpoint: A signal that makes the trainer save its state, sent first; empty for none.
        switch: A file that makes the trainer save its state and end, made first; empty for none.
        save: Seconds that the trainer may take for that.

    Raises:
        InvalidInputError: If one of them cannot be used.
    """

    grace: float = 30.0
    kill_wait: float | None = 10.0
    term: str = "SIGTERM"
    checkpoint: str = ""
    switch: str = ""
    save: float = 60.0

    def __post_init__(self) -> None:
        for signal in (self.term, self.checkpoint or self.term):
            if signal not in TERM_SIGNALS:
                raise InvalidInputError(
                    "This signal does not ask a process to end",
                    where=signal,
                    todo=f"One of {', '.join(TERM_SIGNALS)}",
                )
        if not all(0 <= wait < float("inf") for wait in (self.grace, self.kill_wait or 0.0, self.save)):
            raise InvalidInputError(
                "The waits of a stop are numbers of seconds", where=f"{self.grace}, {self.kill_wait}, {self.save}"
            )

    def saving(self, signal: Callable[[str, str, float], StopStep] | None) -> list[StopStep]:
        """The rungs that let the trainer save its state.

        Args:
            signal: Makes a rung that sends a signal: (label, signal, wait); None where that cannot be done.
        """
        steps = []
        if self.switch:
            label = f"Make the file {self.switch}, so that the trainer saves its state"
            steps.append(StopStep(label, argv=(_TOUCH, "--", self.switch), wait=self.save))
        if self.checkpoint and signal is not None:
            label = f"{self.checkpoint}, so that the trainer saves its state"
            steps.append(signal(label, self.checkpoint, self.save))
        return steps


def by_signal(label: str, signal: str, wait: float) -> StopStep:
    """A rung that trainwatch itself sends."""
    return StopStep(label, signal=signal, wait=wait)
