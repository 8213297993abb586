"""Slack's limits: about one message a second for each channel, and so many calls a minute of each method."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trainwatch_core.model.errors import TurnError


class Method(StrEnum):
    """What is limited for the whole workspace."""

    POST = "post"
    UPDATE = "update"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit.

    Attributes:
        burst: Calls at once after a rest.
        per_second: Calls in the long run.
        reserve: Calls more for what is urgent; they are taken from what follows.
    """

    burst: float
    per_second: float
    reserve: float

    @property
    def in_a_minute(self) -> float:
        """The most that any minute can see."""
        return self.burst + self.reserve + 60 * self.per_second


CHANNEL = Rate(burst=4, per_second=0.88, reserve=3)
"""`chat.postMessage`, and files that are shared: 60 a minute for each channel, bursts allowed."""
METHODS = {
    # "Several hundred messages a minute" for a workspace.
    Method.POST: Rate(burst=30, per_second=4.0, reserve=20),
    # Tier 3: at least 50 a minute.
    Method.UPDATE: Rate(burst=6, per_second=0.65, reserve=5),
    # Tier 4: at least 100 a minute, of each of the three calls of an upload.
    Method.FILE: Rate(burst=8, per_second=1.4, reserve=8),
}
_IN_CHANNEL = frozenset({Method.POST, Method.FILE})
"""What makes a message of its own."""


@dataclass
class _Bucket:
    rate: Rate
    tokens: float
    at: float
    closed_until: float = 0.0

    def lacking(self, now: float, *, urgent: bool) -> float:
        """Seconds until a call may be made; 0 if now."""
        self.tokens = min(self.rate.burst, self.tokens + (now - self.at) * self.rate.per_second)
        self.at = now
        least = 1.0 - (self.rate.reserve if urgent else 0.0)
        # A hair less than a whole call is one: seconds are added up in binary.
        short = least - self.tokens
        return max(self.closed_until - now, short / self.rate.per_second if short > 1e-6 else 0.0)  # noqa: PLR2004


class Pace:
    """A bucket of calls for each channel and for each method.

    Args:
        monotonic: Seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, method: Method, channel: str, *, urgent: bool = False) -> None:
        """Take one's turn.

        Raises:
            TurnError: If it has not come, with the seconds until then. Nobody sleeps here.
        """
        with self._lock:
            wait = self._wait(method, channel, urgent=urgent)
            if wait > 0:
                raise TurnError(wait)
            for bucket in self._asked(method, channel):
                bucket.tokens -= 1.0

    def wait(self, method: Method, channel: str, *, urgent: bool = False) -> float:
        """Seconds until a turn may come; 0 if it has."""
        with self._lock:
            return self._wait(method, channel, urgent=urgent)

    def close(self, method: Method, channel: str, seconds: float) -> None:
        """Slack asked to wait: nothing goes there before. It limits posts by channel, all else by method."""
        with self._lock:
            bucket = self._asked(method, channel)[-1 if method is Method.POST else 0]
            bucket.closed_until = max(bucket.closed_until, self._monotonic() + seconds)

    def close_all(self, seconds: float) -> None:
        """Slack lets us in no more: nobody knocks before."""
        with self._lock:
            for method in Method:
                bucket = self._bucket(method, METHODS[method])
                bucket.closed_until = max(bucket.closed_until, self._monotonic() + seconds)

    def _wait(self, method: Method, channel: str, *, urgent: bool) -> float:
        now = self._monotonic()
        return max(bucket.lacking(now, urgent=urgent) for bucket in self._asked(method, channel))

    def _asked(self, method: Method, channel: str) -> list[_Bucket]:
        buckets = [self._bucket(method, METHODS[method])]
        return [*buckets, self._bucket(f"#{channel}", CHANNEL)] if method in _IN_CHANNEL else buckets

    def _bucket(self, name: str, rate: Rate) -> _Bucket:
        return self._buckets.setdefault(name, _Bucket(rate, rate.burst, self._monotonic()))
