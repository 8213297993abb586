"""What the terminal shows: messages scroll, one status line stays at the bottom, keys are read without waiting."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import sys
import termios
import textwrap
import threading
import tty
import unicodedata
from collections.abc import Iterator
from typing import TextIO

import click

from trainwatch_core.cli.streams import UNSHOWABLE
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import Body, FinalSummary, Notice, Report, StopOutcome, StopQuestion, StopReminder

_COLOURS = {Decision.CONTINUE: "green", Decision.WAIT: "yellow", Decision.STOP: "red"}
_MAX_WIDTH = 100
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[@-~]|O.)?")
"""What arrow and function keys send: their letters are no answer."""


class Screen:
    """A terminal, or a pipe that is treated like one without its tricks.

    Args:
        out: Where text goes.
        environ: For NO_COLOR and TERM.
    """

    def __init__(self, out: TextIO, environ: dict[str, str]) -> None:
        self._out = out
        self.interactive = out.isatty() and sys.stdin.isatty() and environ.get("TERM", "dumb") != "dumb"
        self._colour = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"
        self._status = ""
        self._lock = threading.RLock()

    def columns(self) -> int:
        """Columns of the terminal."""
        return shutil.get_terminal_size((_MAX_WIDTH, 24)).columns

    def width(self) -> int:
        """Columns to wrap at: the terminal's, at most 100, because longer lines read badly."""
        return min(self.columns(), _MAX_WIDTH)

    def say(self, body: Body, text: str) -> None:
        """Print a message; its head says by its colour what kind it is, if there are colours."""
        self.print(_coloured(body, text) if self._colour else text)

    def print(self, text: str) -> None:
        """Print lines above the status line."""
        with self._lock:
            self._wipe()
            self._out.write(f"{text}\n")
            self._draw()

    def tell(self, text: str) -> None:
        """Print words of ours, on a terminal wrapped; indented lines are commands and stay as they are."""
        if self._out.isatty():
            text = "\n".join(line if line.startswith(" ") else self._wrapped(line) for line in text.split("\n"))
        self.print(text)

    def status(self, text: str) -> None:
        """Set the status line; only shown on an interactive terminal."""
        with self._lock:
            if self.interactive and text != self._status:
                self._wipe()
                self._status = text
                self._draw()

    @contextlib.contextmanager
    def keys(self) -> Iterator[Keys]:
        """Read keys one by one while the block runs; the terminal is given back as it was."""
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor) if self.interactive else None
        try:
            if before is not None:
                tty.setcbreak(descriptor, termios.TCSANOW)
            yield Keys(descriptor)
        finally:
            # A terminal that is gone must not hide why the block ended.
            with contextlib.suppress(OSError, termios.error):
                if before is not None:
                    termios.tcsetattr(descriptor, termios.TCSANOW, before)
                self.status("")

    def _wrapped(self, line: str) -> str:
        return textwrap.fill(line, self.width(), break_long_words=False, break_on_hyphens=False)

    def _wipe(self) -> None:
        if self._status:
            self._out.write("\r\x1b[2K")

    def _draw(self) -> None:
        if self._status:
            encoding = self._out.encoding or "utf-8"
            line = self._status.encode(encoding, UNSHOWABLE).decode(encoding)
            # A line that wrapped could not be wiped any more.
            self._out.write(_clipped(line, self.columns() - 1))
        self._out.flush()


class Keys:
    """Keys as they are typed.

    Args:
        descriptor: Of the standard input.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.open = True

    def read(self, timeout: float) -> str:
        """What was typed within `timeout` seconds; empty if nothing was, or nothing ever will be."""
        if not self.open:
            threading.Event().wait(timeout)
            return ""
        try:
            ready, _, _ = select.select([self._descriptor], [], [], timeout)
            typed = os.read(self._descriptor, 1024) if ready else None
        except OSError:
            # Cannot be read (nohup gives one like that), or the terminal is gone.
            typed = b""
        if typed is None:
            return ""
        self.open = bool(typed)
        return _SEQUENCE.sub("", typed.decode("utf-8", "replace"))


def cells(text: str) -> int:
    """Columns that a text takes: two for a wide character, none for one that is put upon another."""
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _clipped(text: str, columns: int) -> str:
    taken = 0
    for index, char in enumerate(text):
        taken += _cells_of(char)
        if taken > columns:
            return text[:index]
    return text


def _coloured(body: Body, text: str) -> str:
    match body:
        case StopOutcome() | Notice():
            # A few sentences, wrapped: no line of them is the head.
            return click.style(text, fg="red" if body.loud else "cyan", bold=True)
        case Report():
            colour = _COLOURS[body.decision]
        case StopQuestion() | StopReminder():
            colour = "red"
        case FinalSummary():
            colour = "cyan"
        case _:
            return text
    head, separator, rest = text.partition("\n")
    return click.style(head, fg=colour, bold=True) + separator + rest
