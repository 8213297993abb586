"""A click and what must still be true when it comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.testing import ANA, BO, CY, RULES, Office
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import WatchState
from trainwatch_core.testing.slack_payloads import elements
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper
from trainwatch_core.testing.worlds import BROKEN, HEALTHY, FakeWorld


def job(office: Office) -> ScriptedStopper:
    """The only job of the world."""
    assert office.world.stopper is not None
    return office.world.stopper


def now(office: Office, request: StopRequest) -> StopRequest:
    """The request as it is now."""
    return office.world.store.request(request.id)


def thread(office: Office) -> str:
    """All that stands in the channel."""
    return str(office.slack.messages["C0TRAIN"])


def has_buttons(message: dict[str, Any]) -> bool:
    """Whether a question can still be answered."""
    return bool(elements(message, "stop_approve") or elements(message, "stop_keep"))


def test_from_the_click_to_the_proof(office: Office) -> None:
    """Bo approves: buttons give way to what durably happened, outcome and FINAL_SUMMARY stand in the thread."""
    request = office.asked()
    assert has_buttons(office.question)
    office.click(office.question, "stop_approve", user=BO)
    assert "stopping…" in str(office.question)
    assert not has_buttons(office.question)
    office.work(10)
    assert now(office, request).state is RequestState.STOPPED
    assert "gone" in str(office.question)
    assert "Approved by Bo" in str(office.question)
    assert "FINAL_SUMMARY" in thread(office)
    assert "Stopped* (proven" in str(office.card)
    assert not elements(office.card, "card_check_now")
    assert office.world.store.watches() == ()


def test_keep_running_and_ask_again_say_who_and_for_how_long(office: Office) -> None:
    """The button "Keep running" mutes as the operator set it, "Ask again in 2 h" for two hours; nothing is stopped."""
    office.world.terms = replace(office.world.terms, mute=60.0)
    office.restart()
    for action, minutes in (("stop_keep", 1), ("stop_later", 120)):
        office.slack.messages.clear()
        request = office.asked(f"lab/vision/{action} launch=pid:4211")
        office.click(office.question, action, user=BO)
        watch = office.world.store.watch(request.watch_id)
        assert watch.muted_until is not None
        assert round((watch.muted_until - office.world.clock.now()).total_seconds() / 60) == minutes
        assert now(office, request).state is RequestState.DECLINED
        assert ("Bo asked" if action == "stop_later" else "Kept running by Bo") in str(office.question)
        assert not has_buttons(office.question)
    assert not job(office).executions


def test_the_owner_may_always_keep_it_running(office: Office) -> None:
    """The safe side is open to who watches."""
    request = office.asked(user=CY)
    office.click(office.question, "stop_keep", user=CY)
    assert now(office, request).state is RequestState.DECLINED


def test_a_false_alarm_answers_the_question(office: Office) -> None:
    """D4: the owner's word in the thread declines what waits, and says from which step on things are as they are."""
    request = office.asked(user=CY)
    office.reply("false alarm", user=CY)
    assert now(office, request).state is RequestState.DECLINED
    (noted,) = office.world.store.watch(request.watch_id).context.announced
    assert noted.what == "false alarm"
    assert f"a false alarm at step {noted.step:.0f}" in office.whispered(CY)
    office.work(30)
    assert "Kept running by Cy" in str(office.question)
    assert not job(office).executions


def test_a_change_is_expected_where_the_thread_says(office: Office) -> None:
    """D4: at the step that is named, else at the newest one; nonsense is told, and nothing is noted."""
    watch = office.watch()
    office.reply("expected change at 30,000: harder data")
    office.reply("expected change")
    first, second = office.world.now(watch).context.announced
    assert (first.step, first.what) == (30_000.0, "harder data")
    assert (second.step, second.what) == (19.0, "")
    office.reply("expected change at 99999999999999999")
    assert "This is no step" in office.whispered("U0ANA")
    assert len(office.world.now(watch).context.announced) == 2


def test_explain_tells_the_asker_alone(office: Office) -> None:
    """The reasons again, with what would change the mind."""
    office.asked()
    before = len(office.slack.messages["C0TRAIN"])
    office.click(office.question, "stop_explain", user=CY)
    assert "Why STOP" in office.whispered(CY)
    assert "The script says STOP" in office.whispered(CY)
    assert len(office.slack.messages["C0TRAIN"]) == before


def test_a_click_after_days_is_refused(office: Office) -> None:
    """F-A09: what expired stays expired: the person is told, the buttons go, nothing is run."""
    request = office.asked()
    question = dict(office.question)
    office.world.clock.advance(3 * 86400)
    office.click(question, "stop_approve", user=BO)
    assert "expired" in office.whispered(BO)
    assert now(office, request).state is RequestState.EXPIRED
    office.work(5)
    assert not has_buttons(next(m for m in office.slack.messages["C0TRAIN"] if m["ts"] == question["ts"]))
    assert not job(office).executions


