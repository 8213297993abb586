"""What a database must survive: full disks, other writers, and SIGKILL at any statement."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from trainwatch_core.adapters.stores.sql import SqlStore, open_store
from trainwatch_core.adapters.stores.tables import watches
from trainwatch_core.model.change import Change, Segment
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.series import Rows
from trainwatch_core.testing.store_samples import (
    NOON,
    sample_act,
    sample_message,
    sample_request,
    sample_round,
    sample_watch,
)

WORKER = Path(__file__).with_name("store_worker.py")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A database with one stored watch, w1."""
    path = tmp_path / "trainwatch.db"
    with closing(open_store(str(path))) as store:
        store.commit(Change(sample_watch()))
    return path


@pytest.fixture
def store(place: Path) -> Iterator[SqlStore]:
    """The store on it."""
    with closing(open_store(str(place))) as opened:
        yield opened


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(WORKER), *words], stdin=-1, stdout=-1, text=True)


def whole_rounds(store: SqlStore) -> int:
    """How many full changes are stored; fails if one is there in part."""
    count = store.watch("w1").round_count
    assert [one.number for one in store.rounds("w1", limit=10_000)] == list(range(1, count + 1))
    assert len(store.outbox("w1")) == len(store.audited()) == 2 * count
    assert len(store.requests()) == count
    assert (store.history("w1", "wandb")[1] is None) == (count == 0)
    assert store.watch("w1").version == 1 + count
    return count


def sound(place: Path) -> bool:
    with closing(sqlite3.connect(place)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def limit_pages(store: SqlStore, pages: int) -> None:
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    store.close()
    event.listen(store._engine, "connect", limit)


def test_a_full_database_loses_nothing_and_says_so(store: SqlStore, place: Path) -> None:
    """F-D01: SQLITE_FULL in a commit is a StorageError, all of that change is undone, and space heals it."""
    limit_pages(store, 120)
    watch = store.watch("w1")
    noise = np.random.default_rng(1).normal(size=3000)
    written = 0
    with pytest.raises(StorageError, match="disk is full") as caught:  # noqa: PT012  # the loop ends by the error
        for written in range(1000):
            number = written + 1
            watch = store.commit(
                Change(
                    replace(watch, round_count=number),
                    round=sample_round(number=number),
                    request=sample_request(f"r{number}"),
                    outbox=(sample_message(f"{number}/a"), sample_message(f"{number}/b")),
                    audit=(sample_act(), sample_act()),
                    segment=Segment("wandb", {"loss": Rows.of(np.arange(3000) + 3000 * number, noise)}, {"at": number}),
                ),
            )
    assert caught.value.where == str(place)
    assert "Free some space" in caught.value.todo
    assert whole_rounds(store) == written > 0
    assert store.history("w1", "wandb")[1] == {"at": written}
    assert sound(place)
    limit_pages(store, 100_000)
    store.commit(Change(watch, outbox=(sample_message("again"),)))


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    """F-D01: a file system without space (a real one of 1 MiB) gives a StorageError and keeps every whole round."""
    mount = 'mount -t tmpfs -o size=1m none "$1" && cp "$2" "$1/t.db" && shift 2 && "$@"; cp "$0"/t.db* "$0/../kept"'
    full, kept, seed = tmp_path / "full", tmp_path / "kept", tmp_path / "seed.db"
    full.mkdir()
    kept.mkdir()
    if subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", str(full)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs in a user namespace")
    with closing(open_store(str(seed))) as store:
        store.commit(Change(sample_watch()))
    worker = [sys.executable, str(WORKER), "fill", str(full / "t.db"), "-"]
    command = ["unshare", "-Urm", "sh", "-c", mount, str(full), str(full), str(seed), *worker]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    said, count = done.stdout.splitlines()
    assert "disk is full" in said, done.stdout + done.stderr
    with closing(open_store(str(kept / "t.db"))) as store:
        assert whole_rounds(store) == int(count) > 0
    assert sound(kept / "t.db")


def test_several_open_a_new_database_at_once(tmp_path: Path) -> None:
    """The bot and commands of the terminal, started together: each of them opens it."""
    meeting = threading.Barrier(8)

    def opens(path: Path) -> list[str]:
        meeting.wait()
        with closing(open_store(str(path))) as store:
            return [watch.id for watch in store.watches()]

    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            assert list(pool.map(opens, [tmp_path / f"{round_}.db"] * 8)) == [[]] * 8


def test_who_turns_a_database_into_one_with_a_log_waits_for_the_lock(tmp_path: Path) -> None:
    """SQLite gives no busy timeout for this change: whoever comes while another writes would fail at once."""
    path = tmp_path / "t.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE theirs (x)")
        ends = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        ends.start()
        with closing(open_store(str(path))) as store:
            assert not store.watches()
        ends.join()


