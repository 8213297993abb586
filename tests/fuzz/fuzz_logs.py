"""Any bytes at all as a log or a table: no crash, no hang, bounded memory. Needs atheris: `make fuzz`.

The first byte chooses the reader and where the first of two looks ends.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trainwatch_core"]):
    from trainwatch_core.adapters.sources.csv_table import CsvSource
    from trainwatch_core.adapters.sources.logs.file import LogFileSource
    from trainwatch_core.adapters.sources.trainer_state import TrainerStateSource
    from trainwatch_core.model.errors import SourceUnavailableError

_READERS = (LogFileSource, LogFileSource, CsvSource, TrainerStateSource)
_FILE = Path(tempfile.mkdtemp()) / "fuzz.log"
_SLOW = 5.0
"""Seconds of this process for two looks at a few kilobytes: something goes back and forth then."""


def one_input(data: bytes) -> None:
    """Read it in two looks, the second from where the first ended."""
    choice, body = (data[0], data[1:]) if data else (0, b"")
    source = _READERS[choice % len(_READERS)](str(_FILE))
    cursor, begun = None, time.process_time()
    for part in (body[: len(body) * choice // 256], body):
        _FILE.write_bytes(part)
        try:
            batch = source.fetch(cursor, deadline=5)
        except SourceUnavailableError:
            continue
        cursor = json.loads(json.dumps(batch.cursor, allow_nan=False))
        if sum(map(len, batch.rows.values())) > len(body):
            raise AssertionError("more samples than bytes")
    if time.process_time() - begun > _SLOW:
        raise AssertionError("too slow")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
