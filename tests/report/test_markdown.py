"""Untrusted text in notes is shown, not obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.report.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("resnet50-lr3e4 went well, 2.31 -> 6.91", "resnet50-lr3e4 went well, 2.31 -\\> 6.91"),
        ("a\n# Head\r\n- item", "a \\# Head - item"),
        ("[Approve](https://evil)", "\\[Approve\\](https\\://evil)"),
        ("see www.evil.com or mailto:a@b", "see www\\.evil.com or mailto\\:a\\@b"),
        ("<script>&amp;", "\\<script\\>\\&amp;"),
        ("```x``` ~~y~~ $z$ |t|", "\\`\\`\\`x\\`\\`\\` \\~\\~y\\~\\~ \\$z\\$ \\|t\\|"),
        ("@channel #12 ![i](u)", "\\@channel \\#12 \\!\\[i\\](u)"),
        ("a\\", "a\\\\"),
        ("=cmd|'/c calc'!A1", "\\=cmd\\|'/c calc'\\!A1"),
        ("+1", "\\+1"),
        ("-2.5", "\\-2.5"),
        ("---", "\\---"),
        ("12. item", "12\\. item"),
        ("3) item", "3\\) item"),
        ("2.31", "2\\.31"),
        ("a\u202eb\u200bc\x1b[2Jd\x00", "abcd"),
        ("", ""),
    ],
)
def test_text_is_literal(text: str, escaped: str) -> None:
    """F-I09: emphasis, links, headings, tables, HTML, formulas and mentions lose their power, words stay readable."""
    assert escape_markdown(text) == escaped


def test_long_text_is_cut() -> None:
    """A name of a megabyte does not fill a note."""
    assert len(escape_markdown("*" * 1_000_000, 100)) <= 200


@given(st.text())
def test_no_sign_of_markdown_is_left_bare(text: str) -> None:
    """F-I09: whatever the text: one line, and each sign that Markdown obeys has a backslash of its own."""
    escaped = escape_markdown(text)
    assert len(escaped.splitlines()) <= 1
    bare = re.sub(r"\\.", "", escaped)
    assert not re.search(r"[\\`*_\[\]<>|~$#@&!]", bare)
    assert "://" not in bare
