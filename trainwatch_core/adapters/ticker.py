"""The knock at the engine's door: APScheduler, and a monotonic watchdog beside it.

APScheduler's waiting follows the wall clock: set back by an hour, it stays silent for that hour (measured with 3.11).
The row in the database is the schedule, so a knock too many does nothing; the watchdog makes up for a knock too few.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import tzinfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

_LOG = logging.getLogger(__name__)
_PATIENCE = 3.0


class Ticker:
    """Calls `knock` every `every` seconds until it is stopped.

    Args:
        knock: What to call; it must return quickly and is never called twice at once.
        every: Seconds.
        monotonic: The clock that the watchdog trusts.
    """

    def __init__(
        self, knock: Callable[[], None], *, every: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._knock = knock
        self._every = every
        self._monotonic = monotonic
        self._last = monotonic()
        self._busy = threading.Lock()
        self._stopped = threading.Event()
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._watchdog = threading.Thread(target=self._watch, name="trainwatch-watchdog", daemon=True)
        self.rescued = 0
        """How many knocks the watchdog had to make."""

    def start(self) -> None:
        """Begin to knock."""
        self._scheduler.add_job(
            self.tick, "interval", seconds=self._every, coalesce=True, max_instances=1, misfire_grace_time=None
        )
        self._scheduler.start()
        self._watchdog.start()

    def stop(self) -> None:
        """Knock no more; returns when the last knock has come back."""
        self._stopped.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        if self._watchdog.is_alive():
            self._watchdog.join()

    def tick(self) -> None:
        """Knock once, unless a knock is under way."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            self._last = self._monotonic()
            self._knock()
        except Exception:  # noqa: BLE001  # a knock that fails must not end the knocking
            _LOG.exception("a tick failed")
        finally:
            self._busy.release()

    def _watch(self) -> None:
        while not self._stopped.wait(self._every):
            if self._monotonic() - self._last > _PATIENCE * self._every:
                self.rescued += 1
                self.tick()


class DailyTicker:
    """Calls `knock` once a day. Whoever is called must know for itself whether the day is done: a process may restart.

    Args:
        knock: What to call.
        at: Local time, `HH:MM`.
        zone: Of that time.
    """

    def __init__(self, knock: Callable[[], None], *, at: str, zone: tzinfo) -> None:
        hour, minute = at.split(":")
        self.trigger = CronTrigger(hour=int(hour), minute=int(minute), timezone=zone)
        self._knock = knock
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def start(self) -> None:
        """Begin to knock."""
        self._scheduler.add_job(self._knock, self.trigger, coalesce=True, max_instances=1, misfire_grace_time=None)
        self._scheduler.start()

    def stop(self) -> None:
        """Knock no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
