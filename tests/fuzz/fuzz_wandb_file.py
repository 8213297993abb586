"""Any bytes at all as a `.wandb` file: no crash, no hang, bounded memory. Needs atheris: `make fuzz`.

The first byte chooses what the rest is: the file behind its header, or records in sound frames, which reach further.
"""

from __future__ import annotations

import struct
import sys
import tempfile
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["trainwatch_core"]):
    from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource

_HEADER = b":W&B\xe1\xbe\x00"
_BLOCK = 32768
_HEAD = 7
_MOST = 20_000
_FILE = Path(tempfile.mkdtemp()) / "run-fuzz.wandb"


def framed(records: list[bytes]) -> bytes:
    """A sound file of these records, none of which may be longer than what is left of a block."""
    whole = bytearray(_HEADER)
    for record in records:
        room = _BLOCK - len(whole) % _BLOCK
        if room < _HEAD + len(record):
            whole += bytes(room)
        whole += struct.pack("<IHB", zlib.crc32(record, zlib.crc32(b"\x01")), len(record), 1) + record
    return bytes(whole)


def one_input(data: bytes) -> None:
    """Read it in two looks, the second from where the first ended."""
    body = data[1:]
    sound = data[:1] > b"\x40"
    whole = framed([body[at : at + 200] for at in range(0, len(body), 200)]) if sound else _HEADER + body
    source = WandbOfflineSource(str(_FILE), max_samples=_MOST)
    _FILE.write_bytes(whole[: len(whole) // 2])
    first = source.fetch(None, deadline=5)
    _FILE.write_bytes(whole)
    second = source.fetch(first.cursor or None, deadline=5)
    for batch in (first, second):
        if sum(map(len, batch.rows.values())) > _MOST + len(data):
            raise AssertionError("more samples than allowed")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
