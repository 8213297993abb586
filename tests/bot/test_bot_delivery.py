"""What is said is said once, in order, and not too fast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.blocks.limits import Message
from bot.notifier.failures import wait_of
from bot.notifier.pace import CHANNEL, METHODS, Method, Pace
from bot.testing import ANA, Office
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import Outgoing
from trainwatch_core.model.errors import PaintError, TurnError
from trainwatch_core.model.message import Picture, Report
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Policy, WatchContext
from trainwatch_core.testing.slack_payloads import TEAM
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.worlds import BROKEN


def keys(slack: SlackServer, channel: str = "C0TRAIN") -> list[str]:
    """The marks of the messages that stand in a channel."""
    return [m["metadata"]["event_payload"]["key"] for m in slack.messages[channel] if "metadata" in m]


def reports(slack: SlackServer) -> list[dict[str, Any]]:
    """The reports that stand in the channel."""
    return [m for m in slack.messages["C0TRAIN"] if "Decision: " in json.dumps(m)]


def test_card_report_and_picture_stand_in_one_thread(office: Office) -> None:
    """The channel sees one card; the report hangs on it, the picture follows the report."""
    office.watch()
    messages = office.slack.messages["C0TRAIN"]
    assert [bool(m.get("thread_ts")) for m in messages] == [False, True, True]
    assert {m["thread_ts"] for m in messages[1:]} == {office.card["ts"]}
    assert "files" in messages[2]
    assert messages[2]["sizes"] == [8]
    assert "Healthy" in str(office.card)


def test_a_lost_reply_makes_no_second_message(office: Office) -> None:
    """F-T04: the report was posted and only the answer lost: it is found by its mark, not posted again."""
    watch = office.watch()
    office.slack.fail("chat.postMessage", Fault(lose_reply=True))
    office.world.engine.watches.check_now(watch.id)
    office.work(30)
    assert len(reports(office.slack)) == 2
    marks = keys(office.slack)
    assert len(marks) == len(set(marks))
    rows = office.world.store.outbox(watch.id)
    assert all(row.state is Outgoing.SENT for row in rows)
    assert any(method == "conversations.replies" for method, _ in office.slack.calls)


def test_a_lost_reply_to_the_card_makes_no_second_card(office: Office) -> None:
    """F-T04: the same for the message that everything hangs on."""
    office.slack.fail("chat.postMessage", Fault(lose_reply=True))
    office.watch()
    office.work(10)
    cards = [m for m in office.slack.messages["C0TRAIN"] if not m.get("thread_ts")]
    assert len(cards) == 1
    assert reports(office.slack)[0]["thread_ts"] == cards[0]["ts"]


def test_a_lost_reply_to_a_picture_makes_no_second_picture(office: Office) -> None:
    """F-T04: pictures are found by the name of their file."""
    office.slack.fail("files.completeUploadExternal", Fault(lose_reply=True))
    office.watch()
    office.work(30)
    assert len([m for m in office.slack.messages["C0TRAIN"] if "files" in m]) == 1


def test_a_message_without_receipt_is_found_again_after_a_crash(office: Office) -> None:
    """F-T01, F-T04: posted, not marked, killed: the next process finds it in the thread."""
    watch = office.watch()
    store = office.world.store
    row = next(r for r in store.outbox(watch.id) if isinstance(r.body, Report))
    for left in [r for r in store.outbox(watch.id) if isinstance(r.body, Report | Picture)]:
        store._outbox[left.key] = _unsent(left)  # type: ignore[attr-defined]  # the crash, through the back door
    office.restart()
    office.work(20)
    assert len(reports(office.slack)) == 1
    found = next(r for r in store.outbox(watch.id) if r.key == row.key)
    assert found.receipt is not None
    assert found.receipt.place == f"C0TRAIN/{reports(office.slack)[0]['ts']}"


def _unsent(row: Any) -> Any:
    from dataclasses import replace  # noqa: PLC0415  # only here

    return replace(row, state=Outgoing.WAITING, receipt=None, attempts=0)


@pytest.mark.parametrize(
    ("told", "seconds"), [("1", 1), ("60", 60), ("3600", 3600), ("90000", 3600), ("", 30), ("soon", 30), ("nan", 30)]
)
def test_slack_is_obeyed_when_it_asks_to_wait(office: Office, told: str, seconds: int) -> None:
    """F-T05: whatever Retry-After says, nothing is sent before, nothing is lost, and the order stays."""
    office.command("lab/vision/r1 launch=pid:4211")
    headers = {"Retry-After": told} if told else {}
    office.slack.fail("chat.postMessage", Fault(status=429, error="ratelimited", headers=headers))
    office.work(1)
    tried = [m for m, _ in office.slack.calls].count("chat.postMessage!")
    assert tried == 1
    office.work(max(0, min(seconds, 100) - 3))
    assert [m for m, _ in office.slack.calls].count("chat.postMessage") == 0
    if seconds <= 60:
        office.work(20)
        assert len(office.slack.messages["C0TRAIN"]) == 3
        assert not office.slack.messages["C0TRAIN"][0].get("thread_ts")


def test_when_slack_asks_to_wait_the_whole_channel_waits(office: Office) -> None:
    """F-T05: the second watch does not knock at a door that was shut in the face of the first."""
    for number in range(3):
        office.command(f"lab/vision/r{number} launch=pid:4211")
    office.slack.fail(
        "chat.postMessage", Fault(times=9, status=429, error="ratelimited", headers={"Retry-After": "60"})
    )
    office.work(50)
    assert [m for m, _ in office.slack.calls].count("chat.postMessage!") == 1


def test_after_a_wait_what_somebody_waits_for_goes_first(office: Office) -> None:
    """F-T05: Slack shut the channel while ten others had something to say: then the question comes before them."""
    watch = office.watch()
    office.world.findings = BROKEN
    office.world.engine.watches.check_now(watch.id)
    office.work(20)
    shut = Fault(times=1, status=429, error="ratelimited", headers={"Retry-After": "30"})
    office.slack.fail("chat.postMessage", shut)
    for number in range(10):
        office.command(f"lab/vision/busy{number} launch=pid:4211")
    office.work(2)
    office.world.engine.watches.check_now(watch.id)
    before = len(office.slack.messages["C0TRAIN"])
    office.work(20)
    assert len(office.slack.messages["C0TRAIN"]) == before
    office.work(40)
    after = office.slack.messages["C0TRAIN"][before:]
    (at,) = [n for n, message in enumerate(after) if "stop_approve" in str(message)]
    assert all(message.get("thread_ts") == office.card["ts"] for message in after[: at + 1])


def test_waiting_for_slack_costs_no_attempt(office: Office) -> None:
    """F-T05: a message that was told to wait ten times is not given up."""
    headers = {"Retry-After": "2"}
    office.slack.fail("chat.postMessage", Fault(times=10, status=429, error="ratelimited", headers=headers))
    office.watch()
    office.work(60)
    rows = office.world.store.outbox(office.world.store.watches()[0].id)
    assert all(row.state is Outgoing.SENT for row in rows)
    assert max(row.attempts for row in rows) == 1


def test_the_wait_is_never_negative_or_endless() -> None:
    """F-T05: between a second and an hour, 30 s where nothing is said."""
    assert [wait_of({"retry-after": text}) for text in ("0", "-5", "1e9", "inf")] == [1.0, 1.0, 3600.0, 30.0]
    assert wait_of({"Retry-After": ["7"]}) == 7.0


def test_a_channel_hears_one_message_a_second_and_stops_come_first() -> None:
    """Reports wait when the bucket is empty; a stop borrows from what follows."""
    pace = Pace(lambda: 0.0)
    for _ in range(4):
        pace.take(Method.POST, "C1")
    with pytest.raises(TurnError) as waits:
        pace.take(Method.POST, "C1")
    assert waits.value.retry_after == pytest.approx(1.0 / CHANNEL.per_second)
    for _ in range(3):
        pace.take(Method.FILE, "C1", urgent=True)
    with pytest.raises(TurnError):
        pace.take(Method.POST, "C1", urgent=True)
    pace.take(Method.POST, "C2")
    pace.take(Method.UPDATE, "C1")


def test_no_minute_sees_more_than_slack_allows() -> None:
    """Bursts and what is borrowed are part of it: 60 posts in a channel, and what Slack names for each method."""
    assert CHANNEL.in_a_minute <= 60
    assert METHODS[Method.POST].in_a_minute <= 300
    assert METHODS[Method.UPDATE].in_a_minute <= 50
    assert METHODS[Method.FILE].in_a_minute <= 100


def test_a_question_does_not_stand_in_the_queue_of_a_busy_channel(office: Office) -> None:
    """Others who wait for their turn do not shut the channel: report, picture and question of a stop go out at once."""
    watch = office.watch()
    office.world.findings = BROKEN
    office.world.engine.watches.check_now(watch.id)
    office.work(20)
    for number in range(6):
        office.command(f"lab/vision/busy{number} launch=pid:4211")
    office.work(1)
    office.world.engine.watches.check_now(watch.id)
    office.work(2)
    assert office.slack.said("Approve Stop")
    assert len(office.slack.messages["C0TRAIN"]) < 20, "the others should still be waiting"


def test_many_watches_in_one_channel_keep_the_pace(office: Office) -> None:
    """Ten watches at once: all is said in the end, at about one message a second."""
    for number in range(10):
        office.command(f"lab/vision/r{number} launch=pid:4211")
    office.work(10)
    posted = [m for m, _ in office.slack.calls if m in {"chat.postMessage", "files.completeUploadExternal"}]
    assert len(posted) <= 14
    office.work(40)
    assert len(reports(office.slack)) == 10


def test_a_failed_picture_never_loses_a_report(office: Office) -> None:
    """The report stands; the picture is given up after a few tries, and what follows is delivered."""
    office.slack.fail("files.getUploadURLExternal", Fault(times=100, error="internal_error", status=500))
    watch = office.watch()
    office.work(200)
    assert len(reports(office.slack)) == 1
    states = {type(row.body): row.state for row in office.world.store.outbox(watch.id)}
    assert states[Picture] is Outgoing.DROPPED
    office.world.engine.watches.check_now(watch.id)
    office.work(10)
    assert len(reports(office.slack)) == 2


def test_a_picture_that_would_wait_long_is_left_out(office: Office) -> None:
    """A question that stands behind it cannot wait for it."""
    slow = Fault(status=429, error="ratelimited", headers={"Retry-After": "300"})
    office.slack.fail("files.getUploadURLExternal", slow)
    watch = office.watch()
    office.work(2)
    states = {type(row.body): row.state for row in office.world.store.outbox(watch.id)}
    assert states[Picture] is Outgoing.DROPPED


def test_the_operator_is_told_of_a_dead_channel_also_when_the_first_try_fails(
    slack: SlackServer, tmp_path: Path
) -> None:
    """F-T07: it counts as told when it was told."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office = Office(slack, tmp_path)
    office.notifier._operator_channel = "C0OPS"
    watch = office.watch()
    slack.channels["C0TRAIN"]["is_archived"] = True
    slack.fail("chat.postMessage", Fault(error="is_archived"))
    slack.fail("chat.postMessage", Fault(status=429, error="ratelimited"))
    for _ in range(2):
        office.world.engine.watches.check_now(watch.id)
        office.work(40)
    assert slack.messages["C0OPS"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("is_archived", "the channel is archived"),
        ("channel_not_found", "there is no such channel, or I was removed from it"),
        ("not_in_channel", "I am not in that channel, invite me"),
        ("thread_not_found", "the thread is gone"),
        ("restricted_action_read_only_channel", "I may not post there"),
        ("restricted_action_thread_only_channel", "I may not post there"),
        ("restricted_action_non_threadable_channel", "I may not post there"),
        ("team_access_not_granted", "I may not post there"),
    ],
)
def test_what_cannot_be_placed_goes_to_the_operator(slack: SlackServer, tmp_path: Path, error: str, words: str) -> None:
    """F-T07: a dead channel is permanent: the operator is told why, nothing storms, rounds go on."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office = Office(slack, tmp_path)
    office.notifier._operator_channel = "C0OPS"
    watch = office.watch()
    slack.fail("chat.postMessage", Fault(error=error))
    office.world.engine.watches.check_now(watch.id)
    office.work(20)
    told = slack.messages["C0OPS"]
    assert len(told) == 2
    assert f"Could not be said in C0TRAIN ({words}: {error})" in str(told[0])
    assert "I can post in C0TRAIN again" in str(told[1])
    assert office.world.now(watch).round_count == 2


def test_a_channel_that_stays_closed_is_told_once_and_resumed_when_it_opens(slack: SlackServer, tmp_path: Path) -> None:
    """F-T07: ordinary reports of a closed channel do not pour into another one; what somebody must know does."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office = Office(slack, tmp_path)
    office.notifier._operator_channel = "C0OPS"
    watch = office.watch()
    slack.channels["C0TRAIN"]["is_archived"] = True
    for _ in range(4):
        office.world.engine.watches.check_now(watch.id)
        office.work(20)
    assert len(slack.messages["C0OPS"]) == 1
    assert office.world.now(watch).round_count == 5
    office.world.findings = BROKEN
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(20)
    assert "I would stop" in str(slack.messages["C0OPS"][1:])
    assert "Decision: STOP" not in str(slack.messages["C0OPS"][1:])
    slack.channels["C0TRAIN"]["is_archived"] = False
    before = len(reports(slack))
    office.world.engine.watches.check_now(watch.id)
    office.work(20)
    assert len(reports(slack)) == before + 1
    assert len([m for m in slack.messages["C0OPS"] if "I can post in C0TRAIN again" in str(m)]) == 1


