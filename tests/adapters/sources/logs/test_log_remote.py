"""A log on another machine, read over a real sshd on the loopback interface."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.logs.growing import Bounds
from trainwatch_core.adapters.sources.logs.remote import RemoteLogSource
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.ssh.files import RemoteFiles
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.testing.sshd import Sshd

pytestmark = pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The folder there that logs may lie in."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def log(logs: Path) -> Path:
    """A log of ten steps."""
    path = logs / "train.log"
    path.write_text(lines(1, 10))
    return path


def lines(first: int, last: int) -> str:
    return "".join(f"step={step} loss={1000.5 - step}\n" for step in range(first, last + 1))


def steps(batch: Batch) -> list[float]:
    return batch.rows["loss"].steps.tolist() if "loss" in batch.rows else []


def stored(batch: Batch) -> Cursor:
    """The cursor as it comes back from the store."""
    cursor: Cursor = json.loads(json.dumps(batch.cursor))
    return cursor


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_each_look_brings_only_what_is_new(room: SshRoom, log: Path, logs: Path) -> None:
    """By offset, over one kept connection, with the host named in the report."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    batch = source.fetch(None, deadline=60)
    assert (source.key, source.status, source.kind) == ("log", SourceStatus.LOG_FALLBACK, "log over SSH")
    assert steps(batch) == list(range(1, 11))
    assert batch.inspected == (f"gpu1:{log}",)
    assert (batch.info.name, batch.info.last_step) == ("train.log", 10)
    assert batch.tail[-1] == "step=10 loss=990.5"
    for last in (11, 12):
        append(log, lines(last, last) + "step=9")
        batch = source.fetch(stored(batch), deadline=60)
        assert steps(batch) == [last]
        append(log, "00 lr=1\n")
        batch = source.fetch(stored(batch), deadline=60)


def test_one_connection_is_kept(room: SshRoom, sshd: Sshd, log: Path, logs: Path) -> None:
    """A round costs a question, not a login; a connection that died is made anew."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    batch = source.fetch(None, deadline=60)
    batch = source.fetch(stored(batch), deadline=60)
    assert sshd.connections == 1
    sshd.drop()
    append(log, lines(11, 11))
    assert steps(source.fetch(stored(batch), deadline=60)) == [11]
    assert sshd.connections == 2


@pytest.mark.parametrize("change", ["truncated", "rewritten"])
def test_another_log_under_the_same_name_is_read_anew(room: SshRoom, log: Path, logs: Path, change: str) -> None:
    """F-L06: what was known is void when the bytes before the cursor are not what they were."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    batch = source.fetch(None, deadline=60)
    log.write_text(lines(1, 3) if change == "truncated" else "a header\n" + lines(1, 300))
    batch = source.fetch(stored(batch), deadline=60)
    assert batch.restarted
    assert steps(batch)[:3] == [1, 2, 3]


def test_a_log_that_is_rotated_goes_on(room: SshRoom, log: Path, logs: Path) -> None:
    """Nothing between the last look and the rotation is lost, and nothing is void."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    batch = source.fetch(None, deadline=60)
    append(log, lines(11, 15))
    log.rename(f"{log}.1")
    log.write_text(lines(16, 18))
    batch = source.fetch(stored(batch), deadline=60)
    assert not batch.restarted
    assert steps(batch) == list(range(11, 19))


def test_a_log_that_was_emptied_goes_on_where_its_steps_go_on(room: SshRoom, log: Path, logs: Path) -> None:
    """Another old log under PATH.1 is not taken for the rest of this one."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    batch = source.fetch(None, deadline=60)
    Path(f"{log}.1").write_text(lines(500, 600))
    log.write_text(lines(11, 12))
    batch = source.fetch(stored(batch), deadline=60)
    assert not batch.restarted
    assert steps(batch) == [11, 12]


