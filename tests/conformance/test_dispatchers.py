"""Every Dispatcher keeps to the same rules."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from trainwatch_core.adapters.dispatch.threads import ThreadDispatcher


def test_a_waiting_job_is_not_queued_twice() -> None:
    """The same kind and ident waits once; after it has begun and ended it may come again."""
    done: list[tuple[str, str]] = []
    go, busy, ran = threading.Event(), threading.Event(), threading.Semaphore(0)

    def work(kind: str, ident: str) -> None:
        busy.set()
        go.wait(120)
        done.append((kind, ident))
        ran.release()

    dispatcher = ThreadDispatcher(workers=1)
    dispatcher.start(work)
    dispatcher.submit("round", "first")
    assert busy.wait(60)
    for _ in range(5):
        dispatcher.submit("round", "a")
    dispatcher.submit("round", "b")
    go.set()
    assert all(ran.acquire(timeout=60) for _ in range(3))
    dispatcher.submit("round", "a")
    assert ran.acquire(timeout=60)
    dispatcher.stop(timeout=60)
    assert done == [("round", "first"), ("round", "a"), ("round", "b"), ("round", "a")]


def test_a_job_asked_for_while_it_runs_is_done_once_more_afterwards() -> None:
    """What it was asked for may have come after it looked; and it never runs twice at the same time."""
    begun, go = threading.Semaphore(0), threading.Semaphore(0)
    done: list[str] = []

    def work(_kind: str, ident: str) -> None:
        begun.release()
        go.acquire(timeout=60)
        done.append(ident)

    dispatcher = ThreadDispatcher(workers=4)
    dispatcher.start(work)
    dispatcher.submit("round", "a")
    assert begun.acquire(timeout=60)
    for _ in range(3):
        dispatcher.submit("round", "a")
    assert not begun.acquire(timeout=0.2), "the first one still runs"
    go.release()
    assert begun.acquire(timeout=60)
    go.release()
    dispatcher.stop(timeout=60)
    assert done == ["a", "a"]


def test_a_job_that_fails_leaves_its_worker_alive() -> None:
    """The next job is done all the same."""
    ran = threading.Event()

    def work(_kind: str, ident: str) -> None:
        if ident == "bad":
            raise ZeroDivisionError
        ran.set()

    dispatcher = ThreadDispatcher(workers=1)
    dispatcher.start(work)
    dispatcher.submit("round", "bad")
    dispatcher.submit("round", "good")
    assert ran.wait(60)
    dispatcher.stop(timeout=60)


def test_slow_rounds_never_hold_up_a_stop() -> None:
    """Stops have workers of their own."""
    release, stopped = threading.Event(), threading.Event()

    def work(kind: str, _ident: str) -> None:
        if kind == "stop":
            stopped.set()
        else:
            release.wait(120)

    dispatcher = ThreadDispatcher(workers=1)
    dispatcher.start(work)
    for ident in "abc":
        dispatcher.submit("round", ident)
    dispatcher.submit("stop", "r")
    assert stopped.wait(60)
    release.set()
    dispatcher.stop(timeout=60)


def test_after_stop_nothing_is_taken() -> None:
    """What comes too late is found again in the rows."""
    done: list[str] = []
    dispatcher = ThreadDispatcher()
    dispatcher.start(lambda _kind, ident: done.append(ident))
    dispatcher.stop(timeout=1)
    dispatcher.submit("round", "late")
    assert done == []


def test_stop_waits_for_what_runs_and_not_for_what_it_dropped() -> None:
    """F-D06: a full queue costs no time at the end: what had not begun is dropped, what runs is waited for."""
    release, begun = threading.Event(), threading.Event()
    done: list[str] = []

    def work(_kind: str, ident: str) -> None:
        begun.set()
        release.wait(120)
        done.append(ident)

    dispatcher = ThreadDispatcher(workers=1)
    dispatcher.start(work)
    dispatcher.submit("round", "runs")
    assert begun.wait(60)
    for ident in "abc":
        dispatcher.submit("round", ident)
    threading.Timer(0.2, release.set).start()
    before = time.monotonic()
    dispatcher.stop(timeout=100)
    assert time.monotonic() - before < 60
    assert done == ["runs"]


def test_a_job_that_hangs_does_not_keep_the_process_from_ending() -> None:
    """F-D06: after its time is over, `stop` gives up, and so does the process."""
    code = (
        "import threading\n"
        "from trainwatch_core.adapters.dispatch.threads import ThreadDispatcher\n"
        "begun = threading.Event()\n"
        "def hang(kind, ident):\n"
        "    begun.set()\n"
        "    threading.Event().wait(600)\n"
        "dispatcher = ThreadDispatcher()\n"
        "dispatcher.start(hang)\n"
        "dispatcher.submit('round', 'a')\n"
        "assert begun.wait(60)\n"
        "dispatcher.stop(timeout=0.1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_a_front_end_that_hangs_holds_up_neither_rounds_nor_stops() -> None:
    """Slack does not answer, or somebody pressed Ctrl-S: the night shift goes on."""
    release = threading.Event()
    done = {"round": threading.Event(), "stop": threading.Event()}

    def work(kind: str, _ident: str) -> None:
        if kind == "publish":
            release.wait(120)
        else:
            done[kind].set()

    dispatcher = ThreadDispatcher(workers=1)
    dispatcher.start(work)
    for ident in "abcdef":
        dispatcher.submit("publish", ident)
    dispatcher.submit("round", "x")
    dispatcher.submit("stop", "y")
    assert done["round"].wait(60)
    assert done["stop"].wait(60)
    release.set()
    dispatcher.stop(timeout=60)
