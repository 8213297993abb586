"""A log file is followed while it is written, and nothing that is not a log is ever read."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.logs import follow
from trainwatch_core.adapters.sources.logs.file import LogFileSource
from trainwatch_core.adapters.sources.logs.growing import Bounds
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.ports import Source

OLD = time.time() - 86400


def _lines(first: int, last: int) -> str:
    return "".join(f"step={step} loss={1000 - step}.5\n" for step in range(first, last + 1))


def _steps(batch: Batch) -> list[float]:
    return batch.rows["loss"].steps.tolist() if "loss" in batch.rows else []


def _next(cursor: Cursor) -> Cursor:
    """The cursor as the store gives it back."""
    loaded: Cursor = json.loads(json.dumps(cursor, allow_nan=False))
    return loaded


def _append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with ten steps."""
    path = tmp_path / "train.log"
    path.write_text(_lines(1, 10))
    return path


def test_a_file_is_a_source(log: Path) -> None:
    """It says what it is, what was looked at, how far the run is, and when the log last grew."""
    source: Source = LogFileSource(str(log))
    batch = source.fetch(None, deadline=60)
    assert (source.key, source.status, source.kind) == ("log", SourceStatus.LOG_FALLBACK, "log file")
    assert batch.inspected == (str(log),)
    assert batch.info.heartbeat_at == log.stat().st_mtime
    assert (batch.info.name, batch.info.last_step, batch.info.state) == ("train.log", 10, None)
    assert batch.tail[-1] == "step=10 loss=990.5"
    assert not batch.restarted


def test_each_look_brings_only_what_is_new(log: Path) -> None:
    """Every sample comes once, however the log grows."""
    source = LogFileSource(str(log))
    batch = source.fetch(None, deadline=60)
    assert _steps(batch) == list(range(1, 11))
    for last in range(11, 30):
        _append(log, _lines(last, last))
        batch = source.fetch(_next(batch.cursor), deadline=60)
        assert _steps(batch) == [last]
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.rows == {}
    assert batch.tail[-1] == "step=29 loss=971.5"


def test_a_half_written_line_waits_for_its_rest(log: Path) -> None:
    """A number that is only half there is never read as a number."""
    source = LogFileSource(str(log))
    _append(log, "step=11 loss=98")
    batch = source.fetch(None, deadline=60)
    assert _steps(batch)[-1] == 10
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.rows == {}
    _append(log, "9.5\n")
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.rows["loss"].values.tolist() == [989.5]


def test_the_last_line_of_a_log_that_rests_is_read_once(log: Path) -> None:
    """A run that ended without a line break loses nothing, and says nothing twice."""
    source = LogFileSource(str(log))
    _append(log, "step=11 loss=7.5")
    os.utime(log, (OLD, OLD))
    batch = source.fetch(None, deadline=60)
    assert _steps(batch)[-1] == 11
    assert source.fetch(_next(batch.cursor), deadline=60).rows == {}
    _append(log, " loss=8.5\n" + _lines(12, 12))
    assert _steps(source.fetch(_next(batch.cursor), deadline=60)) == [12]


@pytest.mark.parametrize("change", ["truncated", "rewritten in place", "replaced"])
def test_another_log_under_the_same_name_is_read_anew(log: Path, change: str) -> None:
    """F-L06: Truncation, rotation and rewriting are noticed, and what was known is declared void."""
    source = LogFileSource(str(log))
    batch = source.fetch(None, deadline=60)
    if change == "replaced":
        log.rename(log.with_suffix(".1"))
        log.write_text(_lines(1, 3) + _lines(4, 300))
    elif change == "truncated":
        log.write_text(_lines(1, 3))
    else:
        log.write_text("a header\n" + _lines(1, 300))
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.restarted
    assert _steps(batch)[:3] == [1, 2, 3]
    _append(log, _lines(301, 301))
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert not batch.restarted
    assert _steps(batch) == [301]


