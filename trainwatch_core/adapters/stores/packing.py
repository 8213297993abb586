"""Histories as compact bytes: a JSON header with names and lengths, then little-endian float64, compressed."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainwatch_core.model.buckets import BUCKET_FIELDS, FloatArray
from trainwatch_core.model.series import History, News, Rows, Series

_MAGIC = b"TW1"
_LENGTH = struct.Struct("<I")
_FAST = 1
"""The fastest level of zlib: half the size for a few milliseconds a megabyte."""


def pack_news(news: News) -> bytes:
    """What one look brought, metrics in their order."""
    lengths = [(name, len(new)) for name, new in news.rows.items()]
    header = {"rows": lengths, "rewound_to": news.rewound_to, "seams": news.seams}
    return _pack(header, [part for new in news.rows.values() for part in (new.steps, new.values, new.times)])


def unpack_news(data: bytes) -> News:
    """What `pack_news` packed.

    Raises:
        ValueError: If the bytes are damaged.
    """
    header, take = _unpack(data)
    rows = {name: Rows(take(n), take(n), take(n)) for name, n in header["rows"]}
    return News(rows, header["rewound_to"], tuple(header["seams"]))


def pack_history(history: History) -> bytes:
    """A whole bounded history: windows, buckets, seams, and what is left out."""
    kept = [(name, len(s), len(s.buckets), s.seams) for name, s in history.series.items()]
    arrays = [part for s in history.series.values() for part in (s.steps, s.values, s.times, s.buckets.ravel())]
    return _pack({"series": kept, "left_out": history.left_out}, arrays)


def unpack_history(data: bytes) -> History:
    """What `pack_history` packed.

    Raises:
        ValueError: If the bytes are damaged.
    """
    header, take = _unpack(data)
    width = len(BUCKET_FIELDS)
    series = {
        name: Series(name, take(n), take(n), take(n), take(m * width).reshape(m, width), tuple(seams))
        for name, n, m, seams in header["series"]
    }
    return History(series, tuple(header["left_out"]))


def _pack(header: object, arrays: Sequence[FloatArray]) -> bytes:
    head = json.dumps(header, separators=(",", ":")).encode("ascii")
    body = np.concatenate([np.empty(0), *arrays]).astype("<f8").tobytes()
    return _MAGIC + zlib.compress(_LENGTH.pack(len(head)) + head + body, _FAST)


def _unpack(data: bytes) -> tuple[Any, Callable[[int], FloatArray]]:
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("a stored stretch of history does not begin as one")
    try:
        plain = zlib.decompress(data[len(_MAGIC) :])
        start = _LENGTH.size + _LENGTH.unpack_from(plain)[0]
    except (zlib.error, struct.error) as error:
        raise ValueError(f"a stored stretch of history is damaged: {error}") from error
    # The copy is aligned and of this machine's byte order, wherever the bytes were written.
    flat = np.frombuffer(plain, dtype="<f8", offset=start).astype(np.float64)
    at = 0

    def take(count: int) -> FloatArray:
        nonlocal at
        at += count
        return flat[at - count : at]

    return json.loads(plain[_LENGTH.size : start]), take
