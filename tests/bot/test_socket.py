"""Socket Mode: envelopes that come twice, sockets that are recycled, and sockets that hear nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.receiving import PING
from bot.testing import ANA, Office
from bot.upkeep import DEAF, Hearing
from trainwatch_core.model.watch import WatchState
from trainwatch_core.testing.slack_payloads import BOT_USER
from trainwatch_core.testing.slack_server import APP_TOKEN, SlackServer

SOON = 60.0
TWO_MINUTES = 120.0


class Ear:
    """The bot of an office at a socket, and the watchdog, whose clock the test moves."""

    def __init__(self, office: Office) -> None:
        self.now = 0.0
        self.handler = SocketModeHandler(office.bot.app, APP_TOKEN, ping_interval=0.1)
        self.hearing = Hearing(self.handler, monotonic=lambda: self.now, deaf=office.bot.deaf)

    @property
    def heard(self) -> float | None:
        """When a ping was answered last."""
        session = self.handler.client.current_session
        return session.last_ping_pong_time if session is not None else None


@pytest.fixture
def ear(office: Office) -> Iterator[Ear]:
    """An open socket."""
    made = Ear(office)
    made.handler.connect()  # type: ignore[no-untyped-call]  # untyped by its makers
    yield made
    made.hearing.close()


def test_a_socket_that_is_closed_under_the_end_leaves_nothing_running(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own thread closes it between the client's look and its lock; slack_sdk then breaks off its own end."""
    client, session = ear.handler.client, ear.handler.client.current_session
    assert session is not None
    close = session.close

    def closed_by_another() -> None:
        close()
        monkeypatch.setattr(session, "close", close)
        raise AttributeError

    monkeypatch.setattr(session, "close", closed_by_another)
    ear.hearing.close()
    assert not client.message_processor.is_alive()
    assert client.message_workers._shutdown


def test_an_envelope_that_comes_twice_is_done_once(office: Office, ear: Ear) -> None:
    """Slack saw no acknowledgement and sends it again: it is answered, and there is one watch."""
    del ear
    envelope = office.slack.command("lab/vision/r1 launch=pid:4211")
    office.slack.acked(envelope, SOON)
    office.slack.redeliver(envelope)
    office.slack.acked(envelope, SOON)
    assert len(office.world.store.watches()) == 1


def test_what_comes_back_of_our_own_words_is_not_heard(slack: SlackServer, office: Office, ear: Ear) -> None:
    """Slack sends our posts back as events, and each edit of ours or of others as `message_changed`: nobody answers."""
    del ear
    watch = office.watch()
    office.click(office.card, "card_pause")
    office.work(4)
    office.click(office.card, "card_resume")
    office.work(8)
    assert office.card["edits"] > 1
    edited = {"user": ANA, "text": "pause", "ts": "2000000000.000001", "thread_ts": office.card["ts"]}
    outer = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": office.card["channel"]}
    changed = {**outer, "message": edited, "previous_message": {**edited, "text": "paus"}, "ts": "2000000001.000001"}
    slack.acked(slack.event(changed), SOON)
    # Answered in turn: whatever came before it has been taken.
    slack.acked(slack.reply(office.card, "status"), SOON)
    slack.wait(lambda: slack.messages[f"@{ANA}"], SOON)
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert not slack.messages[f"@{BOT_USER}"]
    assert "Paused. Nobody looks" in office.whispered(ANA)
    assert len([m for m in slack.messages[f"@{ANA}"] if "I know:" in str(m)]) == 0


def test_a_socket_that_is_recycled_is_followed(slack: SlackServer, office: Office, ear: Ear) -> None:
    """`disconnect`, `refresh_requested`: the next command comes over a new socket."""
    del office, ear
    slack.wait(lambda: slack.hearing == 1, SOON)
    opened = [method for method, _ in slack.calls].count("apps.connections.open")
    slack.recycle()
    slack.wait(lambda: [method for method, _ in slack.calls].count("apps.connections.open") > opened, SOON)
    slack.wait(lambda: slack.hearing == 1, SOON)
    slack.acked(slack.command("help"), SOON)


def test_a_socket_that_has_gone_deaf_is_replaced_within_two_minutes(
    slack: SlackServer, office: Office, ear: Ear
) -> None:
    """F-T06: it says that it is connected and answers no ping: a minute later a new one is opened, and hears."""
    del office
    slack.acked(slack.command("help"), SOON)
    ear.hearing.check()
    slack.go_deaf()
    lost = slack.command("help")
    # What was answered before it went deaf may still be on its way.
    while ear.now < TWO_MINUTES and not slack.hearing:
        ear.now += PING / 2
        ear.hearing.check()
    assert DEAF <= ear.now < TWO_MINUTES
    slack.wait(lambda: slack.hearing == 1, SOON)
    slack.redeliver(lost)
    assert slack.acked(lost, SOON) < SOON


def test_a_silence_is_told_to_the_operator_and_by_status(slack: SlackServer, office: Office, ear: Ear) -> None:
    """F-T06: what was pressed meanwhile may be lost: the operator is told, and whoever asks how things stand."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office.notifier._operator_channel = "C0OPS"
    office.watch()
    office.reply("status")
    assert "nothing came from Slack" not in office.whispered(ANA)
    ear.hearing.check()
    slack.go_deaf()
    while ear.now < TWO_MINUTES and not slack.hearing:
        ear.now += PING / 2
        ear.hearing.check()
    (told,) = slack.messages["C0OPS"]
    assert f"For {ear.now:.0f} seconds nothing came from Slack" in str(told)
    office.reply("status")
    assert "nothing came from Slack: press again" in office.whispered(ANA)
    office.world.clock.advance(13 * 3600)
    before = office.whispered(ANA)
    office.reply("status")
    assert "nothing came" not in office.whispered(ANA).removeprefix(before[:-1])


def test_a_socket_that_answers_its_pings_is_left_alone(slack: SlackServer, office: Office, ear: Ear) -> None:
    """However long nothing else comes."""
    del office
    opened = [method for method, _ in slack.calls].count("apps.connections.open")
    for _ in range(3):
        before = ear.heard
        slack.wait(lambda before=before: ear.heard != before, SOON)  # type: ignore[misc]  # bound at once
        ear.now += DEAF + 1
        ear.hearing.check()
    assert [method for method, _ in slack.calls].count("apps.connections.open") == opened
