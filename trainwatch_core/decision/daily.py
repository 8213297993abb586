"""When something that is said once a day is due, whatever the clocks of a zone do that day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

_BACK = 3
"""Days: a zone can leave out a whole one, and the one before may not have begun its hour."""


def last_due(now: datetime, at: time, zone: tzinfo) -> tuple[date, datetime]:
    """The newest day whose moment has come, and that moment (aware, UTC).

    Moments are held against each other in UTC: with one zone on both sides Python would compare what the clocks on the
    wall show, and those go back in autumn. Of a time that comes twice the first one counts; one that is left out in
    spring comes as much later as the clocks were put forward.

    Args:
        now: Aware.
        at: Time of the day in the zone.
        zone: Of the day.
    """
    today = now.astimezone(zone).date()
    moments = [(day, _moment(day, at, zone)) for day in (today - timedelta(days=back) for back in range(_BACK))]
    # `today` comes first: of two days at one moment, where a zone leaves one out, the later one is told of.
    return max((each for each in moments if each[1] <= now), key=lambda each: each[1])


def moment_before(day: date, at: time, zone: tzinfo) -> datetime:
    """The moment of the day before: 23 to 25 hours earlier, as the clocks of the zone have it; UTC."""
    return _moment(day - timedelta(days=1), at, zone)


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
