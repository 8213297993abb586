"""Values as W&B gives them, parsed once: a float (NaN and infinities included) or missing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

_LONGEST_INTEGER = 400
_NAMED = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
}


def load_json(text: str | bytes) -> object:
    """Parse JSON from outside. An integer too long for a float becomes an infinity, of two equal keys the last counts.

    Raises:
        ValueError: If the text is no JSON, or nested too deeply to be any.
    """
    try:
        loaded: object = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return loaded


def load_mapping(value: object) -> Mapping[str, object]:
    """A JSON object that comes as one or as text; empty if it is neither."""
    if isinstance(value, str):
        try:
            value = load_json(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def number(value: object) -> float | None:
    """The float that a logged value stands for; None if it is not a number (missing, bool, text, a nested object)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _NAMED.get(value.lower()) if len(value) < 10 else None  # noqa: PLR2004  # the longest name has nine
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value if isinstance(value, float) else None


def number_of_json(text: str) -> float | None:
    """The float that a value in JSON text stands for; None if it is not a number."""
    try:
        return float(text)  # nearly all are plain numbers: ten times faster than a JSON parser
    except ValueError:
        pass
    try:
        return number(load_json(text))
    except ValueError:
        return None


def pick(row: Mapping[str, object], key: str) -> object:
    """The value of a key in a row; a dotted key also finds what is nested. None if there is none."""
    if key in row:
        return row[key]
    found: object = row
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def _integer(text: str) -> int | float:
    # Python refuses integers of more than 4300 digits with an error that would lose the whole answer.
    return int(text) if len(text) < _LONGEST_INTEGER else float(text)
