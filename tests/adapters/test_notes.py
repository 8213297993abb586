"""Notes are appended whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.notes import FileNotebook
from trainwatch_core.model.errors import StorageError


class HurriedClock(SystemClock):
    """Time in which every pause is short and every look at the watch is a second later."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> datetime:
        """Not used."""
        return super().now()

    def monotonic(self) -> float:
        """A second later each time."""
        self._seconds += 1.0
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """No time."""
        del seconds


@pytest.fixture
def notebook() -> FileNotebook:
    return FileNotebook(SystemClock())


def test_a_note_begins_the_file_or_a_new_paragraph(tmp_path: Path, notebook: FileNotebook) -> None:
    """A new file begins with the note; later ones stand apart by one empty line, also after a line without an end."""
    notes = tmp_path / "notes.md"
    notebook.append(str(notes), "## One\n")
    notebook.append(str(notes), "## Two")
    assert notes.read_text(encoding="utf-8") == "## One\n\n## Two\n"
    notes.write_text("mine, unfinished", encoding="utf-8")
    notebook.append(str(notes), "## Three é\udcff\n\n")
    assert notes.read_text(encoding="utf-8") == "mine, unfinished\n\n## Three é?\n"


def test_a_link_to_a_file_is_followed(tmp_path: Path, notebook: FileNotebook) -> None:
    """Notes often live elsewhere; the link stays a link."""
    (tmp_path / "link.md").symlink_to(tmp_path / "real.md")
    notebook.append(str(tmp_path / "link.md"), "x")
    assert (tmp_path / "real.md").read_text(encoding="utf-8") == "x\n"
    assert (tmp_path / "link.md").is_symlink()


def test_notes_of_many_writers_do_not_mix(tmp_path: Path) -> None:
    """Twenty threads with own handles append at once: every note is there, once and in one piece."""
    notes = tmp_path / "notes.md"
    texts = [f"note {number} " + "x" * 5000 for number in range(20)]
    writers = [threading.Thread(target=FileNotebook(SystemClock()).append, args=(str(notes), text)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = notes.read_text(encoding="utf-8").removesuffix("\n").split("\n\n")
    assert sorted(found) == sorted(texts)


def test_what_is_no_file_is_refused(tmp_path: Path, notebook: FileNotebook) -> None:
    """F-L03: a pipe, a device, a directory, a missing directory and a NUL are errors, and none of them hangs."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        for place in (tmp_path / "pipe", "/dev/null", tmp_path, tmp_path / "none" / "x.md", "a\0b", ""):
            with pytest.raises(StorageError, match="could not be appended"):
                notebook.append(str(place), "x")
        # Nobody wrote: a pipe without writers is at its end.
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


def test_a_file_that_somebody_else_holds_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """A lock that is never given back ends in an error after some seconds, with the file as it was."""
    notes = tmp_path / "notes.md"
    notes.write_text("mine\n", encoding="utf-8")
    with notes.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StorageError):
            FileNotebook(HurriedClock()).append(str(notes), "x")
    assert notes.read_text(encoding="utf-8") == "mine\n"


LIMITED = """
import os, resource, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.notes import FileNotebook
from trainwatch_core.model.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    FileNotebook(SystemClock()).append(sys.argv[2], "x" * 4000)
except StorageError as error:
    print(error)
"""


def test_half_a_note_is_taken_back(tmp_path: Path) -> None:
    """F-D01: when only a part can be written the file is as it was, and the error says so."""
    notes = tmp_path / "notes.md"
    notes.write_text("m" * 2000 + "\n", encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, os.pathsep.join(sys.path), str(notes)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert told.startswith("The note could not be appended: ")
    assert notes.read_text(encoding="utf-8") == "m" * 2000 + "\n"
