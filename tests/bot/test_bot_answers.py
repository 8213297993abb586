"""Every click is answered, where the person who pressed will see it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from bot.testing import ANA, BO, CHANNEL, CY, EVE, Office
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


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("stop_keep", "Kept running by Bo, and not asked about again for 2 h. Nothing was stopped."),
        ("stop_later", "Bo asks to wait: in 2 h I ask again, if it is still bad then. Nothing was stopped."),
    ],
)
def test_who_keeps_it_running_is_named_and_for_how_long(office: Office, action: str, words: str) -> None:
    """The thread says that the run goes on, who wanted it, and when it is asked about again; nobody is called."""
    office.asked()
    office.click(office.question, action, user=BO)
    office.work(8)
    (told,) = office.slack.said(words)
    assert f"\u25b6\ufe0f {words}" in str(told["blocks"])
    assert told["text"] == words


def test_explain_tells_the_presser_alone_what_is_behind_the_question(office: Office) -> None:
    """Reasons, values, what held back, what comes next: for anybody who sees the question, and it decides nothing."""
    request = office.asked()
    office.click(office.question, "stop_explain", user=EVE)
    told = office.whispered(EVE)
    for words in ("Why STOP", "The script says STOP.", "train/loss 2", "Nothing held it back", "What happens next"):
        assert words in told
    assert office.slack.messages[f"@{EVE}"][-1]["thread_ts"] == office.card["ts"]
    assert office.world.store.request(request.id).state == "pending"


def test_explain_says_what_came_since(office: Office) -> None:
    """Pressed a few rounds later: the newest decision beside the one that asks; and after the answer, the answer."""
    request = office.asked()
    question = dict(office.question)
    office.world.engine.watches.check_now(request.watch_id)
    office.work(8)
    office.click(question, "stop_explain", user=BO)
    assert "since then: STOP" in office.whispered(BO)
    office.click(question, "stop_keep", user=BO)
    office.click(question, "stop_explain", user=ANA)
    assert "It is answered: declined, by Bo." in office.whispered(ANA)


def test_a_reminder_leads_to_the_question_and_calls_who_can_answer(office: Office) -> None:
    """It stands in the thread, has no buttons, and its link is that of the question."""
    request = office.asked()
    office.world.clock.advance(1200)
    office.work(8)
    (told,) = office.slack.said("Still waiting for an answer:")
    assert told["thread_ts"] == office.card["ts"]
    page = (
        f"archives/{CHANNEL}/p{office.question['ts'].replace('.', '')}?thread_ts={office.card['ts']}&amp;cid={CHANNEL}"
    )
    assert page in str(told["blocks"])
    assert "<@U0ANA> or <@U0BO> can approve it" in str(told["blocks"])
    assert not any(block["type"] == "actions" for block in told["blocks"])
    office.click(office.question, "stop_keep", user=BO)
    office.world.clock.advance(2400)
    office.work(8)
    assert len(office.slack.said("Still waiting for an answer:")) == 1
    assert office.world.store.request(request.id).state == "declined"


def test_a_slow_slack_does_not_make_a_command_late(office: Office) -> None:
    """F-A05: who asks and where they ask are looked up one after the other, and both fit into three seconds."""
    for method in ("users.info", "conversations.info"):
        office.slack.fail(method, Fault(seconds=1.7))
    begun = time.monotonic()
    told = office.command("lab/vision/r1")
    assert time.monotonic() - begun < 3.0
    assert "cannot verify you now" in told


def test_a_page_of_the_list_looks_into_ten_histories(office: Office) -> None:
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
    assert told.count("next check") == 10
    assert "page 1 of 3, 23 watches" in told
    assert len(looked) == 10
