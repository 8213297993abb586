"""Quiet hours and how long a snooze lasts, over midnight and over changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.quiet import QuietHours, snooze_until

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """A moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-06-01 19:59", None),
        ("2026-06-01 20:00", "2026-06-02 05:00"),
        ("2026-06-01 23:30", "2026-06-02 05:00"),
        ("2026-06-02 04:59", "2026-06-02 05:00"),
        ("2026-06-02 05:00", None),
        # The clocks go back at 01:00 UTC: the night is an hour longer, and one night.
        ("2026-10-24 20:30", "2026-10-25 06:00"),
        ("2026-10-25 00:30", "2026-10-25 06:00"),
        ("2026-10-25 01:30", "2026-10-25 06:00"),
        # They go forward: it is an hour shorter.
        ("2026-03-28 21:30", "2026-03-29 05:00"),
    ],
)
def test_a_night_from_ten_to_seven(now: str, ends: str | None) -> None:
    """It belongs to the evening on which it begins."""
    hours = QuietHours(time(22), time(7), BERLIN)
    assert hours.ends_at(at(now)) == (at(ends) if ends else None)


@pytest.mark.parametrize(
    ("begin", "end", "now", "ends"),
    [
        (time(12), time(13), "2026-06-01 10:30", "2026-06-01 11:00"),
        (time(12), time(13), "2026-06-01 11:00", None),
        # 02:30 of this day does not exist: it ends when it would have been.
        (time(1), time(2, 30), "2026-03-29 00:45", "2026-03-29 01:30"),
        # 02:30 of this day is there twice: its first one begins the quiet, and it ends once.
        (time(2, 30), time(3), "2026-10-25 00:45", "2026-10-25 02:00"),
        (time(2, 30), time(3), "2026-10-25 01:15", "2026-10-25 02:00"),
        (time(2, 30), time(3), "2026-10-25 02:15", None),
    ],
)
def test_a_stretch_of_one_day_and_hours_that_are_not_there_or_there_twice(
    begin: time, end: time, now: str, ends: str | None
) -> None:
    """A stretch is from a moment to a moment."""
    assert QuietHours(begin, end, BERLIN).ends_at(at(now)) == (at(ends) if ends else None)


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("", "2026-06-01 22:00"),
        ("2h", "2026-06-01 22:00"),
        ("90m", "2026-06-01 21:30"),
        ("until 08:00", "2026-06-02 06:00"),
        ("Until 23:30", "2026-06-01 21:30"),
        ("22:00", "2026-06-02 20:00"),  # it is 22:00 now
        ("until tomorrow", "2026-06-02 07:00"),
        ("tomorrow", "2026-06-02 07:00"),
    ],
)
def test_how_long_a_snooze_lasts(said: str, until: str) -> None:
    """As people say it; a time of the day is the next one."""
    assert snooze_until(said, at("2026-06-01 20:00"), BERLIN) == at(until)


@pytest.mark.parametrize("said", ["until 24:00", "29:59", "for ever", "until", "-2h", "8"])
def test_what_is_no_time_is_refused(said: str) -> None:
    """With an example, or with what a duration looks like."""
    with pytest.raises(InvalidInputError):
        snooze_until(f"until {said}" if said == "8" else said, at("2026-06-01 20:00"), BERLIN)
