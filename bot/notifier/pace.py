"""About one message a second for each channel, the urgent ones first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from trainwatch_core.model.errors import DeliveryError

BURST, PER_SECOND = 4.0, 1.0
_LEAST = {True: -3.0, False: 0.0}
"""How far the bucket may be emptied: a stop (report, picture, question) may borrow from what follows."""


@dataclass
class _Bucket:
    tokens: float
    at: float
    closed_until: float = 0.0


class Pace:
    """A bucket of tokens for each channel.

    Args:
        monotonic: Seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def take(self, channel: str, *, urgent: bool = False) -> None:
        """Take one's turn.

        Raises:
            DeliveryError: If it has not come, with the seconds until then. Nobody sleeps here.
        """
        with self._lock:
            now = self._monotonic()
            bucket = self._buckets.setdefault(channel, _Bucket(BURST, now))
            if bucket.closed_until > now:
                raise DeliveryError("Slack asked to wait", retry_after=bucket.closed_until - now)
            bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) * PER_SECOND)
            bucket.at = now
            lacking = _LEAST[urgent] + 1.0 - bucket.tokens
            if lacking > 0:
                raise DeliveryError("It waits for its turn in the channel", retry_after=lacking / PER_SECOND)
            bucket.tokens -= 1.0

    def close(self, channel: str, seconds: float) -> None:
        """Slack asked to wait: nothing goes there before."""
        with self._lock:
            now = self._monotonic()
            bucket = self._buckets.setdefault(channel, _Bucket(BURST, now))
            bucket.closed_until = max(bucket.closed_until, now + seconds)
