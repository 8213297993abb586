"""Where words go, so that none covers another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from trainwatch_core.report.canvas import Font

Measure = Callable[[str, Font], float]
"""Width in pixels of a text."""

_ELLIPSIS = "…"


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Places near the wanted ones at which things of those sizes do not overlap.

    Neighbours that would overlap are pushed apart around their common middle, as little as possible. What does not fit
    between `low` and `high` altogether is squeezed evenly.

    Args:
        wanted: Where the middle of each should be.
        sizes: How much room each takes.
        low: Where the room begins.
        high: Where it ends.

    Returns:
        The middle of each, in the order given.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    total = sum(sizes)
    squeeze = min(1.0, (high - low) / total) if total > 0 else 1.0
    groups: list[tuple[list[int], float, float]] = []
    for index in order:
        size = sizes[index] * squeeze
        members, start, length = [index], _kept(wanted[index] - size / 2, size, low, high), size
        while groups and groups[-1][1] + groups[-1][2] > start:
            others, other_start, other_length = groups.pop()
            middle = (other_start + other_length / 2) * len(others) + (start + length / 2) * len(members)
            members, length = others + members, other_length + length
            start = _kept(middle / len(members) - length / 2, length, low, high)
        groups.append((members, start, length))
    places = [0.0] * len(wanted)
    for members, start, _ in groups:
        edge = start
        for index in members:
            places[index] = edge + sizes[index] * squeeze / 2
            edge += sizes[index] * squeeze
    return places


def _kept(start: float, size: float, low: float, high: float) -> float:
    return max(low, min(start, high - size))


def fitted(text: str, font: Font, room: float, measure: Measure) -> str:
    """The text, cut with an ellipsis until it is at most `room` pixels wide."""
    if measure(text, font) <= room:
        return text
    fits, fails = 0, len(text)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if measure(text[:middle].rstrip() + _ELLIPSIS, font) <= room:
            fits = middle
        else:
            fails = middle
    return text[:fits].rstrip() + _ELLIPSIS


def shrunk(text: str, font: Font, smallest: float, room: float, measure: Measure) -> tuple[str, Font]:
    """The text in that font, made smaller until it fits, and cut where even the smallest does not."""
    width = measure(text, font)
    if width > room:
        font = replace(font, size=max(smallest, 0.98 * font.size * room / width))
    return fitted(text, font, room, measure), font
