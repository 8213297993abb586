"""Tables: a line of column names, then lines of numbers. CSV, tab-separated, Markdown, and columns made with spaces."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from dataclasses import dataclass

from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.adapters.sources.logs.formats.code import is_code
from trainwatch_core.adapters.sources.logs.formats.layout import Layout
from trainwatch_core.adapters.sources.logs.formats.names import Sign

_GAP = re.compile(r"[ ]{2,256}|\t{1,16}")
_CELL = re.compile(r"[A-Za-z_][^|,;=\t\r\n]{0,99}|#")
_QUOTED = re.compile(r"[^\t\r\n]{1,200}")
_WORD = re.compile(r"[A-Za-z_][\w./@%-]{0,59}")
_BAR = re.compile(r":?\s{1,8}[0-9]{1,3}%\|")
_VALUE = re.compile(
    r"\*{0,2}([-+]?(?:[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+|nan|inf|infinity))%?\*{0,2}", re.IGNORECASE
)
_FRACTION = re.compile(r"([0-9]{1,12})/([0-9]{1,12})")
_MAX_COLUMNS = 256
_MAX_WORDS = 4
_DELIMITERS = ("|", "\t", ",", ";", "")
_SPACE = " "
_UNSURE = 3  # columns of a head that names nothing we know: its first row must be numbers all through
_HERE = {"#": "step", "e": "epoch"}  # what spaCy heads its steps and epochs with


@dataclass(frozen=True, slots=True)
class Table:
    """The head of a table.

    Attributes:
        delimiter: What parts the cells; empty for two spaces and more.
        layout: Which column is what.
        columns: How many there are.
        strict: Whether the head alone does not prove a table, so that a row must be numbers all through.
    """

    delimiter: str
    layout: Layout
    columns: int
    strict: bool = False

    def fits(self, line: str) -> bool:
        """Whether a line has as many delimiters as the head, so that it is worth a look as a row first."""
        return bool(self.delimiter) and line.count(self.delimiter) >= self.columns - 1

    def row(self, line: str) -> list[str] | None:
        """The numbers of a row, one text a column (empty if the cell holds none); None if the line is no row."""
        cells = _cells(line, self.delimiter)
        if len(cells) < self.columns or (len(cells) > self.columns and any(map(_number, cells[self.columns :]))):
            return None
        if self.strict and (len(cells) > self.columns or not all(map(_number, filter(None, cells)))):
            return None
        del cells[self.columns :]
        numbers = [_number(cell) for cell in cells]
        place = max(self.layout.step, self.layout.epoch)
        filled = len(cells) - cells.count("")
        found = len(numbers) - numbers.count("")
        return numbers if found * 2 > filled and (place < 0 or numbers[place]) else None


def may_be_head(line: str) -> bool:
    """Whether `head` is worth its while: no more than a quick look for a delimiter."""
    return "," in line or "|" in line or "\t" in line or ";" in line or "   " in line or " " in line[:60]


def under_a_bar(line: str) -> bool:
    """Whether a line is the head of a table with a progress bar behind it, as YOLO prints before an evaluation."""
    return bool(_BAR.search(line))


def head(line: str, *, unsure: bool = False) -> Table | None:
    """The table that a line opens; None if it is no head of a table with a metric in it.

    Args:
        line: Without numbers, but for those of a bar behind it.
        unsure: Whether names that tell nothing may be a head too, for rows of nothing but numbers.
    """
    bar = _BAR.search(line)
    line = (line[: bar.start()] if bar else line).lstrip("# ")
    if is_code(line):
        return None
    for delimiter in _DELIMITERS:
        cells = [cell.strip("\"' *") for cell in _cells(line.rstrip(f" {delimiter}"), delimiter)]
        if bar and not delimiter:
            cells = list(map(_named, line.split()))
        if len(cells) < 2 + (not delimiter) or len(cells) > _MAX_COLUMNS:
            continue
        shape = _QUOTED if line[:1] == '"' else _CELL
        if not all(shape.fullmatch(cell) and cell.count(" ") < _MAX_WORDS for cell in cells if cell):
            return None
        layout = _layout(cells)
        placed = max(layout.step, layout.epoch) >= 0 and len(layout.pairs) > 1
        if layout.decisive or placed:
            return Table(delimiter, layout, len(cells))
        nameless = unsure and delimiter in {",", ";", "\t"} and len(cells) >= _UNSURE and all(cells)
        return Table(delimiter, layout, len(cells), strict=True) if nameless else None
    return _spaced(line)


def _named(cell: str) -> str:
    """A name without the half of a pair of brackets: `Box(P` and `mAP50-95)` are P and mAP50-95."""
    return cell if ("(" in cell) == (")" in cell) else cell.rpartition("(")[2].rstrip(")")


def _spaced(line: str) -> Table | None:
    """A head of single words, parted by single blanks: it must name a position and something that matters."""
    cells = line.split()
    if not 1 < len(cells) <= _MAX_COLUMNS or not all(map(_WORD.fullmatch, cells)):
        return None
    layout = _layout(cells)
    sure = layout.decisive and max(layout.step, layout.epoch) == 0
    return Table(_SPACE, layout, len(cells), strict=True) if sure else None


def _layout(cells: list[str]) -> Layout:
    said = [_HERE.get(cell.lower(), cell) for cell in cells] if "#" in cells else cells
    ranks = [names.step_rank(cell, Sign.BARE) for cell in said]
    step = ranks.index(max(ranks)) if max(ranks) else -1
    epoch = next((i for i, cell in enumerate(said) if names.spoken(cell) in names.EPOCHS), -1)
    pairs = {
        cell[: names.NAME_LIMIT]: i
        for i, cell in reversed(list(enumerate(cells)))
        if cell and not ranks[i] and i != epoch and not names.silent(cell)
    }
    ordered = tuple((i, name) for name, i in reversed(pairs.items()))
    return Layout(ordered, step=step, epoch=epoch, decisive=any(map(names.decisive, pairs)), plain=True)


def _cells(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return _GAP.split(line.strip())
    if delimiter == _SPACE:
        return line.split()
    if delimiter == "|":
        line = line.strip().strip("|")
    elif '"' in line:
        with suppress(csv.Error):
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
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