def test_a_long_log_is_read_from_near_its_end(room: SshRoom, log: Path, logs: Path) -> None:
    """The first look at a log of gigabytes moves a few megabytes."""
    log.write_text(lines(1, 20_000))
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),), Bounds(first=64 * 1024))
    batch = source.fetch(None, deadline=60)
    assert steps(batch)[-1] == 20_000
    assert len(steps(batch)) < 5_000
    assert any("older lines were not read" in note for note in batch.notes)


def _outside(log: Path) -> str:
    other = log.parent.parent / "secret.log"
    other.write_text(lines(1, 3))
    return str(other)


def _link_outside(log: Path) -> str:
    (log.parent / "link.log").symlink_to(_outside(log))
    return str(log.parent / "link.log")


def _dots(log: Path) -> str:
    return f"{log.parent}/../{Path(_outside(log)).name}"


def _fifo(log: Path) -> str:
    os.mkfifo(log.parent / "fifo.log")
    return str(log.parent / "fifo.log")


def _packed(log: Path) -> str:
    (log.parent / "log.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\0" * 40)
    return str(log.parent / "log.gz")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (_outside, "outside of the allowed directories of that host"),
        (_link_outside, "outside of the allowed directories of that host"),
        (_dots, "outside of the allowed directories of that host"),
        (_fifo, "no regular file"),
        (_packed, "compressed"),
        (lambda log: str(log.parent), "no regular file"),
        (lambda log: f"{log}.not", "no such log file"),
        (lambda log: f"{log}\0x", "could not be read|no such log file|cannot"),
    ],
)
def test_what_is_no_log_is_refused(room: SshRoom, log: Path, logs: Path, place: object, words: str) -> None:
    """F-L03, F-L04, F-L07: `..`, links, pipes, archives, folders; held against log_roots after links are followed."""
    assert callable(place)
    source = RemoteLogSource("gpu1", place(log), room, (str(logs),))
    with pytest.raises(SourceUnavailableError, match=words):
        source.fetch(None, deadline=30)


def test_without_roots_no_log_is_read_there(room: SshRoom, log: Path) -> None:
    """An empty list means none, and the error says where to allow it."""
    with pytest.raises(SourceUnavailableError, match=r"hosts\.gpu1"):
        RemoteLogSource("gpu1", str(log), room, ()).fetch(None, deadline=30)


def test_files_of_the_kernel_are_no_logs(room: SshRoom) -> None:
    """Not even where the whole machine is allowed: the environment of a process is full of secrets."""
    with pytest.raises(SourceUnavailableError, match="outside"):
        RemoteLogSource("gpu1", "/proc/self/environ", room, ("/",)).fetch(None, deadline=30)


def test_a_host_that_is_away_is_unreachable_not_bad(room: SshRoom, sshd: Sshd, log: Path, logs: Path) -> None:
    """The sentence names the host; the deadline holds."""
    source = RemoteLogSource("gpu1", str(log), room, (str(logs),))
    sshd.stop()
    with pytest.raises(SourceUnavailableError, match="gpu1"):
        source.fetch(None, deadline=10)
    with pytest.raises(SourceUnavailableError, match="not one that trainwatch may connect to"):
        RemoteLogSource("gpu9", str(log), room, (str(logs),)).fetch(None, deadline=10)


def test_a_link_that_is_changed_in_between_leads_nowhere_else(room: SshRoom, log: Path, logs: Path) -> None:
    """What is read is what was held against the roots: the real path, not the name."""
    link = logs / "now.log"
    link.symlink_to(log)

    class Racing:
        @contextmanager
        def files(self, host: str, *, timeout: float) -> Iterator[RemoteFiles]:
            with room.files(host, timeout=timeout) as files:
                real = files.real

                def changed(path: str) -> str:
                    found = real(path)
                    if path == str(link):
                        link.unlink()
                        link.symlink_to(_outside(log))
                    return found

                files.real = changed  # type: ignore[method-assign]  # somebody on that host, faster than we
                yield files

    batch = RemoteLogSource("gpu1", str(link), Racing(), (str(logs),)).fetch(None, deadline=30)
    assert steps(batch) == list(range(1, 11))
