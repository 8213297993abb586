"""Workers of this process: threads that take jobs from a queue for each kind of hurry."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

_LOG = logging.getLogger(__name__)

_Job = tuple[str, str]

_ROUNDS, _STOPS, _MESSAGES, _URGENT = "rounds", "stops", "messages", "urgent"
_LANES = {"stop": _STOPS, "recover": _STOPS, "publish": _MESSAGES, "urgent": _URGENT}
"""Kind of work to its lane; what is not named here is a round."""


class ThreadDispatcher:
    """A Dispatcher on threads. What was not done when the process ends is found again in the rows.

    The threads are daemons: after `stop` gave up waiting, a job that hangs cannot keep the process from ending. The
    pool of the standard library waits for it without limit.

    Args:
        workers: Threads for rounds. Stops and messages have threads of their own: slow rounds never hold up a stop, and
            a front end that hangs holds up neither; a message that somebody waits for does not stand behind others.
    """

    def __init__(self, *, workers: int = 4) -> None:
        self._threads = {_ROUNDS: workers, _STOPS: 2, _MESSAGES: 4, _URGENT: 1}
        self._queues: dict[str, SimpleQueue[_Job | None]] = {lane: SimpleQueue() for lane in self._threads}
        self._waiting: set[_Job] = set()
        self._running: set[_Job] = set()
        self._again: set[_Job] = set()
        self._changed = threading.Condition()
        self._closed = False

    def start(self, work: Callable[[str, str], None]) -> None:
        """Begin to work: call `work(kind, ident)` for each job."""
        for lane, count in self._threads.items():
            for number in range(count):
                serve, name = (self._queues[lane], work), f"trainwatch-{lane}-{number}"
                threading.Thread(target=self._serve, args=serve, name=name, daemon=True).start()

    def submit(self, kind: str, ident: str) -> None:
        """Ask for work; the same kind and ident waits only once, and never runs twice at the same time."""
        job = (kind, ident)
        with self._changed:
            if self._closed or job in self._waiting:
                return
            if job in self._running:
                # What it was asked for may have come after it looked: once more when it is done.
                self._again.add(job)
                return
            self._queue(job)

    def stop(self, *, timeout: float) -> None:
        """Take no more work, drop what has not begun, wait at most `timeout` seconds for what runs."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._again.clear()
            for lane, count in self._threads.items():
                for _ in range(count):
                    self._queues[lane].put(None)
            self._changed.wait_for(lambda: not self._running, timeout)

    def _queue(self, job: _Job) -> None:
        self._waiting.add(job)
        self._queues[_LANES.get(job[0], _ROUNDS)].put(job)

    def _serve(self, queue: SimpleQueue[_Job | None], work: Callable[[str, str], None]) -> None:
        while (job := queue.get()) is not None:
            if self._begin(job):
                try:
                    work(*job)
                except Exception:  # noqa: BLE001  # a job that fails must not take its worker along
                    _LOG.exception("work %s %s failed", *job)
                finally:
                    self._end(job)

    def _begin(self, job: _Job) -> bool:
        with self._changed:
            if job not in self._waiting:
                return False  # dropped
            self._waiting.remove(job)
            self._running.add(job)
            return True

    def _end(self, job: _Job) -> None:
        with self._changed:
            self._running.remove(job)
            if job in self._again:
                self._again.remove(job)
                self._queue(job)
            self._changed.notify_all()
