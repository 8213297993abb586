"""What is wrong with a file, one sentence a key: where, what was found, what is allowed, what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from trainwatch_core.config.settings import Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Path = tuple[str, ...]
Known = Mapping[Path, tuple[str, ...]]

MOST = 50

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CREDENTIALS = re.compile(r"//[^/@]*@")
_SHOWN = 60
_WRONG_SHAPE: Mapping[str, str] = {
    "dataclass_type": "a table",
    "dict_type": "a table of names and values, e.g. { val_loss = 2.31 }",
    "mapping_type": "a table of names and values, e.g. { val_loss = 2.31 }",
    "tuple_type": 'a list, e.g. ["a", "b"]',
}
_LEFT_OUT: tuple[frozenset[int], ...] = (frozenset({1}), frozenset({1, 3}))
_MISSING: Mapping[str, str] = {
    "data_dir": "is not given, and HOME is not set. Set data_dir or TRAINWATCH_DATA_DIR to a folder",
    "url": 'is missing. Give the address of the server, e.g. url = "http://127.0.0.1:8888"',
    "argv": 'is missing. Give the command, e.g. argv = ["/usr/bin/scancel", "--", "{job_id}"]',
    "type": 'is missing. Give "int" or "word"',
    "match": 'is missing. Say which projects this table is for, e.g. match = "my-team/vision-*"',
}


def tables(schema: type = Settings, path: Path = ()) -> dict[Path, tuple[str, ...]]:
    """Every table of the schema and the keys that may stand in it, by the table's path without list positions."""
    found = {path: tuple(field.name for field in fields(schema))}
    for name, hint in get_type_hints(schema).items():
        for inner in (hint, *get_args(hint)):
            # A value may be a dataclass too; a table says that nothing else may stand in it.
            if isinstance(inner, type) and is_dataclass(inner) and hasattr(inner, "__pydantic_config__"):
                found |= tables(inner, (*path, name))
    return found


def describe(errors: Sequence[ErrorDetails]) -> list[str]:
    """One sentence for each error of pydantic, MOST at most and then their number."""
    known = tables()
    said = [f"{dotted(error['loc'])}: {_sentence(error, known)}" for error in errors[:MOST]]
    return said if len(errors) <= MOST else [*said, f"and {len(errors) - MOST} more. Put these right first"]


def repeated_patterns(table: Mapping[str, Any]) -> list[str]:
    """One sentence for each `match` that stands in several `[[project]]` tables."""
    projects = table.get("project")
    given = [entry.get("match") for entry in projects if isinstance(entry, dict)] if isinstance(projects, list) else []
    counted = Counter(pattern for pattern in given if isinstance(pattern, str))
    return [
        f"project: found {times} tables with match = {shown(pattern)}; one is allowed. Put their keys into one table"
        for pattern, times in counted.items()
        if times > 1
    ]


def dotted(loc: Sequence[str | int]) -> str:
    """A key's path as the file spells it, e.g. `watch.baseline."val/loss"`; positions in lists count from 0."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _BARE_KEY.fullmatch(part) else f".{shown(part)}"
    return text.removeprefix(".") or "the file"


def shown(value: object) -> str:
    """A value as a person may read it: short, inert, without credentials."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Python refuses to spell out very large whole numbers.
        return repr(value) if not isinstance(value, int) or abs(value) < 10**18 else "a very large number"
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
        inert = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)
        return f'"{_CREDENTIALS.sub("//***@", inert)}"'
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else f"the date or time {value}"


def _sentence(error: ErrorDetails, known: Known) -> str:
    kind, loc = error["type"], error["loc"]
    keys = tuple(part for part in loc if isinstance(part, str))
    if kind == "unexpected_keyword_argument":
        return _unknown(keys, known)
    if kind == "missing":
        return _MISSING[keys[-1]]
    found = shown(error["input"])
    if kind == "tuple_type" and keys == ("project",):
        return f"found {found}; allowed are tables under [[project]]. Write the brackets twice"
    allowed = str(error["ctx"]["error"]) if kind == "value_error" else _WRONG_SHAPE[kind]
    return f"found {found}; allowed is {allowed}"


def _unknown(keys: Path, known: Known) -> str:
    """What to do about a key that does not exist. Its value is not repeated: it may be a secret."""
    table, key = _anonymous(keys[:-1], known), keys[-1]
    near = get_close_matches(key, known[table], n=1)
    if near:
        return f'there is no such key. Did you mean "{near[0]}"?'
    homes = [dotted(path) for path, names in known.items() if key in names and path != table]
    if homes:
        return "it does not belong here. Move it to " + " or ".join(_heading(home) for home in homes)
    return "there is no such key. Remove it; allowed here are " + ", ".join(known[table])


def _anonymous(table: Path, known: Known) -> Path:
    """A table's path without the names that the person gave, as in [hosts.NAME] and params = { NAME = ... }."""
    return (
        table
        if table in known
        else next(
            (
                p
                for p in (tuple(part for i, part in enumerate(table) if i not in left) for left in _LEFT_OUT)
                if p in known
            ),
            (),
        )
    )


def _heading(table: str) -> str:
    if table == "the file":
        return "the top of the file, before the first [table]"
    return "[[project]]" if table == "project" else f"[{table}]"
