"""The digest: once a day, whatever happens to the process."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.notifier.digest import DailyDigest
from bot.testing import BO, RULES, Office
from trainwatch_core.adapters.ticker import DailyTicker
from trainwatch_core.testing.fakes import FakeClock
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.worlds import FakeWorld


def digest_of(office: Office, at: str = "09:00") -> DailyDigest:
    """A digest into its own channel, in Berlin."""
    return DailyDigest(
        office.world.store,
        office.world.clock,
        office.web,
        "C0DIGEST",
        zone=ZoneInfo("Europe/Berlin"),
        at=at,
        card=office.bot.board.card,
        link=lambda _watch: "https://x.slack.com/archives/C1/p1",
    )


@pytest.fixture
def office(slack: SlackServer, tmp_path: Path) -> Office:
    """An office at seven in the morning of a winter's day in Berlin."""
    clock = FakeClock(datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    return Office(slack, tmp_path, world=FakeWorld(rules=RULES, clock=clock))


def posts(office: Office) -> list[dict[str, Any]]:
    """What stands in the digest's channel."""
    return office.slack.messages["C0DIGEST"]


def test_it_comes_when_it_is_due_and_once(office: Office) -> None:
    """Not before nine, then once, also after a restart; and again the next day."""
    office.watch()
    assert not digest_of(office).knock()
    office.world.clock.advance(2 * 3600)
    assert digest_of(office).knock()
    assert not digest_of(office).knock()
    assert len(posts(office)) == 1
    assert "Mon 2 Mar" in str(posts(office)[0])
    assert "1 healthy" in str(posts(office)[0])
    office.world.clock.advance(86400)
    assert digest_of(office).knock()
    assert len(posts(office)) == 2


def test_a_digest_that_was_posted_and_not_noted_is_not_posted_again(office: Office) -> None:
    """F-T01: killed between the post and the note: the mark in the channel speaks."""
    office.world.clock.advance(2 * 3600)
    office.slack.fail("chat.postMessage", Fault(lose_reply=True))
    assert not digest_of(office).knock()
    assert digest_of(office).knock()
    assert len(posts(office)) == 1


def test_a_digest_that_was_missed_is_caught_up_for_some_hours(office: Office) -> None:
    """Started at eleven, the bot still tells about the day; in the evening it is news no more."""
    office.world.clock.advance(4 * 3600)
    assert digest_of(office).knock()
    office.world.clock.advance(86400 + 8 * 3600)
    assert not digest_of(office).knock()


def test_it_tells_who_needs_somebody_and_what_was_stopped_by_whom(office: Office) -> None:
    """Counts, the needy with a link to their thread, the ended with who decided."""
    office.asked()
    office.watch("lab/vision/r2 launch=pid:4212")
    office.click(office.question, "stop_approve", user=BO)
    office.work(10)
    office.world.clock.advance(2 * 3600)
    assert digest_of(office).knock()
    told = str(posts(office)[-1])
    assert "Needs a look" in told
    assert "1 stopped" in told
    assert "decided by" in told
    assert "U0BO" in told


def test_two_knocks_at_the_same_moment_make_one_digest(office: Office) -> None:
    """The clock of the day and the slow knock beside it may meet."""
    office.world.clock.advance(2 * 3600)
    digest = digest_of(office)
    office.slack.fail("chat.postMessage", Fault(times=2, seconds=0.3, lose_reply=False))
    knocks = [threading.Thread(target=digest.knock) for _ in range(2)]
    for knock in knocks:
        knock.start()
    for knock in knocks:
        knock.join()
    assert len(posts(office)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(times=10**6, status=429, error="ratelimited", headers={"Retry-After": "600"}),
        Fault(times=10**6, error="channel_not_found"),
    ],
)
def test_a_digest_that_is_refused_is_not_offered_every_minute(office: Office, fault: Fault) -> None:
    """F-T05: it waits as long as Slack asks; a channel that is not there is tried every ten minutes."""
    office.world.clock.advance(2 * 3600)
    digest = digest_of(office)
    office.slack.fail("chat.postMessage", fault)
    for _ in range(9):
        digest.knock()
        office.world.clock.advance(60)
    assert [method for method, _ in office.slack.calls].count("chat.postMessage!") == 1
    office.slack.heal()
    office.world.clock.advance(60)
    assert digest.knock()


def test_a_digest_that_was_missed_is_caught_up_over_midnight(office: Office) -> None:
    """Due at 22:00, the bot back at half past midnight: the day that is told of is the day it was due."""
    office.world.clock.advance(17 * 3600 + 1800)
    assert digest_of(office, "22:00").knock()
    assert "Mon 2 Mar" in str(posts(office)[0])
    assert not digest_of(office, "22:00").knock()


def test_nothing_to_tell_is_one_line(office: Office) -> None:
    """A quiet day."""
    office.world.clock.advance(2 * 3600)
    assert digest_of(office).knock()
    assert len(posts(office)[0]["blocks"]) == 1


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((2026, 3, 28, 12), (2026, 3, 29, 7)),
        ((2026, 10, 24, 12), (2026, 10, 25, 8)),
    ],
)
def test_nine_o_clock_is_nine_o_clock_over_the_change_of_the_clocks(
    after: tuple[int, int, int, int], expected: tuple[int, int, int, int]
) -> None:
    """09:00 in Berlin is 07:00 UTC in summer and 08:00 in winter."""
    ticker = DailyTicker(lambda: None, at="09:00", zone=ZoneInfo("Europe/Berlin"))
    fires = ticker.trigger.get_next_fire_time(None, datetime(*after, tzinfo=UTC))
    assert fires.astimezone(UTC) == datetime(*expected, tzinfo=UTC)