def test_a_clock_that_is_set_back_revives_no_question(office: Office) -> None:
    """F-A09: the time to answer counts on the monotonic clock too."""
    request = office.asked()
    question = dict(office.question)
    office.world.clock.advance(3700)
    office.world.clock.step(-7200)
    office.click(question, "stop_approve", user=BO)
    assert now(office, request).state is RequestState.EXPIRED
    office.work(8)
    assert not job(office).executions


def test_a_run_that_recovered_is_not_stopped(office: Office) -> None:
    """F-A10: the question is withdrawn; who clicks on the old message hears the newer numbers."""
    request = office.asked()
    question = dict(office.question)
    office.world.findings = HEALTHY
    office.world.engine.watches.check_now(request.watch_id)
    office.work(8)
    assert not has_buttons(office.question)
    office.click(question, "stop_approve", user=BO)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert "already superseded" in office.whispered(BO)
    assert "since then: CONTINUE" in office.whispered(BO)
    assert "train/loss 2" in office.whispered(BO)
    office.work(8)
    assert not job(office).executions


def test_a_run_that_recovers_right_after_the_click_is_not_stopped(office: Office) -> None:
    """F-A10: the last look before the command sees it, and the thread says why nothing was run."""
    request = office.asked()
    office.world.findings = HEALTHY
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert "looks better now" in thread(office)
    assert not job(office).executions


def test_another_job_under_the_same_name_is_not_stopped(office: Office) -> None:
    """F-A11: restarted between question and click: the identity differs, nothing is run."""
    request = office.asked()
    job(office).identity = replace(JOB, facts={**JOB.facts, "start": "999999"})
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert "another one than the one that is watched" in thread(office)
    assert not job(office).executions


class OtherLadder(ScriptedStopper):
    """The same job, stopped by one rung less: what an edited configuration amounts to."""

    def plan(self, identity: Any) -> Any:
        """One rung."""
        whole = super().plan(identity)
        return replace(whole, steps=whole.steps[:1])


def test_an_edited_way_to_stop_needs_a_new_question(office: Office) -> None:
    """F-A12: what would be done is not what was shown any more: refused, and asked again with what would."""
    request = office.asked()
    office.world.stopper = OtherLadder()
    office.restart()
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert "not what was shown" in thread(office)
    assert not job(office).executions
    office.work(80)
    newest = office.world.store.requests(watch_id=request.watch_id)[-1]
    assert newest.id != request.id
    assert newest.state is RequestState.PENDING
    assert newest.fingerprint[:8] in str(office.question)


def test_slack_down_in_ask_mode_stops_nothing(office: Office) -> None:
    """F-T02: the evidence is kept; what arrives at last is a fresh question, and the time to answer begins then."""
    watch = office.watch()
    office.slack.fail("*", _down())
    office.world.findings = _broken()
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    request = office.world.store.requests(watch_id=watch.id)[-1]
    assert request.expires_at is None
    assert office.world.locker.kept
    office.work(7200)
    assert now(office, request).state is RequestState.EXPIRED
    assert not job(office).executions
    office.slack.heal()
    for _ in range(2):
        office.work(700)
        if not office.world.store.requests(watch_id=watch.id, states={RequestState.PENDING}):
            office.world.engine.watches.check_now(watch.id)
            office.work(8)
    (shown,) = office.world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
    assert shown.id != request.id
    assert shown.expires_at is not None
    assert (shown.expires_at - office.world.clock.now()).total_seconds() > 2000
    assert "I look again before anything is run" in str(office.question)
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert len(job(office).executions) == 1


def test_the_time_to_answer_begins_when_the_question_can_be_seen(office: Office) -> None:
    """F-T02: half an hour without Slack takes nothing from the hour that people are given."""
    watch = office.watch()
    office.slack.fail("*", _down())
    office.world.findings = _broken()
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    office.work(1500)
    office.slack.heal()
    office.work(700)
    (shown,) = office.world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
    assert shown.expires_at is not None
    receipts = [row.receipt for row in office.world.store.outbox(watch.id) if isinstance(row.body, StopQuestion)]
    assert receipts[-1] is not None
    assert (receipts[-1].at - shown.created_at).total_seconds() > 1500
    assert (shown.expires_at - receipts[-1].at).total_seconds() == office.world.terms.approval_ttl


def test_a_run_that_recovered_while_slack_was_down_leaves_no_question_to_press(office: Office) -> None:
    """F-T02: a question whose request is over is not posted at all; that it is withdrawn is said."""
    watch = office.watch()
    office.slack.fail("*", _down())
    office.world.findings = _broken()
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    office.world.findings = HEALTHY
    office.world.engine.watches.check_now(watch.id)
    office.work(8)
    office.slack.heal()
    office.work(700)
    assert not office.slack.said("Stop resnet50?")
    assert "withdrawn" in str(office.slack.messages)


