"""Another run than the one that is watched, read through its own source and kept under its own name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunInfo
from trainwatch_core.ports import Source

_OVER, _INNER = "over", "cursor"


@dataclass(frozen=True, slots=True)
class BesideSource:
    """The source of a run of comparison. One that is over was read to its end, and is never asked again.

    Attributes:
        source: How the run is read.
        key: Names its history in the store.
    """

    source: Source
    key: str

    @property
    def status(self) -> SourceStatus:
        """See `ports.Source.status`."""
        return self.source.status

    @property
    def kind(self) -> str:
        """See `ports.Source.kind`."""
        return self.source.kind

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """See `ports.Source.fetch`."""
        if cursor is not None and cursor[_OVER]:
            return Batch({}, RunInfo(), cursor)
        batch = self.source.fetch(cursor[_INNER] if cursor is not None else None, deadline=deadline)
        over = batch.info.state is not None and batch.info.state.over and not any(len(r) for r in batch.rows.values())
        return replace(batch, cursor={_OVER: over, _INNER: batch.cursor})
