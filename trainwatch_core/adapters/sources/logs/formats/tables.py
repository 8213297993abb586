"""Tables: a line of column names, then lines of numbers. CSV, tab-separated, Markdown, and columns made with spaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.adapters.sources.logs.formats.layout import Layout
from trainwatch_core.adapters.sources.logs.formats.names import Sign

_GAP = re.compile(r"[ ]{2,256}|\t{1,16}")
_CELL = re.compile(r"[A-Za-z_][^|,\t\r\n]{0,99}")
_VALUE = re.compile(
    r"\*{0,2}([-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+|nan|inf|infinity))%?\*{0,2}", re.IGNORECASE
)
_FRACTION = re.compile(r"([0-9]{1,12})/([0-9]{1,12})")
_MAX_COLUMNS = 256
_MAX_WORDS = 4


@dataclass(frozen=True, slots=True)
class Table:
    """The head of a table.

    Attributes:
        delimiter: `,`, `|`, tab, or empty for two spaces and more.
        layout: Which column is what.
        columns: How many there are.
    """

    delimiter: str
    layout: Layout
    columns: int

    def fits(self, line: str) -> bool:
        """Whether a line has as many delimiters as the head, so that it is worth a look as a row first."""
        return bool(self.delimiter) and line.count(self.delimiter) >= self.columns - 1

    def row(self, line: str) -> list[str] | None:
        """The numbers of a row, one text a column (empty if the cell holds none); None if the line is no row."""
        cells = _cells(line, self.delimiter)
        if len(cells) < self.columns or (len(cells) > self.columns and any(map(_number, cells[self.columns :]))):
            return None
        del cells[self.columns :]
        numbers = [_number(cell) for cell in cells]
        place = max(self.layout.step, self.layout.epoch)
        filled = len(cells) - cells.count("")
        found = len(numbers) - numbers.count("")
        return numbers if found * 2 > filled and (place < 0 or numbers[place]) else None


def may_be_head(line: str) -> bool:
    """Whether `head` is worth its while: no more than a quick look for a delimiter."""
    return "," in line or "|" in line or "\t" in line or "   " in line


def head(line: str) -> Table | None:
    """The table that a line without numbers opens; None if it is no head of a table with a metric in it."""
    for delimiter in ("|", "\t", ",", ""):
        cells = [cell.strip("\"' *") for cell in _cells(line.rstrip(f" {delimiter}"), delimiter)]
        if len(cells) < 2 + (not delimiter) or len(cells) > _MAX_COLUMNS:
            continue
        if not all(_CELL.fullmatch(cell) and cell.count(" ") < _MAX_WORDS for cell in cells if cell):
            return None
        layout = _layout(cells)
        placed = max(layout.step, layout.epoch) >= 0 and len(layout.pairs) > 1
        return Table(delimiter, layout, len(cells)) if layout.decisive or placed else None
    return None


def _layout(cells: list[str]) -> Layout:
    ranks = [names.step_rank(cell, Sign.BARE) for cell in cells]
    step = ranks.index(max(ranks)) if max(ranks) else -1
    epoch = next((i for i, cell in enumerate(cells) if names.spoken(cell) in names.EPOCHS), -1)
    pairs = {
        cell[: names.NAME_LIMIT]: i
        for i, cell in reversed(list(enumerate(cells)))
        if cell and not ranks[i] and i != epoch
    }
    ordered = tuple((i, name) for name, i in reversed(pairs.items()))
    return Layout(ordered, step=step, epoch=epoch, decisive=any(map(names.decisive, pairs)), plain=True)


def _cells(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return _GAP.split(line.strip())
    if delimiter == "|":
        line = line.strip().strip("|")
    return [cell.strip() for cell in line.split(delimiter)]


def _number(cell: str) -> str:
    try:
        float(cell)
    except ValueError:
        return _marked_number(cell)
    return cell


def _marked_number(cell: str) -> str:
    if found := _VALUE.fullmatch(cell):
        return found.group(1)
    part = _FRACTION.fullmatch(cell)
    return part.group(1) if part else ""
