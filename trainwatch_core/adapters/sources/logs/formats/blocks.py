"""Several lines that are one: a pretty-printed JSON object, a box of names and values between two rules.

Such a block is put together to one line (a dict, as trainers print them) when it ends. What only looks like the start
of a block is handed on line by line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trainwatch_core.adapters.sources.logs.formats.layout import NUMBER

_MAX_LINES = 400
_MAX_LENGTH = 32768
_RULE = re.compile(r"\s{0,16}[-=+]{8,400}\s{0,16}")
_CELLS = re.compile(r"\s{0,16}\|([^|]{1,200})\|([^|]{0,200})\|\s{0,16}")
_NAME = re.compile(r"(?:% )?[A-Za-z_][^\"'{}]{0,99}")
_OPENS = re.compile(r"(?:[\"'][^\"'{}\[\]]{1,100}[\"']\s{0,4}:\s{0,4})?\{")
_COUNTED = re.compile(r" (?=[0-9])")  # mean 100 episode reward
_MARKS = frozenset("{-=+")
_BARS = 3  # of a row of a box


@dataclass(slots=True)
class Blocks:
    """The block that is being read. Plain JSON by `to_json`.

    Attributes:
        depth: How many braces of a JSON object are open; 0 outside of one.
        ruled: Whether the last line was a rule, or is a row of the box under it.
        lines: The lines so far.
    """

    depth: int = 0
    ruled: bool = False
    lines: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: dict[str, object] | None) -> Blocks:
        """What `to_json` wrote."""
        return cls(**data) if data else cls()  # type: ignore[arg-type]  # as written

    def to_json(self) -> dict[str, object]:
        """Plain JSON; empty outside of a block."""
        return {"depth": self.depth, "ruled": self.ruled, "lines": self.lines} if self.concerned else {}

    @property
    def concerned(self) -> bool:
        """Whether the next line may belong to a block, whatever it looks like."""
        return self.depth > 0 or self.ruled

    def may_open(self, line: str) -> bool:
        """A quick look whether a line may open a block."""
        return line[-1:] in _MARKS or (line[-1:] == "|" and line.count("|") == _BARS)

    def take(self, line: str) -> list[tuple[str, int]]:
        """Take a line that is of interest here.

        Returns:
            Lines to be read now, each with the number of lines of the log that it stands for.
        """
        if self.depth:
            return self._inside(line)
        if self.ruled:
            return self._boxed(line)
        if _RULE.fullmatch(line):
            self.ruled = True
            return []
        row = _CELLS.fullmatch(line)
        if row and NUMBER.fullmatch(row.group(2).strip()) and _NAME.fullmatch(row.group(1).strip()):
            self.ruled, self.lines = True, [line]  # a box without a rule above it
            return []
        if _OPENS.fullmatch(line.strip()):
            self.depth, self.lines = 1, [line]
            return []
        return [(line, 1)]

    def _inside(self, line: str) -> list[tuple[str, int]]:
        self.lines.append(line)
        bare = line.strip()
        self.depth += bare.count("{") - bare.count("}")
        if bare.endswith("["):  # a list of objects: what stands around it is bookkeeping
            self.depth, self.lines = 0, []
            return []
        if self.depth <= 0:
            joined = " ".join(part.strip() for part in self.lines)
            return self._closed(joined, len(self.lines))
        if len(self.lines) > _MAX_LINES or sum(map(len, self.lines)) > _MAX_LENGTH:
            given_up, self.depth, self.lines = self.lines, 0, []
            return [(each, 1) for each in given_up]
        return []

    def _boxed(self, line: str) -> list[tuple[str, int]]:
        cells = _CELLS.fullmatch(line)
        if cells and _NAME.fullmatch(cells.group(1).strip()) and len(self.lines) < _MAX_LINES:
            self.lines.append(line)
            return []
        still = bool(_RULE.fullmatch(line))
        done = self._closed(_dict_of(self.lines), len(self.lines)) if self.lines else []
        self.ruled = still
        return done if still else [*done, *self.take(line)]

    def _closed(self, joined: str, count: int) -> list[tuple[str, int]]:
        self.depth, self.lines = 0, []
        return [(joined, count)]


def _dict_of(rows: list[str]) -> str:
    """The rows of a box as a dict. A row without a value that ends in a slash is in front of the names under it."""
    pairs, group = [], ""
    for row in rows:
        cells = _CELLS.fullmatch(row)
        name, value = (cell.strip() for cell in cells.groups()) if cells else ("", "")
        if not value:
            group = name if name.endswith("/") else ""
        elif NUMBER.fullmatch(value):
            pairs.append(f"'{group}{_COUNTED.sub('_', name)}': {value}")
    return "{" + ", ".join(pairs) + "}"
