"""Cursors as a source gets them back."""

from __future__ import annotations

import json

from trainwatch_core.model.round import Batch, Cursor


def stored(batch: Batch) -> Cursor:
    """The cursor of a fetch as it comes back from a database: strict JSON, nothing of it the same object."""
    loaded: Cursor = json.loads(json.dumps(batch.cursor, allow_nan=False))
    return loaded
