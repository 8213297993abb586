"""Events that Slack delivers again."""

from __future__ import annotations

import threading
from collections import OrderedDict

_REMEMBERED = 1000


class Once:
    """Slack delivers an event again if it is not sure: the second time counts for nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def first(self, ident: str) -> bool:
        """Whether this id is new; without an id everything is."""
        with self._lock:
            if ident and ident in self._seen:
                return False
            self._seen[ident] = None
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return True