@pytest.mark.parametrize("how", ["moved aside", "copied and emptied"])
def test_a_log_that_is_rotated_goes_on(log: Path, how: str) -> None:
    """F-L06: Steps that go on in the new file keep what is known; lines that came before the move are not lost."""
    source = LogFileSource(str(log))
    cursor = _next(source.fetch(None, deadline=60).cursor)
    if how == "moved aside":
        _append(log, _lines(11, 12) + _lines(13, 13).rstrip("\n"))
        log.rename(log.with_name(f"{log.name}.1"))
        log.write_text("")
        batch = source.fetch(cursor, deadline=60)
        assert (batch.restarted, _steps(batch)) == (False, [11, 12, 13])
        cursor = _next(batch.cursor)
    else:
        log.write_text("")
    _append(log, _lines(14, 15))
    batch = source.fetch(cursor, deadline=60)
    assert (batch.restarted, _steps(batch)) == (False, [14, 15])


PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("how", PACKED)
def test_a_compressed_log_is_not_unpacked(log: Path, how: str) -> None:
    """F-L07: Also no bomb: it is refused by its first bytes, with the command that would read it."""
    log.write_bytes(PACKED[how](log.read_bytes() + bytes(10**8)))
    start = time.process_time()
    with pytest.raises(SourceUnavailableError, match="compressed") as caught:
        LogFileSource(str(log)).fetch(None, deadline=60)
    assert "cat ..." in caught.value.todo
    assert time.process_time() - start < 1


CROWD = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from trainwatch_core.adapters.sources.logs.file import LogFileSource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
def look(number):
    source, counts = LogFileSource(sys.argv[1]), []
    cursor = None
    for _ in range(3):
        batch = source.fetch(cursor, deadline=60)
        cursor = batch.cursor
        counts.append(sum(map(len, batch.rows.values())))
    return counts
with ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(pool.map(look, range(500)))))
"""


def test_five_hundred_watches_share_forty_files(log: Path) -> None:
    """F-L09: Every look gives back what it opened, so a crowd of watches does not run into the limit of open files."""
    argv = [sys.executable, "-c", CROWD, str(log)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [[10, 0, 0]] * 500


def test_progress_bars_escapes_and_broken_text_are_read_as_text(tmp_path: Path) -> None:
    """F-L05: Carriage returns, colours, invalid UTF-8, NULs and bidi characters hide no number and reach nobody."""
    log = tmp_path / "x.log"
    log.write_bytes(
        b"\xff\xfe\x1b[32mstep=1\x1b[0m loss=5.0\n"
        b"  1%| | 2/100 [00:01<00:10, 1.0it/s, loss=4.0]\r  2%| | 3/100 [00:01<00:10, 1.0it/s, loss=3.0]\r\n"
        b"s\0t\0e\0p\0=\0004\0 \0l\0o\0s\0s\0=\0002\0.\0005\0\n\0"
        b"1/9 - loss: 1.0\x08\x08\x08\x08\x08\n" + "step=5 \u202eloss=1.5\u202c\n".encode() + b"\xed\xa0\x80\n"
    )
    batch = LogFileSource(str(log)).fetch(None, deadline=60)
    values = batch.rows["loss"].values.tolist()
    assert values[:4] == [5.0, 4.0, 3.0, 2.5]
    assert values[-1] == 1.5
    assert all(line.isprintable() for line in batch.tail)
    assert "step=4 loss=2.5" in batch.tail
    "".join(batch.tail).encode()


def test_the_tail_is_short_and_redacted(tmp_path: Path) -> None:
    """F-I06: The last forty lines are kept for the evidence, without the key that is printed over several of them."""
    log = tmp_path / "x.log"
    key = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" for _ in range(3))
    log.write_text(
        _lines(1, 60) + f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n" + "y" * 5000 + "\n"
    )
    tail = LogFileSource(str(log)).fetch(None, deadline=60).tail
    assert len(tail) == 40
    assert "MIIE" not in "".join(tail)
    assert tail[-2] == "[redacted: private key]"
    assert len(tail[-1]) == 300


NO_LOGS = ("fifo", "device", "directory", "socket", "environ", "missing", "unreadable", "nul", "link to device")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", NO_LOGS)
def test_what_is_no_log_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """F-L03: FIFOs, devices, directories, sockets and files of the kernel are refused without waiting or reading."""
    path = tmp_path / "log"
    wanted = str(path)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(wanted)
    elif kind == "unreadable":
        path.write_text("x")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("root may read everything")
    elif kind == "link to device":
        path.symlink_to("/dev/zero")
    else:
        wanted = {"device": "/dev/zero", "environ": "/proc/self/environ", "nul": "a\0b"}.get(kind, wanted)
    start = time.monotonic()
    with pytest.raises(SourceUnavailableError) as caught:
        LogFileSource(wanted).fetch(None, deadline=60)
    assert time.monotonic() - start < 60
    assert caught.value.what
    assert caught.value.where


@pytest.mark.timeout(120)
@pytest.mark.parametrize("swapped", ["fifo", "device"])
def test_what_is_swapped_in_before_the_open_is_refused_too(
    log: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    """F-L03: A FIFO or device that takes the log's place after the first look neither blocks nor is read."""
    real, looks = follow._require_regular, []

    def look(found: os.stat_result, where: str) -> None:
        real(found, where)
        looks.append(where)
        log.unlink()
        os.mkfifo(log) if swapped == "fifo" else log.symlink_to("/dev/zero")

    monkeypatch.setattr(follow, "_require_regular", look)
    with pytest.raises(SourceUnavailableError, match="no regular file"):
        LogFileSource(str(log)).fetch(None, deadline=60)
    assert len(looks) == 1


