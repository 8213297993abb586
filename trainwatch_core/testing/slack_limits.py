"""Slack's limits as the stand-in enforces them: calls in any minute, of a method and in a channel."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

_MINUTE = 60.0
METHODS = {
    "chat.postMessage": 300,
    "chat.update": 50,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
    "files.info": 100,
    "conversations.replies": 50,
    "conversations.history": 50,
}
"""Calls a minute of the whole workspace: tiers 3 and 4 of Slack's reference, "several hundred" messages."""
IN_CHANNEL = {"chat.postMessage": "channel", "files.completeUploadExternal": "channel_id"}
"""What is a message of a channel, and which argument names it."""
_SECONDS, _BURST = 5.0, 12
"""About one message a second for each channel, in short bursts more."""


class Limits:
    """Counts calls, and refuses those that are too many.

    Args:
        monotonic: Seconds.

    Attributes:
        refused: How often a call of a method was refused.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._made: dict[str, deque[float]] = defaultdict(deque)
        self.refused: Counter[str] = Counter()

    def wait(self, method: str, given: Mapping[str, Any]) -> float:
        """Seconds that this call has to wait; 0 if it may be made, and then it counts."""
        now = self._monotonic()
        windows = [(method, METHODS[method], _MINUTE)] if method in METHODS else []
        if method in IN_CHANNEL:
            channel = str(given.get(IN_CHANNEL[method]))
            windows += [(channel, 60, _MINUTE), (f"{channel} at once", _BURST, _SECONDS)]
        wait = max((self._left(name, most, seconds, now) for name, most, seconds in windows), default=0.0)
        if wait > 0:
            self.refused[method] += 1
            return wait
        for name, _, _ in windows:
            self._made[name].append(now)
        return 0.0

    def _left(self, name: str, most: int, seconds: float, now: float) -> float:
        made = self._made[name]
        while made and made[0] <= now - seconds:
            made.popleft()
        return 0.0 if len(made) < most else made[0] + seconds - now
