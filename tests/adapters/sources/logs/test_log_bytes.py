"""Any bytes at all as a log, a table or a database: an error in words or a batch, and nothing twice.

`make fuzz` looks for more of them, guided by coverage.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.adapters.sources.csv_table import CsvSource
from trainwatch_core.adapters.sources.logs.file import LogFileSource
from trainwatch_core.adapters.sources.mlflow import MlflowSource
from trainwatch_core.adapters.sources.tensorboard import TensorboardSource
from trainwatch_core.adapters.sources.trackio import TrackioSource
from trainwatch_core.adapters.sources.trainer_state import TrainerStateSource
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor
from trainwatch_core.ports import Source

PIECES = st.sampled_from(
    [
        *(b"step=1 loss=2.5\n", b"{'loss': nan, 'epoch': 0.5}\n", b"loss,acc\n", b"1,2\n", b"epoch  loss\n"),
        *(b"--------\n", b"| a | 1 |\n", b"{\n", b'"loss": 1,\n', b"}\n", b"[\n", b"Epoch 1/2\n", b'"a\n'),
        *(b" 50%|##| 1/2 [00:01<00:01]\r", b"\x00\xff\x1b[", b'{"loss": [1, 2]}\n', b"1e999 loss=1e999\n"),
        *(b"Traceback (most recent call last):\n", b"\xe2\x80\xae", b"step:"),
    ]
)
MIXED = st.lists(st.one_of(PIECES, st.binary(max_size=9)), max_size=40).map(b"".join)
BYTES = st.one_of(st.binary(max_size=400), MIXED)
READERS: dict[str, Callable[[str], Source]] = {
    "x.log": LogFileSource,
    "x.csv": CsvSource,
    "trainer_state.json": TrainerStateSource,
    "x.tfevents": TensorboardSource,
    "x.db": TrackioSource,
    "y.db": MlflowSource,
}


def _counts(batches: list[Batch]) -> dict[str, int]:
    names = {name for batch in batches for name in batch.rows}
    return {name: sum(len(batch.rows[name]) for batch in batches if name in batch.rows) for name in names}


def _look(source: Source, cursor: Cursor | None) -> Batch | None:
    """What it gives; None for an error in words. Anything else that is raised is a crash."""
    with suppress(SourceUnavailableError):
        return source.fetch(cursor, deadline=20)
    return None


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=BYTES, cut=st.floats(0, 1))
def test_any_bytes_give_a_batch_or_an_error_in_words(name: str, data: bytes, cut: float) -> None:
    """In two looks, the second from where the first ended, its cursor through JSON."""
    head = {"x.db": b"SQLite format 3\0", "y.db": b"SQLite format 3\0"}.get(name, b"")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        cursor = None
        for part in (data[: int(len(data) * cut)], data):
            path.write_bytes(head + part)
            batch = _look(READERS[name](str(path)), cursor)
            if batch is None:
                continue
            cursor = json.loads(json.dumps(batch.cursor, allow_nan=False))
            assert all(np.isfinite(rows.steps).all() for rows in batch.rows.values())
            assert all(metric.isprintable() for metric in batch.rows) or name != "x.log"
            "".join([*batch.tail, *batch.notes, *(event.line for event in batch.events)]).encode()


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(PIECES, max_size=60), cut=st.floats(0, 1))
def test_a_log_read_in_two_looks_gives_each_sample_once(lines: list[bytes], cut: float) -> None:
    """Wherever the first look ended: in a line, in a block, in a character."""
    data = b"".join(lines) + b"\n"
    with tempfile.TemporaryDirectory() as folder:
        whole, pieces = Path(folder) / "whole.log", Path(folder) / "pieces.log"
        whole.write_bytes(data)
        at = int(len(data) * cut)
        pieces.write_bytes(data[:at])
        first = LogFileSource(str(pieces)).fetch(None, deadline=20)
        with pieces.open("ab") as file:
            file.write(data[at:])
        second = LogFileSource(str(pieces)).fetch(json.loads(json.dumps(first.cursor)), deadline=20)
        assert _counts([first, second]) == _counts([LogFileSource(str(whole)).fetch(None, deadline=20)])