def _reads_then_writes(store: SqlStore) -> None:
    with store._writing() as connection:
        connection.execute(sa.select(watches)).all()
        interlope(store._place)
        connection.execute(sa.update(watches).values(channel="ours"))


def interlope(place: str) -> bool:
    """Try to write as another program would, without waiting; whether it could."""
    with closing(sqlite3.connect(place, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("UPDATE watches SET channel = 'theirs'")
        except sqlite3.OperationalError:
            return False
        return True


def test_a_writer_that_reads_first_is_not_overtaken(store: SqlStore) -> None:
    """F-D05: a writing transaction holds the write lock from its beginning, so its later write cannot be refused."""
    _reads_then_writes(store)
    assert store.watch("w1").channel == "ours"
    assert interlope(store._place)


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.commit(Change(store.watch("w1"))),
        lambda store: store.claim_due(NOON, owner="me", lease=1),
        lambda store: store.audit(sample_act()),
        lambda store: store.delivered(sample_message("k")),
    ],
    ids=["commit", "claim_due", "audit", "delivered"],
)
def test_every_writing_method_begins_immediately(store: SqlStore, write: Callable[[SqlStore], object]) -> None:
    """F-D05: the last transaction of every writing method is BEGIN IMMEDIATE."""
    store.commit(Change(store.watch("w1"), outbox=(sample_message("k"),)))
    said: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(store._engine, "before_cursor_execute", listen)
    write(store)
    begins = [statement for statement in said if statement.startswith("BEGIN")]
    assert begins[-1] == "BEGIN IMMEDIATE"
    assert said[-1].startswith(("UPDATE", "INSERT"))


def test_a_tick_with_nothing_due_takes_no_write_lock(store: SqlStore) -> None:
    """An idle tick only reads: it neither waits for writers nor holds them up."""
    store.commit(Change(replace(store.watch("w1"), next_round_at=None)))
    with store._writing():
        assert store.claim_due(NOON, owner="me", lease=60) == ()


def test_eight_threads_write_without_a_locked_database(store: SqlStore) -> None:
    """F-D05: writers on eight threads all get their turn within the busy timeout."""

    def write(number: int) -> int:
        watch = sample_watch(f"t{number}")
        for _ in range(10):
            watch = store.commit(Change(watch, audit=(sample_act(),)))
        return watch.version

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == [10] * 8
    assert len(store.audited()) == 80


def test_two_processes_claim_each_watch_once(store: SqlStore, place: Path) -> None:
    """Of two processes that claim at the same moment each watch has one winner."""
    for number in range(20):
        store.commit(Change(sample_watch(f"p{number}")))
    workers = [start("claim", str(place), owner) for owner in ("one", "two")]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    won = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert sorted(won[0] + won[1]) == sorted(["w1", *(f"p{number}" for number in range(20))])
    assert {watch.lease_owner for watch in store.watches() if watch.id in won[1]} <= {"two"}


def test_two_processes_may_create_the_same_database(tmp_path: Path) -> None:
    """Two processes that open a database that is not there yet both get it, whole."""
    place = tmp_path / "new" / "t.db"
    workers = [start("claim", str(place), owner) for owner in ("one", "two")]
    for worker in workers:
        assert worker.communicate("go\n", timeout=60)[0] == "ready\n\n"
        assert worker.returncode == 0
    assert sound(place)


def test_kill_at_any_statement_of_a_commit_leaves_nothing_of_it(place: Path) -> None:
    """SIGKILL before any statement of a commit, its COMMIT included, leaves the database as it was."""
    # BEGIN (read), SELECT, COMMIT of watch() come before the listener; then BEGIN, 11 statements, COMMIT.
    dying = start("die_at_each", str(place), "1-13")
    assert dying.communicate(timeout=60)[0].split() == ["-9"] * 13
    with closing(open_store(str(place))) as store:
        assert whole_rounds(store) == 0
    assert start("die_at_each", str(place), "14-14").communicate(timeout=60)[0].split() == ["0"]
    with closing(open_store(str(place))) as store:
        assert whole_rounds(store) == 1
    assert sound(place)


def test_kill_between_commits_loses_no_told_round(place: Path) -> None:
    """A process killed at any time has stored every round it told of, and none in part; the next one goes on."""
    told = 0
    for lines in (1, 3, 8):
        worker = start("commit", str(place), "1000")
        assert worker.stdout is not None
        for _ in range(lines):
            told = int(worker.stdout.readline())
        worker.kill()
        worker.communicate(timeout=60)
        with closing(open_store(str(place))) as store:
            stored = whole_rounds(store)
        assert stored >= told
        assert sound(place)
