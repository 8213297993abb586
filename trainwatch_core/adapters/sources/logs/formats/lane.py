"""The fast lane: lines that differ from the one before in their numbers only are matched whole, and read as columns.

It reads exactly what the slow lane reads, or leaves a line to it: numbers are told as there, nothing is gone back over,
and whatever is not plain (NaN, a step that depends on epochs) is left alone.
"""

from __future__ import annotations

import re

from trainwatch_core.adapters.sources.logs.formats.axis import Place
from trainwatch_core.adapters.sources.logs.formats.blocks import Blocks
from trainwatch_core.adapters.sources.logs.formats.events import eventful
from trainwatch_core.adapters.sources.logs.formats.layout import PADDING, Layout
from trainwatch_core.adapters.sources.logs.formats.lists import may_be_lists

LONGEST = 4096
"""Characters of a line that the fast lane looks at."""
LEAST = 4
"""Lines in a row below which it is not worth its while."""

_DIGITS = r"[0-9]++"
_GROUPED = r"[0-9]++(?:,[0-9]{3})*+"
_NUMBER = r"-?+[0-9]++(?:\.[0-9]*+)?+(?:[eE][-+]?[0-9]++)?+"
# What a number could go on with, or begin in: there the two lanes could part numbers in different ways.
_GOES_ON = re.compile(r"[0-9.]|,(?:[0-9]|\Z)|[eE](?:[-+0-9]|\Z)")
_BEGINS = re.compile(r"[\w.#@+]\Z")


class Lane:
    """How lines of one kind are matched.

    Args:
        pattern: Of a whole line, a group for each number that is wanted.
        wanted: Which numbers these are.
    """

    __slots__ = ("pattern", "place", "wanted")

    def __init__(self, pattern: re.Pattern[str], wanted: list[int]) -> None:
        self.pattern = pattern
        self.wanted = wanted
        self.place = {index: at for at, index in enumerate(wanted)}

    def run(self, lines: list[str], start: int) -> list[tuple[str, ...]]:
        """The wanted numbers of each line from `start` on, until a line is of another kind."""
        found = []
        match = self.pattern.fullmatch
        for at in range(start, len(lines)):
            line = lines[at]
            same = match(PADDING.sub(" ", line) if "  " in line else line)
            if same is None:
                break
            found.append(same.groups())
        return found


def lane_of(texts: tuple[str, ...], numbers: list[str], layout: Layout) -> Lane | None:
    """The lane for a kind of lines; None where only the slow one is sure.

    Args:
        texts: n + 1 texts around n numbers.
        numbers: Those of the line that was just read.
        layout: Of the kind.
    """
    positions = {layout.step, layout.total, layout.epoch} - {-1}
    wanted = sorted({index for index, _ in layout.pairs} | positions)
    odd = any(map(_GOES_ON.match, texts[1:])) or any(map(_BEGINS.search, filter(None, texts[:-1])))
    first = texts[0] + numbers[0] + texts[1]
    elsewhere = eventful("0".join(texts)) or Blocks().may_open(texts[-1]) or may_be_lists(first)
    if odd or elsewhere:
        return None
    pieces = [re.escape(texts[0])]
    for index, text in enumerate(texts[1:]):
        whole = re.fullmatch(_GROUPED, numbers[index])
        if index in wanted:
            pieces.append(f"({_DIGITS})" if whole and index in positions else f"({_NUMBER})")
        elif whole:
            pieces.append(_GROUPED)
        elif re.fullmatch(_NUMBER, numbers[index]):
            pieces.append(_NUMBER)
        else:
            return None
        pieces.append(re.escape(text))
    return Lane(re.compile("".join(pieces)), wanted)


def floats(column: tuple[str, ...]) -> list[float]:
    """Numbers as printed."""
    return list(map(float, column))


def steps_of(place: Place, layout: Layout, lane: Lane, columns: list[tuple[str, ...]]) -> list[float] | None:
    """Where lines of the kind that was just read stand, one after the other; moves the place there.

    Returns:
        One step a line; None where that takes more than a look at their numbers.
    """
    if place.epoch is not None or (layout.epoch >= 0 and not layout.epoch_is_metric):
        return None
    total = columns[lane.place[layout.total]] if layout.total >= 0 else ()
    if layout.step >= 0:
        return place.go_on(floats(columns[lane.place[layout.step]]), set(floats(total)))
    epochs = floats(columns[lane.place[layout.epoch]]) if layout.epoch >= 0 else []
    return place.stay(len(columns[0]), epochs) if not total else None
