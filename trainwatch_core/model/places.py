"""Files of this machine and of others, in one word: `/path`, or `host:/path` as scp and rsync have it."""

from __future__ import annotations

import re

_REMOTE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63}):(/(?!/).*)", re.DOTALL)


def remote_part(text: str) -> tuple[str, str] | None:
    """The host and the absolute path there that a word names; None if it is a path of this machine.

    A path of this machine that looks like one of another, `a:/b`, is written `./a:/b`.
    """
    found = _REMOTE.fullmatch(text)
    return (found[1], found[2]) if found else None
