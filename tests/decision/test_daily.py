"""Once a day, whatever the clocks on the wall do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from trainwatch_core.decision.daily import last_due, moment_before

BERLIN = "Europe/Berlin"
CHANGES = [
    (BERLIN, datetime(2026, 3, 27, 12, tzinfo=UTC)),  # 23 hours: 02:00 is 03:00
    (BERLIN, datetime(2026, 10, 23, 12, tzinfo=UTC)),  # 25 hours: 03:00 is 02:00 again
    ("Africa/Cairo", datetime(2026, 4, 22, 12, tzinfo=UTC)),  # midnight is left out
    ("Australia/Lord_Howe", datetime(2026, 4, 3, 12, tzinfo=UTC)),  # half an hour
    ("Asia/Kolkata", datetime(2026, 3, 1, 12, tzinfo=UTC)),  # never
]
TIMES = ["00:00", "00:30", "01:59", "02:00", "02:30", "03:00", "09:00", "23:59"]


@pytest.mark.parametrize("at", TIMES)
@pytest.mark.parametrize(("zone", "begin"), CHANGES)
def test_every_day_comes_once_and_never_goes_back(zone: str, begin: datetime, at: str) -> None:
    """Asked every ten minutes over four days: each day is due once, in order, when its time has come on the wall."""
    told = time.fromisoformat(at)
    knocks = [begin + timedelta(minutes=10 * n) for n in range(4 * 24 * 6)]
    due = [last_due(now, told, ZoneInfo(zone)) for now in knocks]
    days = [day for day, _ in due]
    assert days == sorted(days)
    assert len(set(days)) == (days[-1] - days[0]).days + 1
    for now, (day, moment) in zip(knocks, due, strict=True):
        assert timedelta() <= now - moment < timedelta(hours=25)
        wall = moment.astimezone(ZoneInfo(zone))
        # What is left out in spring comes as much later as the clocks were put forward.
        late = datetime.combine(wall.date(), wall.time()) - datetime.combine(day, told)
        assert timedelta() <= late <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("at", "day", "moment"),
    [
        ("02:30", date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 03:30 on the wall
        ("02:30", date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of the two
    ],
)
def test_a_time_that_is_left_out_or_comes_twice_has_one_moment(at: str, day: date, moment: datetime) -> None:
    """Half past two in Berlin."""
    late = datetime.combine(day, time(12), tzinfo=UTC)
    assert last_due(late, time.fromisoformat(at), ZoneInfo(BERLIN)) == (day, moment)


def test_a_day_that_a_zone_leaves_out_is_not_told_of() -> None:
    """Samoa had no 30 December 2011: the 31st is told of once, at its own time."""
    zone, nine = ZoneInfo("Pacific/Apia"), time(9)
    knocks = [datetime(2011, 12, 28, 12, tzinfo=UTC) + timedelta(minutes=10 * n) for n in range(4 * 24 * 6)]
    days = list(dict.fromkeys(last_due(now, nine, zone)[0] for now in knocks))
    assert days == [date(2011, 12, 27), date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_the_day_before_is_as_long_ago_as_the_wall_says(day: date, hours: int) -> None:
    """From nine to nine in Berlin: nothing of an hour is told twice, and nothing of one is lost."""
    zone, nine = ZoneInfo(BERLIN), time(9)
    moment = last_due(datetime.combine(day, time(12), tzinfo=UTC), nine, zone)[1]
    assert moment - moment_before(day, nine, zone) == timedelta(hours=hours)
