"""Compare-and-set in a loop: read, plan, commit, and read again if somebody was faster."""

from __future__ import annotations

from collections.abc import Callable

from trainwatch_core.model.change import Change
from trainwatch_core.model.errors import ConflictError
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import Store

_TRIES = 8


def change(store: Store, watch_id: str, plan: Callable[[Watch], Change | None]) -> Watch | None:
    """Commit what `plan` makes of the newest row; None if it wants nothing.

    Raises:
        ConflictError: If others were faster again and again, or if `plan` says that it cannot be.
        NotFoundError: If there is no such watch.
        StorageError: If the database failed.
    """
    for left in reversed(range(_TRIES)):
        watch = store.watch(watch_id)
        planned = plan(watch)
        if planned is None:
            return None
        try:
            return store.commit(planned)
        except ConflictError:
            if not left:
                raise
    return None