def test_a_link_to_a_log_is_followed_but_not_to_the_kernel(tmp_path: Path, log: Path) -> None:
    """F-L03: Links are fine in one's own terminal; where they lead is looked at again."""
    good, bad = tmp_path / "latest.log", tmp_path / "env.log"
    good.symlink_to(log)
    bad.symlink_to("/proc/self/environ")
    assert _steps(LogFileSource(str(good)).fetch(None, deadline=60))
    with pytest.raises(SourceUnavailableError, match="kernel"):
        LogFileSource(str(bad)).fetch(None, deadline=60)


@pytest.mark.parametrize(
    "path", ["{root}/../other/x.log", "{root}/out.log", "{root}/dir/x.log", "{other}/x.log", "{root}2/x.log"]
)
def test_roots_hold_against_dots_and_links(tmp_path: Path, path: str) -> None:
    """F-L04: With roots, only what really lies under one of them is read."""
    root, other = tmp_path / "logs", tmp_path / "other"
    for directory in (root, other, tmp_path / "logs2"):
        directory.mkdir()
        (directory / "x.log").write_text(_lines(1, 3))
    (root / "out.log").symlink_to(other / "x.log")
    (root / "dir").symlink_to(other)
    (root / "in.log").symlink_to(root / "x.log")
    assert _steps(LogFileSource(str(root / "in.log"), (str(root),)).fetch(None, deadline=60)) == [1, 2, 3]
    with pytest.raises(SourceUnavailableError, match="outside"):
        LogFileSource(path.format(root=root, other=other), (str(root),)).fetch(None, deadline=60)


def test_a_link_that_is_swapped_meanwhile_never_leads_out(tmp_path: Path) -> None:
    """F-L04: What was opened is compared with what was allowed, so a race gives an error and never foreign lines."""
    root = tmp_path / "logs"
    root.mkdir()
    (root / "x.log").write_text("step=1 loss=1.0\n")
    (tmp_path / "secret").write_text("step=1 loss=666.0\n")
    link, spare = root / "link.log", root / "spare"
    link.symlink_to(root / "x.log")
    over = threading.Event()

    def swap() -> None:
        targets = (tmp_path / "secret", root / "x.log")
        for turn in range(100_000):
            if over.is_set():
                return
            spare.symlink_to(targets[turn % 2])
            spare.rename(link)

    thread = threading.Thread(target=swap)
    thread.start()
    seen: set[float] = set()
    try:
        for _ in range(300):
            try:
                batch = LogFileSource(str(link), (str(root),)).fetch(None, deadline=60)
                seen.update(batch.rows["loss"].values.tolist())
            except SourceUnavailableError:
                continue
    finally:
        over.set()
        thread.join()
    assert seen <= {1.0}


