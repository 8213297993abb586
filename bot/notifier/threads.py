"""Which message is whose: cards, threads and questions, as the receipts in the store say."""

from __future__ import annotations

import threading

from bot.ids import Place, in_slack, read_place
from trainwatch_core.model.change import OutboxRow
from trainwatch_core.model.errors import NotFoundError
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.ports import Store
from trainwatch_core.report.card import card_key


class Threads:
    """Remembers places, and reads them from the store when it does not.

    Args:
        store: Where the receipts are.
        url: The address of the workspace; empty if nobody knows it.
    """

    def __init__(self, store: Store, url: str = "") -> None:
        self._store = store
        self._url = url.rstrip("/")
        self._lock = threading.Lock()
        self._places: dict[str, Place] = {}
        self._bodies: dict[str, StopQuestion] = {}
        self._roots: dict[Place, str] = {}
        self._newest: dict[str, str] = {}
        self._read: set[str] = set()

    def learn(self, watch_id: str, key: str, place: Place) -> None:
        """A message was posted."""
        with self._lock:
            self._places[key] = place
            self._newest[watch_id] = max(self._newest.get(watch_id, "0"), place.ts)
            if key == card_key(watch_id):
                self._roots[place] = watch_id

    def root(self, watch_id: str) -> Place | None:
        """The card of a watch; its thread hangs on it."""
        return self._place(watch_id, card_key(watch_id))

    def at(self, watch_id: str, key: str) -> Place | None:
        """Where a message of a watch stands; None if that is not known."""
        return self._place(watch_id, key)

    def question(self, watch_id: str, request_id: str) -> tuple[StopQuestion, Place] | None:
        """The question of a request and where it stands; None if it was not posted (as far as anybody knows)."""
        key = f"{watch_id}/request/{request_id}/question"
        place = self._place(watch_id, key)
        if place is None:
            return None
        if key not in self._bodies:
            rows = [row for row in self._store.outbox(watch_id) if row.key == key]
            if not rows or not isinstance(rows[0].body, StopQuestion):
                return None
            self._bodies[key] = rows[0].body
        return self._bodies[key], place

    def address(self, watch_id: str, request_id: str = "") -> str:
        """Where the thread of a watch is read, or the question of a request in it; empty while there is none."""
        root = self.root(watch_id)
        asked = self.question(watch_id, request_id) if request_id else None
        if root is None or not self._url:
            return ""
        if asked is None:
            return f"{self._url}/archives/{root.channel}/p{root.ts.replace('.', '')}"
        place = asked[1]
        page = f"{self._url}/archives/{place.channel}/p{place.ts.replace('.', '')}"
        return f"{page}?thread_ts={root.ts}&cid={root.channel}"

    def watch_at(self, root: Place) -> str | None:
        """The watch whose card stands there; None for all other messages of the world."""
        if root not in self._roots:
            for watch in self._store.watches(ended=True):
                if watch.channel == root.channel and watch.id not in self._read:
                    self.root(watch.id)
        return self._roots.get(root)

    def newest(self, watch_id: str) -> str:
        """Timestamp of the newest message of a watch that is known to stand; `0` if none does."""
        self._place(watch_id, "")
        return self._newest.get(watch_id, "0")

    def _place(self, watch_id: str, key: str) -> Place | None:
        if key not in self._places and watch_id not in self._read:
            try:
                channel = self._store.watch(watch_id).channel
                rows = self._store.outbox(watch_id) if in_slack(channel) else ()
            except NotFoundError:
                channel, rows = "", ()
            for row in rows:
                self._take(row, channel)
            # A card that waits is learned when it is posted; nothing else is ever read twice.
            self._read.add(watch_id)
        return self._places.get(key)

    def _take(self, row: OutboxRow, channel: str) -> None:
        place = read_place(row.receipt.place) if row.receipt is not None else None
        # What went to the operator instead is no message of the thread: nothing hangs on it, nothing is decided there.
        if place is not None and place.channel == channel:
            self.learn(row.watch_id, row.key, place)
