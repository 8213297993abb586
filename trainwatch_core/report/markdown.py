"""Untrusted text inside Markdown: shown as it is, never obeyed."""

from __future__ import annotations

import re

from trainwatch_core.report.redact import clean

_MAX = 4000
# Anywhere: emphasis, code, links, images, HTML, tables, mathematics, strike-through, headings and issue numbers,
# mentions and mail addresses.
_ANYWHERE = re.compile(r"[\\`*_\[\]<>|~$#@&!]")
# At the beginning: lists, rules, headings underlined on the line before, and what a spreadsheet takes for a formula.
_BEGINNING = re.compile(r"[-+=:%]|[0-9]{1,9}(?=[.)])")
# Addresses that many readers turn into links by themselves.
_ADDRESS = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}(?=://)|www(?=\.)|mailto(?=:))")


def escape_markdown(text: str, limit: int = _MAX) -> str:
    """One line of Markdown that shows the text literally, wherever in a paragraph, list or table it stands.

    Line breaks become spaces; control, bidirectional and zero-width characters are left out.

    Args:
        text: Anything.
        limit: Characters before escaping; a longer text is cut and ends with an ellipsis.
    """
    line = _ANYWHERE.sub(r"\\\g<0>", clean(text, limit))
    line = _ADDRESS.sub(lambda match: f"{match[0]}\\", line)
    first = _BEGINNING.match(line)
    if first is None:
        return line
    # A number is harmless itself, what makes a list of it is the sign after it.
    return f"{first[0]}\\{line[first.end() :]}" if first[0].isdigit() else f"\\{line}"
