"""Quiet hours: a stretch of each day in which ordinary rounds are not posted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import InvalidInputError

USUAL = 7200.0
"""Seconds of a snooze of which nobody said how long."""
_MORNING = time(9)
_UNTIL = re.compile(r"(?:until[ ]+)?(?:([0-2]?[0-9]):([0-5][0-9])|(tomorrow))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one local time to another, over midnight if the second is the earlier one.

    Each night is a stretch from a moment to a moment: an hour that the clocks repeat does not begin it anew, and one
    that they skip does not lose its end.

    Attributes:
        begin: Local time of the day at which it begins.
        end: At which it ends; another one than `begin`.
        zone: Whose local time.
    """

    begin: time
    end: time
    zone: tzinfo

    def ends_at(self, now: datetime) -> datetime | None:
        """When the quiet ends that holds now; None if none does. Aware, UTC."""
        today = now.astimezone(self.zone).date()
        over_midnight = timedelta(days=1 if self.end <= self.begin else 0)
        for day in (today - timedelta(days=1), today):
            begins = self._moment(datetime.combine(day, self.begin))
            ends = self._moment(datetime.combine(day + over_midnight, self.end))
            if begins <= now < ends:
                return ends
        return None

    def _moment(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(UTC)


def snooze_until(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Read `2h`, `until 08:00` (the next one), `tomorrow` (09:00); nothing at all is two hours.

    Args:
        text: What was said.
        now: Aware.
        zone: Whose local time.

    Raises:
        InvalidInputError: If it is none of these.
    """
    words = text.strip()
    match = _UNTIL.fullmatch(words)
    if match is None:
        return now + timedelta(seconds=parse_duration(words) if words else USUAL)
    today = now.astimezone(zone).date()
    if match[3] is not None:
        return datetime.combine(today + timedelta(days=1), _MORNING, zone).astimezone(UTC)
    if int(match[1]) > 23:  # noqa: PLR2004  # hours of a day
        raise InvalidInputError("This is no time of the day", where=words, todo="E.g. snooze until 08:00")
    at = datetime.combine(today, time(int(match[1]), int(match[2])), zone)
    return (at if at > now else at + timedelta(days=1)).astimezone(UTC)
