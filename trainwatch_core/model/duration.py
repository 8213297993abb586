"""Durations as people write them: `30m`, `2h`, `1h30m`, `90s`."""

from __future__ import annotations

import math
import re

from trainwatch_core.model.errors import InvalidInputError

LONGEST = 366 * 86400.0
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_FIGURE = r"(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)UNIT)?"
_SPELLED = re.compile(r"\s*".join(_FIGURE.replace("UNIT", unit) for unit in _UNITS))
_BARE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_TODO = 'Write it like "30m", "2h", "1h30m", "90s", or as a number of seconds; at most 366 days'


def parse_duration(text: str | float) -> float:
    """Seconds of a duration: units d, h, m, s in this order, each at most once; a bare number means seconds.

    Args:
        text: E.g. `30m`, `1.5h`, `1h 30m`, `90`, 90, 0.5.

    Returns:
        0 <= seconds <= LONGEST.

    Raises:
        InvalidInputError: If it is no duration, negative, not finite, or longer than LONGEST.
    """
    seconds = _spelled(text) if isinstance(text, str) else _number(text)
    if seconds is None or not math.isfinite(seconds) or not 0.0 <= seconds <= LONGEST:
        # A number is not repeated: Python refuses to spell out very large ones.
        shown = repr(text[:40]) if isinstance(text, str) else "This number"
        raise InvalidInputError(f"{shown} is not a duration", todo=_TODO)
    return seconds


def spell_duration(seconds: float) -> str:
    """A duration as `parse_duration` reads it: `1h30m`, `90.5s` where it is no number of whole seconds."""
    left = round(seconds)
    if left != seconds:
        return f"{seconds:.6f}".rstrip("0") + "s"
    parts = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, int(size))
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _spelled(text: str) -> float | None:
    words = text.strip().lower()
    if _BARE.fullmatch(words):
        return float(words)
    match = _SPELLED.fullmatch(words)
    if match is None or not words:
        return None
    return math.fsum(float(figure or 0) * unit for figure, unit in zip(match.groups(), _UNITS.values(), strict=True))


def _number(value: float) -> float | None:
    # True is an int to Python, and nobody means one second by it.
    return None if isinstance(value, bool) or abs(value) > LONGEST else float(value)
