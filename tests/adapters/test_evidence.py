"""Evidence is complete or not there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.evidence import DirectoryLocker, file_name, slug
from trainwatch_core.model.errors import StorageError

FILES = {"verdict.json": b"{}", "metrics.csv": b"step,loss\n1,2.0\n"}


def test_evidence_is_kept_as_it_was_given(tmp_path: Path) -> None:
    """Content is byte for byte the same, the directory is named after the watch, and nothing else is left over."""
    root = tmp_path / "state" / "evidence"
    kept = Path(DirectoryLocker(root).keep("run7-round-3", FILES))
    assert kept.parent == root
    assert kept.name.startswith("run7-round-3-")
    assert {each.name: each.read_bytes() for each in kept.iterdir()} == FILES
    assert list(root.iterdir()) == [kept]


def test_only_the_owner_can_read_evidence(tmp_path: Path) -> None:
    """Directories are 0700, files 0600, whatever the umask is."""
    before = os.umask(0)
    try:
        kept = Path(DirectoryLocker(tmp_path / "evidence").keep("x", FILES))
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.parent.stat().st_mode) == stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in kept.iterdir()} == {0o600}


def test_the_same_name_again_gets_a_number(tmp_path: Path) -> None:
    """A second look never overwrites the first one's evidence."""
    locker = DirectoryLocker(tmp_path)
    first = Path(locker.keep("x", {"a": b"1"}))
    second = Path(locker.keep("x", {"a": b"2"}))
    assert second.name == f"{first.name}-2"
    assert (first / "a").read_bytes() == b"1"


HOSTILE = [
    "../../.bashrc",
    "/etc/passwd",
    "..",
    ".",
    "",
    "x" * 4096,
    "a\nb",
    "CON",
    "nul.txt",
    "-rf",
    "a\0b",
    "\u202egnp.exe",
    "\udcff",
    "~root",
    "größe",
    "a/../b",
    ".hidden",
    "LPT1.csv",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_below_the_root(name: str, tmp_path: Path) -> None:
    """F-I09: the name of a run chooses no path, for the directory and for the files in it."""
    root = tmp_path / "evidence"
    kept = Path(DirectoryLocker(root).keep(name, {name: b"x"}))
    assert kept.resolve().parent == root.resolve()
    (only,) = kept.iterdir()
    assert only.resolve().parent == kept.resolve()
    assert only.read_bytes() == b"x"
    for part in (kept.name, only.name):
        assert part.isascii()
        assert len(part) <= 90
        assert not part.startswith((".", "-"))
        assert part.partition(".")[0].lower() not in {"con", "nul", "lpt1"}
    assert sorted(tmp_path.iterdir()) == [root]


def test_different_names_never_meet() -> None:
    """F-I09: names that look alike once they are made safe differ by their hash."""
    assert len({slug(name) for name in ("a/b", "a-b", "a b", "a\nb")}) == 4
    assert len({file_name(name) for name in ("a/b.csv", "a b.csv", "a-b.csv")}) == 3
    assert file_name("a/b.csv").endswith(".csv")
    assert file_name("loss.png") == "loss.png"


AS_SOMEBODY = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(os.pathsep)
from trainwatch_core.adapters.evidence import DirectoryLocker
from trainwatch_core.model.errors import StorageError
import encodings.idna
os.chdir(sys.argv[2])
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
try:
    DirectoryLocker(Path("evidence")).keep("x", {"a": b"1"})
except StorageError as error:
    print(error)
"""


def test_a_read_only_directory_is_said(tmp_path: Path) -> None:
    """F-D02: evidence that cannot be written is an error with the path and what to do."""
    tmp_path.chmod(0o555)
    told = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY, os.pathsep.join(sys.path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    tmp_path.chmod(0o755)
    assert told.startswith("The evidence could not be written: Permission denied (evidence). Make room")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    """F-D02: a file where the directory should be."""
    (tmp_path / "evidence").write_bytes(b"")
    with pytest.raises(StorageError, match="could not be written"):
        DirectoryLocker(tmp_path / "evidence").keep("x", FILES)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "trainwatch-test", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_no_half_evidence(small_disk: Path) -> None:
    """F-D01: when the disk is full nothing is left behind, and what was there is whole."""
    locker = DirectoryLocker(small_disk)
    first = Path(locker.keep("before", FILES))
    with pytest.raises(StorageError, match="No space left"):
        locker.keep("x", {"small": b"1", "big": b"x" * 200_000})
    assert list(small_disk.iterdir()) == [first]
    assert {each.name: each.read_bytes() for each in first.iterdir()} == FILES


LIMITED = """
import os, resource, sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(os.pathsep)
from trainwatch_core.adapters.evidence import DirectoryLocker
from trainwatch_core.model.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    DirectoryLocker(Path(sys.argv[2])).keep("x", {"small": b"1", "big": b"x" * 200_000})
except StorageError as error:
    print(error)
"""


def test_a_write_that_ends_halfway_leaves_no_half_evidence(tmp_path: Path) -> None:
    """F-D01: the second file could be written in part only: the whole directory is taken back."""
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, os.pathsep.join(sys.path), str(tmp_path / "evidence")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "File too large" in told
    assert list((tmp_path / "evidence").iterdir()) == []
