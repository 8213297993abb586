"""Announced changes: `STEP[=WHAT]`, once each, the newest only."""

from __future__ import annotations

import pytest

from trainwatch_core.model.announcement import LONGEST, MOST, Announcement, parse_announcement, with_announced
from trainwatch_core.model.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "step", "what"),
    [
        ("30000", 30_000, ""),
        ("30,000=harder data", 30_000, "harder data"),
        ("3e4=lr=1e-4 from here", 30_000, "lr=1e-4 from here"),
        ("0", 0, ""),
        ("2.5= second stage ", 2.5, "second stage"),
        ("10=größere Bilder", 10, "größere Bilder"),
    ],
)
def test_a_step_and_words_are_read(text: str, step: float, what: str) -> None:
    """As people write steps; everything after the first equals sign is theirs."""
    assert parse_announcement(text) == Announcement(step, what)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "=harder data",
        "-1",
        "nan",
        "inf",
        "1e15",
        "\uff13\uff10\uff10",
        "10=a\nb",
        "10=a\u202eb",
        f"10={'x' * 201}",
    ],
)
def test_what_is_no_step_or_hides_something_is_refused(text: str) -> None:
    """No step, a step that no run has, digits that pretend, words that hide something or never end."""
    with pytest.raises(InvalidInputError):
        parse_announcement(text)


def test_as_many_words_as_are_kept_are_taken() -> None:
    """The limit itself is within."""
    assert len(parse_announcement(f"10={'x' * LONGEST}").what) == LONGEST


def test_what_was_said_twice_counts_once() -> None:
    """Saying it again changes nothing; other words at the same step are something else."""
    once = (Announcement(1), Announcement(2, "data"))
    assert with_announced(once, Announcement(2, "data")) == once
    assert with_announced(once, Announcement(2), Announcement(3)) == (*once, Announcement(2), Announcement(3))


def test_only_the_newest_are_kept() -> None:
    """Whoever announces without end does not make each round slower without end."""
    many = [Announcement(step) for step in range(MOST + 5)]
    assert with_announced((), *many) == tuple(many[5:])
