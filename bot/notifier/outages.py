"""Channels in which nothing can be said: told once, and once more when it works again."""

from __future__ import annotations

import threading


class Outages:
    """Remembers which channels are out of reach."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out: dict[str, str] = {}

    def begins(self, channel: str, why: str) -> bool:
        """Something could not be said there; returns whether that is news."""
        with self._lock:
            new = channel not in self._out
            self._out.setdefault(channel, why)
            return new

    def ends(self, channel: str) -> bool:
        """Something was said there; returns whether that is news."""
        with self._lock:
            return self._out.pop(channel, None) is not None