_MEASURE = """
import json, resource, sys, time
from trainwatch_core.adapters.sources.logs import follow
from trainwatch_core.adapters.sources.logs.file import LogFileSource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
batch = LogFileSource(sys.argv[1]).fetch(None, deadline=60)
print(json.dumps([len(batch.rows.get("loss", ())), time.process_time() - start,
                  (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
                  batch.notes, batch.tail[-1][:20]]))
"""


def _measure(path: Path) -> tuple[int, float, float, list[str], str]:
    done = subprocess.run([sys.executable, "-c", _MEASURE, str(path)], capture_output=True, check=True, timeout=120)
    samples, seconds, mib, notes, last = json.loads(done.stdout)
    return samples, seconds, mib, notes, last


def test_a_log_of_20_gb_is_read_from_its_end(tmp_path: Path) -> None:
    """F-L01: A first look reads a bounded tail in bounded memory, and says that older lines were not read."""
    log = tmp_path / "huge.log"
    with log.open("wb") as stream:
        stream.truncate(20 * 1024**3)
        stream.seek(0, os.SEEK_END)
        stream.write(("\n" + "".join(f"step={step} loss=0.5 lr=0.001\n" for step in range(100_000))).encode())
    samples, seconds, mib, notes, last = _measure(log)
    assert samples == 100_000
    assert (seconds < 40, mib < 100) == (True, True), (seconds, mib)
    assert notes == ["20475 MiB of older lines were not read."]
    assert last.startswith("step=99999")


def test_a_line_of_100_mb_is_cut(tmp_path: Path) -> None:
    """F-L02: A line without an end costs bounded time and memory, is marked, and what follows it is read."""
    log = tmp_path / "long.log"
    log.write_text("step=1 loss=1.0\n")
    source = LogFileSource(str(log), bounds=Bounds(behind=1024**3))
    batch = source.fetch(None, deadline=60)
    with log.open("ab") as stream:
        stream.write(b"step=2 loss=2.0 " + b"x" * 100_000_000)
    start = time.process_time()
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert time.process_time() - start < 15
    assert _steps(batch) == [2]
    assert batch.notes == ("A line of more than 65536 bytes was cut.",)
    assert source.fetch(_next(batch.cursor), deadline=60).rows == {}
    _append(log, " loss=3.0\nstep=3 loss=4.0\n")
    assert _steps(source.fetch(_next(batch.cursor), deadline=60)) == [3]
    samples, seconds, mib, _, _ = _measure(log)
    assert (samples, seconds < 15, mib < 100) == (1, True, True), (seconds, mib)


def test_a_log_that_grows_faster_than_it_is_read_is_read_at_its_end(tmp_path: Path) -> None:
    """What lies too far behind is passed over with a note, so that the newest lines are always seen."""
    log = tmp_path / "fast.log"
    log.write_text(_lines(1, 10))
    source = LogFileSource(str(log), bounds=Bounds(first=2000, behind=10_000))
    cursor = _next(source.fetch(None, deadline=60).cursor)
    _append(log, _lines(11, 300))
    batch = source.fetch(cursor, deadline=60)
    assert _steps(batch) == list(range(11, 301))
    _append(log, _lines(301, 2000))
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert _steps(batch)[-1] == 2000
    assert 0 < len(_steps(batch)) < 200
    assert "older lines were not read" in batch.notes[0]


def test_the_deadline_ends_a_look_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """A look never takes much longer than it may; nothing is lost or read twice."""
    log = tmp_path / "slow.log"
    log.write_text(_lines(1, 150_000))
    source = LogFileSource(str(log))
    batch = source.fetch(None, deadline=0.0001)
    steps = _steps(batch)
    assert 0 < len(steps) < 150_000
    assert "not read yet" in batch.notes[0]
    for _ in range(20):
        batch = source.fetch(_next(batch.cursor), deadline=0.0001)
        steps += _steps(batch)
    assert steps == list(range(1, 150_001))
