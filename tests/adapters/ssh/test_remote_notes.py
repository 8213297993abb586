"""Project notes on another machine, against a real sshd."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from trainwatch_core.adapters.notes import FileNotebook
from trainwatch_core.adapters.remote_notes import LONGEST, RemoteNotebook, SortedNotebook
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.model.errors import StorageError
from trainwatch_core.testing.fakes import DictNotebook, FakeClock

pytestmark = pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the operator allows."""
    made = tmp_path / "notes"
    made.mkdir()
    return made


@pytest.fixture
def notebook(room: SshRoom, folder: Path) -> RemoteNotebook:
    """Of gpu1."""
    return RemoteNotebook(room, {"gpu1": (str(folder),)})


def test_notes_are_paragraphs_of_their_own(notebook: RemoteNotebook, folder: Path) -> None:
    """A new file, one that ends in a line, one that does not."""
    place = folder / "vision.md"
    notebook.append(f"gpu1:{place}", "\n## Größe\n\n- one\n")
    assert place.read_text() == "\n## Größe\n\n- one\n"
    notebook.append(f"gpu1:{place}", "two")
    assert place.read_text().endswith("- one\n\ntwo\n")
    place.write_text("by hand, without an end")
    notebook.append(f"gpu1:{place}", "three")
    assert place.read_text() == "by hand, without an end\n\nthree\n"


def test_a_note_whose_receipt_was_lost_is_not_written_twice(notebook: RemoteNotebook, folder: Path) -> None:
    """The outbox tries again."""
    for _ in range(3):
        notebook.append(f"gpu1:{folder}/vision.md", "## once")
    assert (folder / "vision.md").read_text() == "## once\n"


def test_notes_of_several_at_the_same_time_stay_whole(notebook: RemoteNotebook, folder: Path) -> None:
    """In one request each, appended by the system there."""
    texts = [f"{number} " * 2000 for number in range(100, 106)]
    threads = [threading.Thread(target=notebook.append, args=(f"gpu1:{folder}/v.md", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    written = (folder / "v.md").read_text()
    assert all(text.strip() in written for text in texts)


def test_a_note_that_is_too_long_is_cut(notebook: RemoteNotebook, folder: Path) -> None:
    """What is not one request could be torn apart."""
    notebook.append(f"gpu1:{folder}/v.md", "x" * (2 * LONGEST))
    assert (folder / "v.md").stat().st_size == LONGEST + 1


@pytest.mark.parametrize("name", ["../outside.md", "link.md", "linked/outside.md", "/etc/motd.md"])
def test_nothing_is_written_outside_of_the_folders(notebook: RemoteNotebook, folder: Path, name: str) -> None:
    """F-I08: dots and links lead nowhere."""
    outside = folder.parent / "outside.md"
    outside.write_text("theirs")
    (folder / "link.md").symlink_to(outside)
    (folder / "linked").symlink_to(folder.parent)
    path = name if name.startswith("/") else f"{folder}/{name}"
    with pytest.raises(StorageError, match="outside of the allowed folders"):
        notebook.append(f"gpu1:{path}", "x")
    with pytest.raises(StorageError, match="outside of the allowed folders"):
        notebook.require_writable(f"gpu1:{path}")
    assert outside.read_text() == "theirs"


def test_without_folders_nothing_is_written(room: SshRoom, folder: Path) -> None:
    """An empty list means nowhere."""
    with pytest.raises(StorageError, match="notes_roots"):
        RemoteNotebook(room, {}).append(f"gpu1:{folder}/v.md", "x")


def test_what_is_no_file_is_no_place_for_notes(notebook: RemoteNotebook, folder: Path) -> None:
    """A pipe would hang, a folder takes none; a folder that is missing is said."""
    os.mkfifo(folder / "pipe.md")
    (folder / "sub.md").mkdir()
    for name, why in (("pipe.md", "no regular file"), ("sub.md", "no regular file"), ("missing/v.md", "missing")):
        with pytest.raises(StorageError, match=why):
            notebook.append(f"gpu1:{folder}/{name}", "x")
        with pytest.raises(StorageError):
            notebook.require_writable(f"gpu1:{folder}/{name}")
    notebook.require_writable(f"gpu1:{folder}/new.md")
    assert not (folder / "new.md").exists()


def test_a_host_that_nobody_declared_is_gone_to_by_nobody(notebook: RemoteNotebook) -> None:
    """And said."""
    with pytest.raises(StorageError, match="not one that trainwatch may connect to"):
        notebook.append("gpu9:/x/v.md", "x")


def test_each_note_goes_into_its_notebook(tmp_path: Path) -> None:
    """By its path."""
    here, there = FileNotebook(FakeClock()), DictNotebook()
    both = SortedNotebook(here, there)
    both.append(str(tmp_path / "n.md"), "here")
    both.append("gpu1:/n.md", "there")
    both.require_writable("gpu1:/n.md")
    assert (tmp_path / "n.md").read_text() == "here\n"
    assert there.notes == {"gpu1:/n.md": "there"}
    there.fail_with = StorageError("no")
    with pytest.raises(StorageError):
        both.require_writable("gpu1:/n.md")
