"""Numbers as people say them: 41,200 · 40k · 3e-4 · +1.2 % · 62 min · 4.2 MB. Below zero with a true minus sign."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

_MINUS = "\N{MINUS SIGN}"
_DIGITS = 4
_TICK_DIGITS = 3
_SMALL = 1e-3
_GROUPED_BELOW = 1e9
_LARGE, _WIDE = 1e4, 1e7
_PREFIXES = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_BYTES = ("B", "kB", "MB", "GB", "TB")
_MAX_PERCENT = 1000.0

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_SAID_IN_SECONDS, _SAID_IN_MINUTES, _SAID_IN_HOURS, _SAID_IN_DAYS = 120.0, 120 * _MINUTE, 2 * _DAY, 3650 * _DAY


def say(value: float, digits: int = _DIGITS) -> str:
    """A value with four significant digits (or as many as given): `2.314`, `41,200`, `3e-4`, `1.7e308`, `NaN`, `inf`.

    Whole numbers below 10^9 are said in full.
    """
    if math.isnan(value):
        return "NaN"
    size = abs(value)
    if math.isinf(size):
        text = "inf"
    elif size == 0:
        return "0"
    elif size < _GROUPED_BELOW and size == round(size):
        text = f"{round(size):,}"
    elif _SMALL <= (rounded := float(f"{size:.{digits - 1}e}")) < _GROUPED_BELOW:
        text = _plain(rounded, digits)
    else:
        text = _scientific(size, digits)
    return _signed(text, value)


def say_step(step: float) -> str:
    """A step or a count, in full: `40,350`; epochs may be fractions: `1.25`."""
    if math.isfinite(step) and abs(step) < _GROUPED_BELOW and step == round(step):
        return _signed(f"{abs(round(step)):,}", step)
    return say(step)


def say_percent_change(old: float, new: float) -> str:
    """How far a value moved, in percent of its old size: `+1.2 %`, `+36 %`, `±0 %`.

    From zero, from or to a value that is not finite, and beyond +-1,000 % no percentage says anything: then both values
    are said, `0 → 0.5`.
    """
    if not (math.isfinite(old) and math.isfinite(new)) or old == 0:
        return "±0 %" if old == new else f"{say(old)} → {say(new)}"
    # Halves, because the difference of two values near the largest float is no float.
    percent = (new / 2 - old / 2) / abs(old) * 200
    if not abs(percent) < _MAX_PERCENT:
        return f"{say(old)} → {say(new)}"
    size = f"{abs(percent):.0f}" if abs(percent) >= 10 else f"{abs(percent):.1f}"  # noqa: PLR2004  # two digits tell
    if float(size) == 0:
        return "±0 %"
    return f"{_MINUS if percent < 0 else '+'}{size} %"


def say_change(old: float, new: float) -> str:
    """How far a finite value moved, in its own unit, with three digits: `+0.004`, `-1.25`, `±0`."""
    # Halves, because the difference of two values near the largest float is no float.
    half = new / 2 - old / 2
    size = say(min(abs(half) * 2, sys.float_info.max), _TICK_DIGITS)
    return "±0" if half == 0 else f"{_MINUS if half < 0 else '+'}{size}"


def say_duration(seconds: float) -> str:
    """A length of time in at most two units: `45 s`, `62 min`, `3 h 20 min`, `4 days 2 h`; `unknown` if not finite.

    Beyond ten years it is a clock that is wrong, and a long row of digits would hide that: `over 10 years`.
    """
    if not math.isfinite(seconds):
        return "unknown"
    size = abs(seconds)
    if size < _SAID_IN_SECONDS:
        text = f"{size:.0f} s" if size >= 10 or size == round(size) else f"{size:.1f} s"  # noqa: PLR2004  # two digits
    elif size < _SAID_IN_MINUTES:
        text = f"{size / _MINUTE:.0f} min"
    elif size < _SAID_IN_HOURS:
        text = _two_units(round(size / _MINUTE), 60, "h", "min")
    elif size < _SAID_IN_DAYS:
        text = _two_units(round(size / _HOUR), 24, "days", "h")
    else:
        text = "over 10 years"
    return _signed(text, seconds)


def say_bytes(count: float) -> str:
    """A size in decimal units: `812 B`, `4.2 MB`."""
    if not math.isfinite(count):
        return "unknown"
    size, unit = abs(count), 0
    while size >= 999.5 and unit < len(_BYTES) - 1:  # noqa: PLR2004  # what would be said as 1000
        size, unit = size / 1000, unit + 1
    text = f"{size:.0f}" if unit == 0 or size >= 9.95 else f"{size:.1f}"  # noqa: PLR2004  # what would be said as 10
    return _signed(f"{text} {_BYTES[unit]}", count)


def short_tick(value: float, digits: int = _TICK_DIGITS) -> str:
    """A value for a narrow place: `40k`, `1.5M`, `2.5`, `3e-4`, `1e12`; at most `digits` significant digits."""
    if not math.isfinite(value):
        return say(value)
    size = float(f"{abs(value):.{digits - 1}e}")
    for unit, letter in _PREFIXES:
        if unit <= size < unit * 1000:
            return _signed(f"{size / unit:.{digits}g}" + letter, value)
    return say(value, digits)


def short_ticks(values: Sequence[float]) -> tuple[str, ...]:
    """`short_tick` of several values of one axis, with as many digits as it takes to tell them apart.

    Values of very different sizes are told apart by their exponents: `0.1, 1e9, 1e19`, not `0.1, 1B, 1e19`.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if sizes and max(sizes) / _WIDE > min(sizes):
        return tuple(
            _signed(_scientific(abs(v), _TICK_DIGITS), v) if _LARGE <= abs(v) < math.inf else say(v) for v in values
        )
    wanted = len(set(values))
    labels: tuple[str, ...] = ()
    for digits in range(_TICK_DIGITS, 16):
        labels = tuple(short_tick(value, digits) for value in values)
        if len(set(labels)) == wanted:
            break
    return labels


def _plain(size: float, digits: int) -> str:
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{size:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(size: float, digits: int) -> str:
    mantissa, _, exponent = f"{size:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def _two_units(count: int, per_unit: int, unit: str, part: str) -> str:
    whole, rest = divmod(count, per_unit)
    return f"{whole} {unit} {rest} {part}" if rest else f"{whole} {unit}"


def _signed(text: str, value: float) -> str:
    return f"{_MINUS}{text}" if value < 0 else text
