"""What stands in Slack already: a process died, or a reply was lost, between a post and its receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from bot.ids import EVENT_TYPE, Place
from bot.notifier.web import Web
from trainwatch_core.model.message import Body, Picture
from trainwatch_core.model.watch import Watch

_SLACK = 5.0
"""Seconds by which Slack's clock and ours may differ."""


class Standing:
    """Finds messages again by their marks.

    Args:
        web: Slack.
        born: When this process began: what an older one posted is looked for once.
    """

    def __init__(self, web: Web, *, born: datetime) -> None:
        self._web = web
        self._born = born
        self._sent: dict[str, dict[str, str]] = {}
        self._unsure: set[str] = set()

    def doubt(self, watch_id: str) -> None:
        """A reply was lost: the next message of this watch is looked for before it is posted."""
        self._unsure.add(watch_id)

    def find(
        self, key: str, body: Body, watch: Watch, root: Place | None, *, newest: Callable[[str], str]
    ) -> str | None:
        """Timestamp under which a message stands already; None if it does not.

        Args:
            key: Of the message.
            body: The message.
            watch: Whose.
            root: The card that it hangs on; None for the card itself.
            newest: Tells the timestamp of the newest message of a watch of which a receipt is known.

        Raises:
            DeliveryError: If Slack could not be asked.
        """
        fresh = watch.created_at >= self._born
        if watch.id not in self._unsure and (fresh or watch.id in self._sent):
            return self._sent.get(watch.id, {}).pop(_mark(key, body), None)
        self._sent[watch.id] = self._look(watch, root, newest)
        self._unsure.discard(watch.id)
        return self._sent[watch.id].pop(_mark(key, body), None)

    def _look(self, watch: Watch, root: Place | None, newest: Callable[[str], str]) -> dict[str, str]:
        """Marks of our messages in Slack of which no receipt is known, with their timestamps."""
        if root is None:
            messages = self._web.history(watch.channel, oldest=f"{watch.created_at.timestamp() - _SLACK:.6f}")
        else:
            messages = self._web.replies(root, oldest=newest(watch.id))
        found = {}
        for entry in messages:
            metadata = entry.get("metadata") or {}
            if entry.get("bot_id") and metadata.get("event_type") == EVENT_TYPE:
                found[str((metadata.get("event_payload") or {}).get("key", ""))] = str(entry.get("ts", ""))
            for file in entry.get("files") or []:
                found[str(file.get("name", ""))] = str(entry.get("ts", ""))
        return found


def _mark(key: str, body: Body) -> str:
    return picture_name(body) if isinstance(body, Picture) else mark(key)


def mark(key: str) -> str:
    """What a message is found again by: of one length, and without the words that keys may have in them."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def picture_name(body: Picture) -> str:
    """The file name of a picture: ours alone, nothing of a run's name is in it."""
    return f"trainwatch-{body.watch_id}-{body.round_number:06d}.png"
