"""Nested words as JSON text. Whatever is written can be read again: what could not be is refused when it is written.

The standard `json` writes it, since it keeps what pydantic's own writer drops or refuses: NaN and the infinities, and
the lone surrogates that broken log lines and file names are read as. pydantic reads it back into the dataclasses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, get_args

import numpy as np
from pydantic import TypeAdapter

from trainwatch_core.model.message import Body

_BODIES: Mapping[str, Any] = {kind.__name__: kind for kind in get_args(Body)}


def encode(kind: Any, value: Any) -> str:  # noqa: ANN401  # any type that pydantic can read back
    """The JSON text of a value. A Body is tagged with its class: `{"Report": {...}}`.

    Args:
        kind: The type it will be read back as: a dataclass, a tuple or mapping of them, `Body`, `float`.
        value: A value of that type.

    Raises:
        TypeError: If some part of it has no JSON form.
        ValueError: If the text could not be read back as that type.
    """
    tagged = {type(value).__name__: value} if kind == Body else value
    text = json.dumps(tagged, default=_plain, separators=(",", ":"))
    decode(kind, text)
    return text


def decode(kind: Any, text: str) -> Any:  # noqa: ANN401  # the value is of the type that was asked for
    """The value that a JSON text of `encode` stands for.

    Raises:
        ValueError: If the text is damaged or of another type.
    """
    plain = json.loads(text)
    if kind != Body:
        return _reader(kind).validate_python(plain)
    if not isinstance(plain, dict) or len(plain) != 1 or not plain.keys() <= _BODIES.keys():
        raise ValueError(f"not a message: {text[:80]!r}")
    ((name, inner),) = plain.items()
    return _reader(_BODIES[name]).validate_python(inner)


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # a type, of whatever form
    return TypeAdapter(kind)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")
