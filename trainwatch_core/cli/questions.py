"""Questions that wait for an answer: which one is shown, and what is typed to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from trainwatch_core.cli.screen import cells
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import StopRequest

DEAF = 1.0
"""Seconds after a change of the prompt in which no key counts: who typed meant what was shown before."""
_LONGEST_ANSWER = 20
_SHORTEST_NAME = 8


class Answer(Enum):
    """What a line that was typed means."""

    STOP = "stop"
    KEEP = "keep"
    UNCLEAR = "unclear"
    EARLY = "early"


_WORDS = {"y": Answer.STOP, "yes": Answer.STOP, "n": Answer.KEEP, "no": Answer.KEEP, "": Answer.KEEP}
_KEEPING = {"k": Answer.KEEP, "keep": Answer.KEEP}
"""In automatic mode only a clear word takes the stop back, and nothing needs to approve it."""


@dataclass(frozen=True, slots=True)
class _Shown:
    request_id: str
    automatic: bool


class Questions:
    """A queue of questions, of which the first is shown.

    An answer belongs to the question whose prompt stood there while it was typed. When another prompt takes its place,
    what was typed is forgotten and keys count for nothing for a moment.

    Args:
        monotonic: The clock for that moment.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting: list[StopQuestion] = []
        self._shown: _Shown | None = None
        self._typed = ""
        self._swallowed = False
        self._deaf_until = 0.0
        self._announced: _Shown | None = None

    @property
    def request_ids(self) -> Sequence[str]:
        """The requests that are asked about, first one first."""
        return [question.request_id for question in self._waiting]

    @property
    def shown(self) -> str:
        """The request whose prompt stands there; empty if none does."""
        return self._shown.request_id if self._shown else ""

    def add(self, question: StopQuestion) -> None:
        """Put a question at the end, once."""
        if question.request_id not in self.request_ids:
            self._waiting.append(question)

    def drop(self, request_id: str) -> None:
        """Forget a question; nothing that is typed counts until the next prompt stands there."""
        self._waiting = [question for question in self._waiting if question.request_id != request_id]
        if self.shown == request_id:
            self._show(None)

    def type(self, key: str) -> Answer | None:
        """Take one key; the answer to the question that is shown when its line is complete."""
        if self._shown is None:
            return None
        ends = key in {"\n", "\r"}
        # What came too early counts for nothing, and who typed it is told instead of waiting: neither is the rest of
        # a `y` that was swallowed an empty line.
        if not self._listening or (ends and self._swallowed and not self._typed):
            self._swallowed = not ends
            return Answer.EARLY if ends else None
        if ends:
            words = _KEEPING if self._shown.automatic else _WORDS | _KEEPING
            line, self._typed = self._typed.strip().lower(), ""
            return words.get(line, Answer.UNCLEAR if line else None)
        if key in {"\b", "\x7f"}:
            self._typed = self._typed[:-1]
        elif key.isprintable():
            self._typed = (self._typed + key)[:_LONGEST_ANSWER]
        return None

    def prompt(self, request: StopRequest, now: datetime, columns: int) -> str:
        """The prompt of the first question, which from now on is the one that is shown.

        Args:
            request: Its row, which knows whether automatic mode still acts.
            now: Aware, UTC.
            columns: The line's; a long name gives way to what must be read.
        """
        shown = _Shown(request.id, request.execute_after is not None)
        if shown != self._shown:
            self._show(shown)
        which = f"(1 of {len(self._waiting)}) " if len(self._waiting) > 1 else ""
        asks = self._asks(request, now)
        name = _shortened(self._waiting[0].run, columns - cells(which + asks) - 1)
        return f"{which}{name}{asks}"

    def announce(self) -> bool:
        """Whether the prompt must be printed where none can stand: once, as soon as keys count."""
        if self._shown == self._announced or not self._listening:
            return False
        self._announced = self._shown
        return True

    @property
    def _listening(self) -> bool:
        return self._monotonic() >= self._deaf_until

    def _show(self, shown: _Shown | None) -> None:
        self._shown, self._typed, self._announced = shown, "", None
        self._swallowed = False
        self._deaf_until = self._monotonic() + DEAF

    def _asks(self, request: StopRequest, now: datetime) -> str:
        # What invites an answer is only there while one is heard.
        if request.execute_after is None:
            return f": Stop it? [y/N] {self._typed}" if self._listening else ": Stop it?"
        left = max(timedelta(0), request.execute_after - now)
        stops = f": I stop it in {say_duration(round(left.total_seconds()))}."
        return f"{stops} Type k and Enter to keep it: {self._typed}" if self._listening else stops


def _shortened(name: str, columns: int) -> str:
    room = max(columns, _SHORTEST_NAME)
    if cells(name) <= room:
        return name
    while cells(name) > room - len("..."):
        name = name[:-1]
    return f"{name}..."
