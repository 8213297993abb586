"""The knock goes on, whatever the wall clock does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from apscheduler.schedulers import base
from apscheduler.triggers import interval

from trainwatch_core.adapters.ticker import Ticker


class SetClock:
    """The wall clock as APScheduler sees it: `datetime`, set back at will."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self, zone: tzinfo) -> datetime:
        """The time that the wall clock shows."""
        return datetime.now(zone) + self.shift

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


def knocks_after_a_step(monkeypatch: pytest.MonkeyPatch, *, watchdog: bool) -> tuple[int, int]:
    """Knocks in the two seconds after the clock was set back by an hour, and how many the watchdog made."""
    clock = SetClock()
    monkeypatch.setattr(base, "datetime", clock)
    monkeypatch.setattr(interval, "datetime", clock)
    count = 0

    def knock() -> None:
        nonlocal count
        count += 1

    ticker = Ticker(knock, every=0.2)
    if not watchdog:
        ticker._watchdog = threading.Thread(target=lambda: None)
    ticker.start()
    limit = time.monotonic() + 60
    while count < 3 and time.monotonic() < limit:
        time.sleep(0.01)
    clock.shift = timedelta(hours=-1)
    if not watchdog:
        _settle(lambda: count)
    before, limit = count, time.monotonic() + (60 if watchdog else 2)
    while (count < before + 2 or ticker.rescued < 2) and time.monotonic() < limit:
        time.sleep(0.01)
    ticker.stop()
    return count - before, ticker.rescued


def _settle(counted: Callable[[], int]) -> None:
    """What was under way comes to its end: nothing is counted for a second, or the minute is over."""
    limit, before = time.monotonic() + 60, -1
    while counted() != before and time.monotonic() < limit:
        before = counted()
        time.sleep(1.0)  # five times as long as a knock takes to follow another


def test_a_clock_set_back_by_an_hour_does_not_silence_the_knock(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-C01: the watchdog, which trusts the monotonic clock, makes the knocks that the scheduler leaves out."""
    knocks, rescued = knocks_after_a_step(monkeypatch, watchdog=True)
    assert knocks >= 2
    assert rescued >= 2


def test_without_the_watchdog_it_would_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is needed: APScheduler alone waits for the wall clock to catch up."""
    assert knocks_after_a_step(monkeypatch, watchdog=False) == (0, 0)


def test_a_knock_that_fails_does_not_end_the_knocking() -> None:
    """One bad tick is one line in the log."""
    knocked = threading.Semaphore(0)

    def knock() -> None:
        knocked.release()
        raise ZeroDivisionError

    ticker = Ticker(knock, every=0.02)
    ticker.start()
    try:
        assert all(knocked.acquire(timeout=60) for _ in range(3))
    finally:
        ticker.stop()


def test_knocks_never_overlap() -> None:
    """A slow knock delays the next one instead of meeting it."""
    inside, worst, count = 0, 0, 0

    def knock() -> None:
        nonlocal inside, worst, count
        inside += 1
        worst = max(worst, inside)
        count += 1
        time.sleep(0.05)
        inside -= 1

    ticker = Ticker(knock, every=0.01)
    ticker.start()
    limit = time.monotonic() + 60
    while count < 5 and time.monotonic() < limit:
        time.sleep(0.01)
    ticker.stop()
    assert count >= 5
    assert worst == 1
