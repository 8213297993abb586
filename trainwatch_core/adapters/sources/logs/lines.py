"""Bytes of a log as clean lines of text."""

from __future__ import annotations

import re

from trainwatch_core.report.redact import clean, plain, redact

TAIL_LINES = 40
TAIL_BYTES = 32 * 1024
TAIL_LENGTH = 300
_HARMLESS = bytes(range(0x20, 0x7F)) + b"\t\n"
_REWRITES = re.compile("[\r\x08]{1,4096}")


def text_lines(data: bytes) -> list[str]:
    """The lines of a piece of a log. What a progress bar overwrites (carriage return, backspaces) is a line of its own.

    Invalid UTF-8 becomes U+FFFD; escapes, NULs (so also UTF-16 of plain English), zero-width and bidi characters go.

    Args:
        data: Whole lines.
    """
    if not data.translate(None, _HARMLESS):
        return data.decode("ascii").split("\n")
    return plain(_REWRITES.sub("\n", data.decode("utf-8", "replace"))).split("\n")


def evidence(data: bytes) -> tuple[str, ...]:
    """The last lines of a log for people: redacted, cleaned, at most TAIL_LINES of at most TAIL_LENGTH characters."""
    lines = [line for line in text_lines(data[-TAIL_BYTES:]) if line.strip()]
    told = redact("\n".join(lines)).split("\n")  # in one piece: a private key spans several lines
    return tuple(clean(line, TAIL_LENGTH) for line in told[-TAIL_LINES:])
