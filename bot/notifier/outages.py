"""Channels in which nothing can be said: told once, and once more when it works again."""

from __future__ import annotations

import threading


class Outages:
    """Remembers which channels are out of reach."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out: set[str] = set()

    def begins(self, channel: str) -> bool:
        """Something could not be said there; returns whether that is news."""
        with self._lock:
            new = channel not in self._out
            self._out.add(channel)
            return new

    def ends(self, channel: str) -> bool:
        """Something was said there; returns whether that is news."""
        with self._lock:
            known = channel in self._out
            self._out.discard(channel)
            return known