def test_slack_down_in_automatic_mode_does_not_disarm_it(slack: SlackServer, tmp_path: Path) -> None:
    """F-T03: who switched it on wanted the night covered: it acts after the grace, and tells when Slack is back."""
    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES))
    watch = office.watch("lab/vision/r1 launch=pid:4211 mode=auto")
    slack.fail("*", _down())
    office.world.findings = _broken()
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    assert not job(office).executions
    office.work(320)
    assert len(job(office).executions) == 1
    assert any(row.verb == "execute" for row in office.world.store.audited(watch_id=watch.id))
    slack.heal()
    office.work(700)
    assert office.world.now(watch).state is WatchState.ENDED
    assert "FINAL_SUMMARY" in thread(office)


def test_automatic_mode_announces_itself_and_can_be_objected(slack: SlackServer, tmp_path: Path) -> None:
    """There is "Keep running" and no "Approve Stop"; an objection in time keeps the job."""
    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES))
    request = office.asked("lab/vision/r1 launch=pid:4211 mode=auto")
    assert elements(office.question, "stop_keep")
    assert not elements(office.question, "stop_approve")
    office.click(office.question, "stop_keep", user=ANA)
    office.work(400)
    assert now(office, request).state is RequestState.DECLINED
    assert not job(office).executions


def _down() -> Any:
    from trainwatch_core.testing.slack_wire import Fault  # noqa: PLC0415  # only here

    return Fault(times=10**6, refuse=True)


def _broken() -> Any:
    from trainwatch_core.testing.worlds import BROKEN  # noqa: PLC0415  # only here

    return BROKEN


def test_a_click_before_the_receipt_is_asked_to_come_again(office: Office) -> None:
    """Slack shows a question before it has told us where: an early press decides nothing, and the next one counts."""
    watch = office.watch()
    office.slack.fail("chat.postMessage", Fault(times=99, lose_reply=True))
    office.world.findings = BROKEN
    while not thread(office).count("fingerprint"):
        office.world.engine.watches.check_now(watch.id)
        office.work(1)
    (request,) = office.world.store.requests(watch_id=watch.id)
    office.click(office.question, "stop_approve", user=BO)
    assert "just posting this message" in office.whispered(BO)
    assert "Press again in a moment" in office.whispered(BO)
    assert "not one of mine" not in office.whispered(BO)
    assert now(office, request).state is RequestState.PENDING
    office.slack.heal()
    office.work(8)
    assert thread(office).count("fingerprint") == 1
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert now(office, request).state is RequestState.STOPPED


def test_a_press_on_a_card_before_its_receipt_is_asked_to_come_again(office: Office) -> None:
    """The card too is seen a moment before we know its place."""
    office.slack.fail("chat.postMessage", Fault(times=99, lose_reply=True))
    office.command("lab/vision/r1 launch=pid:4211")
    office.work(1)
    card = dict(office.card)
    office.click(card, "card_check_now", user=CY)
    assert "just posting this message" in office.whispered(CY)
    office.click({**card, "channel": "C0OTHER"}, "card_check_now", user=BO)
    assert "not one of mine" in office.whispered(BO)
    office.slack.heal()
    office.work(8)
    office.click(office.card, "card_check_now", user=CY)
    assert "I look now" in office.whispered(CY)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"deleted": True}, "a deactivated account now"),
        ({"is_ultra_restricted": True}, "a guest now"),
        ({"team_id": "T0EVIL"}, "a member of another workspace now"),
    ],
    ids=["deactivated", "guest", "stranger"],
)
def test_an_account_that_is_closed_between_click_and_command_stops_nothing(
    office: Office, told: dict[str, Any], said: str
) -> None:
    """F-A14: what Slack said at the click is asked again at the last gate, however fresh it is."""
    request = office.asked()
    office.click(office.question, "stop_approve", user=BO)
    assert now(office, request).state is RequestState.APPROVED
    office.slack.users[BO].update(told)
    office.work(10)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert job(office).executions == []
    assert "Not stopped: " in thread(office)
    assert f"is {said}" in thread(office)


def test_a_slack_that_is_silent_for_a_moment_takes_no_approval_back(office: Office) -> None:
    """What it said of the person within five minutes is believed; a run must not burn on for a time-out."""
    request = office.asked()
    office.click(office.question, "stop_approve", user=BO)
    office.slack.fail("users.info", Fault(99, status=500))
    office.work(10)
    assert now(office, request).state is RequestState.STOPPED


def test_who_cannot_be_asked_about_for_too_long_stops_nothing(office: Office) -> None:
    """After five minutes nobody knows any more."""
    request = office.asked()
    office.click(office.question, "stop_approve", user=BO)
    office.world.clock.advance(301.0)
    office.slack.fail("users.info", Fault(99, status=500))
    office.work(10)
    assert now(office, request).state is RequestState.SUPERSEDED
    assert job(office).executions == []
    assert "Slack cannot be asked whether" in thread(office)
