"""The digest: once a day, whatever happens to the process."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.blocks.words import Setting
from bot.notifier.digest import DailyDigest
from bot.testing import ANA, BO, CHANNEL, RULES, Office
from trainwatch_core.adapters.ticker import DailyTicker
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import PaintError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Policy, WatchContext
from trainwatch_core.testing.fakes import FakeClock
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.worlds import FakeWorld

BERLIN = "Europe/Berlin"


def digest_of(office: Office, at: str = "09:00") -> DailyDigest:
    """A digest into its own channel, in Berlin, by a bot that has just begun."""
    return DailyDigest(
        office.world.engine.world,
        office.web,
        "C0DIGEST",
        setting=Setting(ZoneInfo(BERLIN), (), {ANA: "Ana", BO: "Bo"}.__getitem__),
        at=time.fromisoformat(at),
        link=lambda _watch: "https://x.slack.com/archives/C1/p1",
    )


@pytest.fixture
def office(slack: SlackServer, tmp_path: Path) -> Office:
    """An office at seven in the morning of a winter's day in Berlin."""
    clock = FakeClock(datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    return Office(slack, tmp_path, world=FakeWorld(rules=RULES, clock=clock))


def posts(office: Office) -> list[dict[str, Any]]:
    """What stands in the digest's channel."""
    return [message for message in office.slack.messages["C0DIGEST"] if not message.get("thread_ts")]


def drawn(office: Office) -> list[dict[str, Any]]:
    """The pictures in the threads of digests."""
    return [message for message in office.slack.messages["C0DIGEST"] if message.get("files")]


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
    assert "decided by Bo" in told
    assert "https://x.slack.com/archives/C1/p1" in told
    assert "<@" not in told


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


def test_the_picture_follows_the_text_once(office: Office) -> None:
    """In the thread of the digest, by a name of its own; a bot that begins anew does not send it again."""
    office.watch()
    office.world.clock.advance(2 * 3600)
    assert digest_of(office).knock()
    (picture,) = drawn(office)
    assert picture["thread_ts"] == posts(office)[0]["ts"]
    assert [file["name"] for file in picture["files"]] == ["trainwatch-digest-2026-03-02.png"]
    assert picture["files"][0]["title"] == "Nothing needs a look"
    for _ in range(3):
        assert not digest_of(office).knock()
        office.world.clock.advance(60)
    assert len(drawn(office)) == 1


def test_a_bot_that_died_between_text_and_picture_sends_what_is_missing(office: Office) -> None:
    """F-T01: the text stands and is noted, the picture is not."""
    office.watch()
    office.world.clock.advance(2 * 3600)
    office.slack.fail("files.getUploadURLExternal", Fault(status=500))
    assert digest_of(office).knock()
    assert not drawn(office)
    assert not digest_of(office).knock()
    assert (len(posts(office)), len(drawn(office))) == (1, 1)


def test_a_picture_that_stands_there_is_not_sent_again(office: Office) -> None:
    """F-T01: it was shared, and the bot died before it could note that."""
    office.watch()
    office.world.clock.advance(2 * 3600)
    office.slack.fail("files.completeUploadExternal", Fault(lose_reply=True))
    assert digest_of(office).knock()
    digest_of(office).knock()
    assert len(drawn(office)) == 1


def test_a_picture_that_slack_never_shows_is_not_sent_again(office: Office) -> None:
    """F-T09: Slack took it and shares it later, or never: a second one would be worse."""
    office.watch()
    office.world.clock.advance(2 * 3600)
    office.slack.never_shares = True
    for _ in range(5):
        digest_of(office).knock()
        office.world.clock.advance(60)
    sent = [given for method, given in office.slack.calls if method == "files.completeUploadExternal"]
    assert len([given for given in sent if given["channel_id"] == "C0DIGEST"]) == 1
    assert len(posts(office)) == 1


def test_a_picture_that_cannot_be_drawn_does_not_cost_the_digest(office: Office) -> None:
    """The text is out; the picture is tried three times and given up."""
    office.watch()
    office.world.clock.advance(2 * 3600)
    painter = office.world.painter
    painter.fail_with = PaintError("no room")
    digest = digest_of(office)
    assert digest.knock()
    for _ in range(3):
        assert not digest.knock()
        office.world.clock.advance(60)
    painter.fail_with = None
    assert not digest.knock()
    assert (len(posts(office)), len(drawn(office))) == (1, 0)


def test_a_quiet_day_has_no_picture(office: Office) -> None:
    """One line, and nothing below it."""
    office.world.clock.advance(2 * 3600)
    assert digest_of(office).knock()
    assert len(office.slack.messages["C0DIGEST"]) == 1


def test_who_looks_while_another_sends_says_nothing(office: Office) -> None:
    """Several processes on one database: one holds the name, the others pass by."""
    office.world.clock.advance(2 * 3600)
    with office.world.exclusive("digest"):
        assert not digest_of(office).knock()
    assert not posts(office)
    assert digest_of(office).knock()


def test_two_processes_on_one_database_send_one_digest(slack: SlackServer, tmp_path: Path) -> None:
    """Both knock again and again from the same moment on; one text stands in the channel."""
    at = f"{datetime.now(UTC) - timedelta(hours=1):%H:%M}"
    command = [sys.executable, str(Path(__file__).with_name("digest_worker.py")), str(tmp_path), slack.api_url, at]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # our own
        for _ in range(2)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        slack.fail("chat.postMessage", Fault(times=2, seconds=0.5))
        sent = [worker.communicate("go\n", timeout=120)[0].split() for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert sorted(sent) == [["no"], ["sent"]]
    assert len(slack.messages["C0DIGEST"]) == 1


SPRING, AUTUMN = datetime(2026, 3, 27, 23, 0, tzinfo=UTC), datetime(2026, 10, 23, 22, 0, tzinfo=UTC)
"""Midnight in Berlin at the beginning of the Saturday before the clocks change."""


@pytest.mark.parametrize(
    ("begin", "at", "counts"),
    [
        (SPRING, "02:30", [3, 24, 23]),
        (SPRING, "09:00", [9, 23, 24]),
        (AUTUMN, "02:30", [3, 24, 25]),
        (AUTUMN, "09:00", [9, 25, 24]),
    ],
)
def test_over_the_change_of_the_clocks_each_day_is_told_once_and_no_hour_is_lost(
    slack: SlackServer, tmp_path: Path, begin: datetime, at: str, counts: list[int]
) -> None:
    """At half past two too, which is left out in spring and comes twice in autumn. Every hour a watch ends."""
    clock = FakeClock(begin)
    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES, clock=clock))
    engine, owner = office.world.engine, Actor(ActorKind.LOCAL, "ana")
    for hour in range(58):
        run = RunRef(RunKind.WANDB, f"lab/vision/run-{hour:02d}")
        wish = Registration(run, owner, CHANNEL, WatchContext(), Policy())
        engine.watches.end(engine.watches.register(wish).id, owner)
        for _ in range(2):
            clock.advance(1800)
            digest_of(office, at).knock()
    told = [message["text"] for message in posts(office)]
    assert [text[:3] for text in told] == ["Sat", "Sun", "Mon"]
    assert [int(re.findall(r"(\d+) ended", text)[0]) for text in told] == counts
