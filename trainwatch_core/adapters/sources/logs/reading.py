"""Cutting a growing file into whole lines, block by block, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from trainwatch_core.adapters.sources.logs.formats import LINE_LIMIT
from trainwatch_core.adapters.sources.logs.lines import text_lines

BLOCK = 1024 * 1024
"""Bytes that are read at once."""


class Reads(Protocol):
    """Takes lines of a log."""

    def read(self, lines: list[str]) -> object:
        """Take whole lines of clean text."""
        ...


Taker = TypeVar("Taker", bound=Reads)


@dataclass(slots=True)
class Reading(Generic[Taker]):
    """Where reading stands in a file.

    Attributes:
        harvest: Takes the lines.
        offset: Bytes that are behind us: all whole lines up to here were read or passed over.
        skipping: Whether the line at the offset is passed over: its beginning was cut off, or was read already.
        notes: Sentences for the report.
    """

    harvest: Taker
    offset: int = 0
    skipping: bool = False
    notes: list[str] = field(default_factory=list)

    def take(self, block: bytes, carry: bytes) -> bytes:
        """Read the whole lines of `carry + block`; what is left of the last line is returned."""
        data = carry + block
        if self.skipping:
            end = _first_break(block)
            if end < 0:
                self.offset += len(block)
                return b""
            self.offset += end
            data, self.skipping = block[end:], False
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if cut:
            self.harvest.read(text_lines(data[:cut]))
        self.offset += cut
        left = data[cut:]
        if len(left) > LINE_LIMIT:
            self.notes.append(f"A line of more than {LINE_LIMIT} bytes was cut.")
            self.harvest.read(text_lines(left[:LINE_LIMIT]))
            self.offset += len(left)
            self.skipping, left = True, b""
        return left


def _first_break(data: bytes) -> int:
    """Where the line after the first break begins; -1 without one."""
    ends = [end for end in (data.find(b"\n"), data.find(b"\r")) if end >= 0]
    return min(ends) + 1 if ends else -1