def test_what_the_operator_was_told_is_no_question_even_after_a_restart(slack: SlackServer, tmp_path: Path) -> None:
    """The operator's channel is no place to approve in, and no thread to report into."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office = Office(slack, tmp_path)
    office.notifier._operator_channel = "C0OPS"
    watch = office.watch()
    slack.channels["C0TRAIN"]["is_archived"] = True
    office.world.findings = BROKEN
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    assert "I would stop" in str(slack.messages["C0OPS"])
    slack.channels["C0TRAIN"]["is_archived"] = False
    office.restart()
    office.work(20)
    assert not [m for m in slack.messages["C0OPS"] if "stop_approve" in str(m) or "edits" in m]


def test_a_revoked_token_makes_no_storm_and_loses_nothing(office: Office) -> None:
    """F-T07: messages wait until somebody has put the token right; rounds go on meanwhile."""
    watch = office.watch()
    office.slack.fail("*", Fault(times=10**6, error="token_revoked"))
    office.world.engine.watches.check_now(watch.id)
    office.work(300)
    assert [m for m, _ in office.slack.calls].count("chat.postMessage!") == 1
    assert office.world.now(watch).round_count == 2
    office.slack.heal()
    office.work(700)
    assert len(reports(office.slack)) == 2


def test_a_message_whose_form_is_refused_goes_out_as_text(office: Office) -> None:
    """Better plain than not at all."""
    watch = office.watch()
    office.slack.fail("chat.postMessage", Fault(error="invalid_blocks"))
    office.world.engine.watches.check_now(watch.id)
    office.work(10)
    bare = [m for m in office.slack.messages["C0TRAIN"] if "blocks" not in m and "files" not in m]
    assert len(bare) == 1
    assert "CONTINUE" in bare[0]["text"]


def test_a_picture_is_told_where_it_stands_when_slack_has_shared_it(office: Office) -> None:
    """F-T09: Slack says yes at once and shares later: the file is looked at until it does."""
    office.slack.shares_after = 3
    watch = office.watch()
    (row,) = [r for r in office.world.store.outbox(watch.id) if isinstance(r.body, Picture)]
    (shown,) = [m for m in office.slack.messages["C0TRAIN"] if "files" in m]
    assert row.receipt is not None
    assert row.receipt.place == f"C0TRAIN/{shown['ts']}"
    assert [m for m, _ in office.slack.calls].count("files.info") == 4


def test_a_picture_that_slack_never_shows_is_said_in_its_report(office: Office) -> None:
    """F-T09: the text stands, the picture is not sent again, and the report says why it has none."""
    office.slack.never_shares = True
    watch = office.watch()
    office.work(120)
    assert [m for m, _ in office.slack.calls].count("files.completeUploadExternal") == 1
    (report,) = reports(office.slack)
    assert "No picture this time: Slack took the picture and did not show it" in str(report["blocks"][-1])
    office.slack.never_shares = False
    office.world.engine.watches.check_now(watch.id)
    office.work(20)
    assert len(reports(office.slack)) == 2
    assert [m for m in office.slack.messages["C0TRAIN"] if "files" in m]


def test_no_message_has_a_picture_in_it_that_may_not_be_there_yet(office: Office) -> None:
    """F-T09: a block with a file that Slack still works on is `invalid_blocks`; ours are shared, and stand beside."""
    office.slack.shares_after = 10**6
    office.asked()
    office.click(office.question, "stop_approve", user="U0BO")
    office.work(30)
    assert "FINAL_SUMMARY" in str(office.slack.messages["C0TRAIN"])
    said = [given for method, given in office.slack.calls if method in {"chat.postMessage", "chat.update"}]
    assert said
    assert all(block["type"] != "image" for given in said for block in given["blocks"])


def test_a_block_with_a_file_that_is_not_ready_costs_the_picture_and_not_the_words(office: Office) -> None:
    """F-T09: were there one, Slack would refuse the form: the words go out without it."""
    block = {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "loss"}
    office.web.post("C0TRAIN", Message("The loss fell.", (block,)), thread_ts=None, key="k")
    (posted,) = office.slack.messages["C0TRAIN"]
    assert posted["text"] == "The loss fell."
    assert "blocks" not in posted


def test_a_picture_that_cannot_be_painted_is_said_in_its_report(office: Office) -> None:
    """A failed picture never loses a report, and nobody wonders where it is."""
    office.world.painter.fail_with = PaintError("There is no ink")
    office.watch()
    office.work(20)
    assert "No picture this time" in str(reports(office.slack)[0]["blocks"][-1])


def test_where_pictures_may_not_be_looked_at_they_are_sent_once(office: Office) -> None:
    """F-T09: an app installed without files:read: whether it is shared cannot be known, so it counts as sent."""
    office.slack.fail("files.info", Fault(times=10**6, error="missing_scope"))
    office.watch()
    office.work(60)
    assert [m for m, _ in office.slack.calls].count("files.completeUploadExternal") == 1
    assert "No picture" not in str(office.slack.messages["C0TRAIN"])


def test_a_missing_scope_is_said_once_and_stops_only_what_it_is_for(slack: SlackServer, tmp_path: Path) -> None:
    """F-T07: without files:write there are no pictures; reports go on, and the operator is told what to do, once."""
    slack.channels["C0OPS"] = {"id": "C0OPS", "is_member": True}
    office = Office(slack, tmp_path)
    office.notifier._operator_channel = "C0OPS"
    slack.fail("files.getUploadURLExternal", Fault(times=10**6, error="missing_scope"))
    watch = office.watch()
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(20)
    assert len(reports(slack)) == 4
    assert len(slack.messages["C0OPS"]) == 1
    assert "lacks a scope" in str(slack.messages["C0OPS"])


def test_a_token_that_is_revoked_is_not_tried_by_every_channel(office: Office) -> None:
    """F-T07: the first refusal speaks for all: nobody knocks for ten minutes."""
    for number in range(3):
        office.slack.channels[f"C00000{number}"] = {"id": f"C00000{number}", "is_member": True}
        run = RunRef(RunKind.WANDB, f"lab/vision/r{number}")
        who = Actor(ActorKind.SLACK, ANA, team=TEAM)
        told = Registration(run, who, f"C00000{number}", WatchContext(), Policy(), card=True)
        office.world.engine.watches.register(told)
    office.slack.fail("*", Fault(times=10**6, error="token_revoked"))
    office.work(500)
    assert [m for m, _ in office.slack.calls].count("chat.postMessage!") == 1
    office.slack.heal()
    office.work(200)
    assert all(office.slack.messages[f"C00000{number}"] for number in range(3))


def test_waiting_for_its_turn_writes_nothing(office: Office) -> None:
    """A thousand messages that wait must not cost a thousand transactions a second."""
    for number in range(10):
        office.command(f"lab/vision/r{number} launch=pid:4211")
    office.work(3)
    waiting = [r for w in office.world.store.watches() for r in office.world.store.outbox(w.id) if r.receipt is None]
    assert waiting
    assert all(row.attempts == 0 and row.next_try_at is None and not row.problem for row in waiting)
