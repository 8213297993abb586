"""Python, not a log: trainers print their own source and settings."""

from __future__ import annotations

import re

_LOOKED_AT = 2048
_CODE = re.compile(
    r"^\s{0,64}(?:(?:def|class|import|elif|assert|raise|if|for|while) |return\b(?! ?[:=])|@|# |//)"
    r"|\bself\.|\w\(\)|[\w)\]] ?(?:==|!=|<=|>=|\+=|-=|\*\*) ?[\w(]|\bf[\"']|\bprint\d?\(|\blambda\b"
    r"|\b[A-Za-z_]\w{0,40}\([a-z_]{1,40} ?=|\w ?: (?:int|float|str|bool|list|dict|tuple|Optional)\b"
)


def is_code(line: str) -> bool:
    """Whether a line reads like source code."""
    return bool(_CODE.search(line[:_LOOKED_AT]))
