"""Who looks after a watch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trainwatch_core.adapters.attachment import Attachment
from trainwatch_core.model.errors import ConflictError, StorageError

_HOLD = """
import sys
from pathlib import Path
from trainwatch_core.adapters.attachment import Attachment
attachment = Attachment(Path(sys.argv[1]))
attachment.take("w1")
print("held", flush=True)
sys.stdin.read()
"""


def test_one_process_holds_a_watch_until_it_dies(tmp_path: Path) -> None:
    """A kill -9 lets go of it at once: the kernel does."""
    argv = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        mine = Attachment(tmp_path)
        with pytest.raises(ConflictError, match=str(holder.pid)):
            mine.take("w1")
        mine.take("w2")
        holder.kill()
        holder.wait()
        mine.take("w1")
        mine.release()


def test_taking_twice_is_taking_once(tmp_path: Path) -> None:
    """The process that holds it may ask again."""
    mine = Attachment(tmp_path / "new")
    mine.take("w1")
    mine.take("w1")
    mine.release()
    other = Attachment(tmp_path / "new")
    other.take("w1")
    other.release()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """What, where."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="lock file"):
        Attachment(tmp_path / "file" / "below").take("w1")
