"""What the terminal shows, and the keys that it reads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.cli.screen import Keys, Screen, cells
from trainwatch_core.model.message import Body, FinalSummary, Notice, Picture, StopOutcome
from trainwatch_core.model.stop import RequestState

Typed = Callable[[bytes], str]


class Paper(io.StringIO):
    """A terminal on paper."""

    def isatty(self) -> bool:
        """It is treated like one."""
        return True


def screen(**environ: str) -> tuple[Screen, Paper]:
    """A screen of an interactive terminal."""
    paper = Paper()
    made = Screen(paper, {"TERM": "xterm", **environ})
    made.interactive = True
    return made, paper


@pytest.fixture
def typed() -> Iterator[Typed]:
    """What keys are read when these bytes come in."""
    read, write = os.pipe()

    def through(data: bytes) -> str:
        os.write(write, data)
        return Keys(read).read(5)

    yield through
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("data", "keys"), [(b"y\n", "y\n"), (b"\x1b[A\x1b[C", ""), (b"\x1bOPc", "c"), (b"\x1b", ""), (b"\xffn", "�n")]
)
def test_arrow_and_function_keys_are_no_letters(typed: Typed, data: bytes, keys: str) -> None:
    """The right arrow ends with a C, which would look at the run."""
    assert typed(data) == keys


def test_an_input_that_cannot_be_read_counts_as_closed(tmp_path: Path) -> None:
    """That is what nohup gives a program for its input."""
    descriptor = os.open(tmp_path / "nohup", os.O_WRONLY | os.O_CREAT)
    try:
        keys = Keys(descriptor)
        assert keys.read(5) == ""
        assert not keys.open
        assert keys.read(0) == ""
    finally:
        os.close(descriptor)


def test_a_status_line_never_wraps_whatever_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wrapped could not be wiped any more: wide letters count for two."""
    monkeypatch.setenv("COLUMNS", "20")
    made, paper = screen()
    made.status("訓練" * 20)
    assert cells(paper.getvalue()) == 18
    made.print("done")
    assert paper.getvalue().split("\r\x1b[2K")[1].startswith("done\n訓練")


def test_words_of_ours_are_wrapped_and_commands_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is there to be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    made, paper = screen()
    command = "    trainwatch watch aaaaaaaa bbbbbbbb cccccccc dddddddd"
    made.tell(f"Nobody looks at it until you go on with this command:\n{command}")
    assert paper.getvalue() == f"Nobody looks at it until you go on with\nthis command:\n{command}\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (Picture("w", 1, "", ""), "one\ntwo\n"),
        (FinalSummary("w", "r", "", ()), "\x1b[36m\x1b[1mone\x1b[0m\ntwo\n"),
        (Notice("w", ""), "\x1b[36m\x1b[1mone\ntwo\x1b[0m\n"),
        (StopOutcome("w", "r", RequestState.FAILED, (), loud=True), "\x1b[31m\x1b[1mone\ntwo\x1b[0m\n"),
    ],
)
def test_colour_tells_the_kind_and_is_readable_on_any_background(body: Body, shown: str) -> None:
    """Nothing is white: on a light terminal it could not be read."""
    made, paper = screen()
    made.say(body, "one\ntwo")
    assert paper.getvalue() == shown
    made, paper = screen(NO_COLOR="1")
    made.say(body, "one\ntwo")
    assert paper.getvalue() == "one\ntwo\n"
