"""Whole histories as lists: `{"loss": [0.5, 0.4], "val_loss": [0.6, 0.5]}`, as Keras keeps them."""

from __future__ import annotations

import json
import re

_MARK = re.compile(r"[\"']: ?\[")
_BARE = re.compile(r"\b(?:nan|inf)\b")


def may_be_lists(line: str) -> bool:
    """A quick look."""
    return line[:1] == "{" and bool(_MARK.search(line, 0, 200))


def rows_of(line: str) -> list[str]:
    """One dict for each entry of the lists, with its epoch; empty if the line is no dict of equally long lists."""
    text = _BARE.sub(lambda word: {"nan": "NaN", "inf": "Infinity"}[word[0]], line.replace("'", '"'))
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return []
    lists = {name: values for name, values in table.items() if isinstance(values, list)} if _is_dict(table) else {}
    lengths = {len(values) for values in lists.values()}
    if 2 * len(lists) < len(table) or len(lengths) != 1 or not all(_numbers(values) for values in lists.values()):
        return []
    return [
        json.dumps({"epoch": at + 1, **{name: values[at] for name, values in lists.items()}})
        for at in range(lengths.pop())
    ]


def _is_dict(table: object) -> bool:
    return isinstance(table, dict)


def _numbers(values: list[object]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
