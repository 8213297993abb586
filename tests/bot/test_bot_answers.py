"""Every click is answered, where the person who pressed will see it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from bot.testing import ANA, BO, CY, EVE, Office
from trainwatch_core.model.round import Round
from trainwatch_core.testing.slack_payloads import click_payload
from trainwatch_core.testing.slack_wire import Fault


def test_a_click_on_the_card_is_answered_in_the_channel(office: Office) -> None:
    """Slack gives a message with replies its own time as the thread: nobody who looks at the channel sees in there."""
    office.watch()
    card = {**office.card, "thread_ts": office.card["ts"]}
    office.dispatch(click_payload(card, "card_pause", user=CY))
    assert "Only the owner" in office.whispered(CY)
    assert not office.slack.messages[f"@{CY}"][-1].get("thread_ts")


def test_a_click_in_the_thread_is_answered_in_the_thread(office: Office) -> None:
    """There the question stands."""
    office.asked()
    office.click(office.question, "stop_approve", user=EVE)
    assert office.slack.messages[f"@{EVE}"][-1]["thread_ts"] == office.card["ts"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(error="user_not_in_channel"),
        Fault(status=429, error="ratelimited", headers={"Retry-After": "30"}),
        Fault(refuse=True),
    ],
)
def test_who_cannot_be_told_in_the_channel_is_told_by_the_address_of_the_click(office: Office, fault: Fault) -> None:
    """Somebody who only looks into a public channel can press, and is no member to whom one could whisper."""
    office.asked()
    office.slack.fail("chat.postEphemeral", fault)
    office.click(office.question, "stop_approve", user=EVE, response_url=office.slack.response_url)
    (answer,) = office.slack.messages["answered"]
    assert "needs the role approver" in str(answer["blocks"])
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False


def test_an_answer_goes_to_nobody_but_slack(office: Office) -> None:
    """F-I08: an address in a payload is asked for nothing unless it is Slack's."""
    office.asked()
    office.slack.fail("chat.postEphemeral", Fault(error="user_not_in_channel"))
    evil = office.slack.response_url.replace("127.0.0.1", "localhost")
    before = len(office.slack.received)
    office.click(office.question, "stop_approve", user=EVE, response_url=evil)
    assert not office.slack.messages["answered"]
    assert len(office.slack.received) == before + 1, "the whisper that failed, and nothing else"


def test_who_comes_second_hears_who_was_first(office: Office) -> None:
    """F-A07, F-A08: by the name that Slack shows, not by an id."""
    office.asked()
    question = dict(office.question)
    office.click(question, "stop_approve", user=BO)
    office.click(question, "stop_keep", user=ANA)
    assert "already approved by <@U0BO>" in office.whispered(ANA)


@pytest.mark.parametrize("action", ["stop_keep", "stop_later"])
def test_who_keeps_it_running_is_named_and_for_how_long(office: Office, action: str) -> None:
    """The thread says that the run goes on, who wanted it, and when it is asked about again."""
    office.asked()
    office.click(office.question, action, user=BO)
    office.work(8)
    (told,) = office.slack.said("not asked about again for 2 h")
    assert "\u25b6\ufe0f Kept running by <@U0BO>" in str(told["blocks"])


def test_a_slow_slack_does_not_make_a_command_late(office: Office) -> None:
    """F-A05: who asks and where they ask are looked up one after the other, and both fit into three seconds."""
    for method in ("users.info", "conversations.info"):
        office.slack.fail(method, Fault(seconds=1.7))
    begun = time.monotonic()
    told = office.command("lab/vision/r1")
    assert time.monotonic() - begun < 3.0
    assert "cannot verify you now" in told


def test_the_list_looks_into_twenty_histories_and_counts_the_rest(office: Office) -> None:
    """Its answer is due within three seconds, however many runs are watched."""
    for number in range(23):
        office.command(f"lab/vision/r{number}")
    store, looked = office.world.store, []
    rounds = store.rounds

    def counted(watch_id: str, *, limit: int) -> Sequence[Round]:
        looked.append(watch_id)
        return rounds(watch_id, limit=limit)

    store.rounds = counted  # type: ignore[method-assign]  # what is counted is how often it is asked
    told = office.command("list", user=EVE)
    assert told.count("next check") == 20
    assert "and 3 more" in told
    assert len(looked) == 20
