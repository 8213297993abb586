"""The LevelDB log that a `.wandb` file is: records cut into checksummed chunks that never cross a block of 32 KiB.

Written from the format's description. W&B differs from LevelDB in a file header and in the checksum: the plain CRC-32
of the chunk's type and data.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from trainwatch_core.model.errors import SourceUnavailableError

BLOCK = 32768
START = 7
"""Length of the file's header: where the first chunk begins."""
MAX_RECORD = 64 * 1024 * 1024

_FILE_HEADER = struct.Struct("<4sHB")
_CHUNK = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One record of the log.

    Attributes:
        payload: Its bytes; None where the file is damaged and the rest of the block was passed over.
        end: Offset in the file behind it: reading can begin again there.
    """

    payload: bytes | None
    end: int


def check_header(fd: int, name: str) -> bool:
    """Whether the file has its header yet.

    Raises:
        SourceUnavailableError: If it is not the header of a W&B run file.
    """
    head = os.pread(fd, START, 0)
    if len(head) < START:
        return False
    ident, magic, version = _FILE_HEADER.unpack(head)
    if ident != b":W&B" or magic != 0xBEE1:  # noqa: PLR2004  # the format's own magic number, used once
        raise SourceUnavailableError("This is not a W&B run file", where=name, todo="Name a run-*.wandb file")
    if version != 0:
        raise SourceUnavailableError(
            f"This W&B run file has format version {version}, only 0 is known", where=name, todo="Update trainwatch"
        )
    return True


def read_frames(fd: int, start: int) -> Iterator[Frame]:
    """The records from an offset on that an earlier Frame ended at (or START), up to what is wholly written.

    A chunk that is cut off at the end of the file is being written: reading ends before it. One that is wrong inside
    of a complete block is damage: the rest of that block is passed over.
    """
    record: bytearray | None = None
    base, at = start - start % BLOCK, start % BLOCK
    while True:
        block = os.pread(fd, BLOCK, base)
        while (chunk := _chunk(block, at)) is not None:
            kind, data = chunk
            at = at + _CHUNK.size + len(data) if kind else BLOCK
            if kind in {_FULL, _FIRST}:
                record = bytearray()
            if record is not None:  # else the rest of a record whose beginning was passed over
                record += data
            if not kind or len(record or b"") > MAX_RECORD:
                record = None
                yield Frame(None, base + at)
            elif kind in {_FULL, _LAST} and record is not None:
                yield Frame(bytes(record), base + at)
                record = None
        if len(block) < BLOCK:
            return
        base, at = base + BLOCK, 0


def _chunk(block: bytes, at: int) -> tuple[int, bytes] | None:
    """Kind and data of the chunk there; kind 0 if it is damaged; None if there is none (yet)."""
    if len(block) - at < _CHUNK.size:
        return None
    checksum, length, kind = _CHUNK.unpack_from(block, at)
    data = block[at + _CHUNK.size : at + _CHUNK.size + length]
    sound = _FULL <= kind <= _LAST and len(data) == length and zlib.crc32(data, zlib.crc32(bytes((kind,)))) == checksum
    if sound:
        return kind, data
    return (0, b"") if len(block) == BLOCK else None
