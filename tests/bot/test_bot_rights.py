"""Who may press what."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.actors import Claim
from bot.testing import ANA, BO, CY, EVE, RULES, Office
from trainwatch_core.decision.authority import Rules
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, WatchState
from trainwatch_core.testing.slack_payloads import TEAM
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.worlds import FakeWorld


def state(office: Office, request: StopRequest) -> RequestState:
    """Where the request stands now."""
    return office.world.store.request(request.id).state


def executions(office: Office) -> int:
    """How often something was really stopped."""
    office.work(5)
    assert office.world.stopper is not None
    return len(office.world.stopper.executions)


@pytest.mark.parametrize("user", [CY, EVE])
def test_a_click_of_somebody_else_changes_nothing(office: Office, user: str) -> None:
    """F-A01: who is no approver is told who is; the request waits on, the refusal is audited."""
    request = office.asked()
    response = office.click(office.question, "stop_approve", user=user)
    assert response.status == 200
    assert state(office, request) is RequestState.PENDING
    assert "needs the role approver" in office.whispered(user)
    assert "<@U0BO>" in office.whispered(user)
    assert office.refusals()
    assert executions(office) == 0


def test_without_approvers_nobody_can_approve(slack: SlackServer, tmp_path: Path) -> None:
    """F-A02: an empty list means nobody, never everybody."""
    rules = replace(RULES, admins=frozenset(), approvers=frozenset(), watchers=frozenset({ANA, BO, CY}))
    office = Office(slack, tmp_path, world=FakeWorld(rules=rules))
    request = office.asked()
    for user in (ANA, BO, CY, EVE):
        office.click(office.question, "stop_approve", user=user)
    assert state(office, request) is RequestState.PENDING
    assert executions(office) == 0


def test_without_a_home_workspace_nobody_of_slack_may_do_anything(slack: SlackServer, tmp_path: Path) -> None:
    """F-A02: rules that were made without a team refuse even the admin."""
    office = Office(slack, tmp_path, world=FakeWorld(rules=Rules(admins=frozenset({ANA}))))
    office.command("lab/vision/r1")
    assert not office.world.store.watches()


@pytest.mark.parametrize("team", ["T0EVIL", None, "", "none", "any"])
def test_a_member_of_another_workspace_is_refused(office: Office, team: str | None) -> None:
    """F-A03: an id that is listed here counts for nothing when it comes from another workspace, or from none."""
    request = office.asked()
    office.click(office.question, "stop_approve", user=BO, team=team)
    assert state(office, request) is RequestState.PENDING
    assert office.refusals()
    assert executions(office) == 0


@pytest.mark.parametrize(
    ("user", "team"), [("U0BO", "T0EVIL"), ("U0BO", ""), ("", TEAM), ("bo", TEAM), ("U0BO'--", TEAM)]
)
def test_a_claim_of_another_workspace_is_refused_at_the_door(office: Office, user: str, team: str) -> None:
    """F-A03: before anybody looks into lists, and before Slack is asked."""
    with pytest.raises(NotAllowedError):
        office.bot.actors.verified(Claim(user, team))
    assert not [given for method, given in office.slack.calls if method == "users.info"]


@pytest.mark.parametrize(
    "told",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"deleted": True},
        {"is_bot": True},
        {"is_stranger": True},
        {"team_id": "T0EVIL"},
        {"team_id": None},
        {"is_restricted": "yes"},
    ],
)
def test_guests_bots_and_strangers_are_refused_although_they_are_listed(
    office: Office, told: dict[str, object]
) -> None:
    """F-A04: Slack's own word on a user stands above the operator's list."""
    request = office.asked()
    office.slack.add_user(BO, **told)
    office.click(office.question, "stop_approve", user=BO)
    assert state(office, request) is RequestState.PENDING
    assert "may not be done by" in office.whispered(BO)
    assert executions(office) == 0


def test_what_slack_said_of_a_user_is_believed_for_five_minutes_only(office: Office) -> None:
    """F-A04: an approver who was deactivated meanwhile approves nothing."""
    request = office.asked()
    office.bot.actors.refresh(BO)
    office.slack.add_user(BO, deleted=True)
    office.world.clock.advance(301)
    office.click(office.question, "stop_approve", user=BO)
    assert state(office, request) is RequestState.PENDING


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, error="fatal_error"),
        Fault(status=429, error="ratelimited", headers={"Retry-After": "60"}),
        Fault(refuse=True),
        Fault(error="user_not_found"),
    ],
)
def test_who_cannot_be_verified_is_refused_and_may_try_again(office: Office, fault: Fault) -> None:
    """F-A05: Slack's silence is no consent; the request waits, the next click counts."""
    request = office.asked()
    office.slack.fail("users.info", fault)
    office.click(office.question, "stop_approve", user=BO)
    assert state(office, request) is RequestState.PENDING
    assert "cannot verify you now" in office.whispered(BO)
    office.click(office.question, "stop_approve", user=BO)
    assert state(office, request) is not RequestState.PENDING


def test_users_info_about_somebody_else_verifies_nobody(office: Office) -> None:
    """F-A05: a malformed answer is no answer."""
    request = office.asked()
    office.slack.users[BO] = {"id": ANA, "team_id": TEAM}
    office.click(office.question, "stop_approve", user=BO)
    assert state(office, request) is RequestState.PENDING


@pytest.mark.parametrize(
    "value", ["", "f" * 32, "f" * 2000, None, 7, ["x"], {"a": 1}, "../../x", "' OR 1=1 --", "\x00" * 32, "é" * 32]
)
def test_a_forged_button_stops_nothing(office: Office, value: object) -> None:
    """F-A06: a value that is not the one of this very question is refused without a stack trace."""
    request = office.asked()
    response = office.click(office.question, "stop_approve", user=BO, value=value)
    assert response.status == 200
    assert "not one of mine" in office.whispered(BO)
    assert state(office, request) is RequestState.PENDING


@given(value=st.one_of(st.text(max_size=80), st.from_regex(r"[0-9a-f]{32}", fullmatch=True)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_value_but_the_right_one_is_taken(office: Office, value: str) -> None:
    """F-A06: whatever is written into the button, it answers calmly and stops nothing."""
    if not office.slack.messages["C0TRAIN"]:
        office.asked()
    response = office.click(office.question, "stop_approve", user=BO, value=value)
    assert response.status == 200
    assert office.world.store.requests()[0].state is RequestState.PENDING


def test_the_value_of_another_question_is_refused(office: Office) -> None:
    """F-A06, F-A15: the token of one request does not open another, nor on a copied message or in another channel."""
    first = office.asked()
    second = office.asked("lab/vision/r2 launch=pid:4212")
    asked_first, asked_second = [m for m in office.slack.said("Approve Stop") if "files" not in m]
    office.click(asked_second, "stop_approve", user=BO, value=first.id)
    office.click({**asked_first, "ts": "1.000001"}, "stop_approve", user=BO)
    office.click({**asked_first, "channel": "C0OTHER"}, "stop_approve", user=BO)
    assert state(office, first) is RequestState.PENDING
    assert state(office, second) is RequestState.PENDING
    assert executions(office) == 0


def test_the_same_click_five_times_is_one_decision(office: Office) -> None:
    """F-A07: delivered again, at once or by several threads, it stops the job once; the others hear who was first."""
    request = office.asked()
    question = dict(office.question)
    start = threading.Barrier(5)

    def press() -> None:
        start.wait()
        office.click(question, "stop_approve", user=BO)

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert executions(office) == 1
    assert state(office, request) is RequestState.STOPPED
    office.click(question, "stop_approve", user=BO)
    assert executions(office) == 1
    assert "already" in office.whispered(BO)
    assert len([row for row in office.world.store.audited() if row.verb == "approve" and row.allowed]) == 1


def test_of_approve_and_keep_running_exactly_one_wins(slack: SlackServer, tmp_path: Path) -> None:
    """F-A08: two people at the same moment: one decision; after "keep running" nothing is ever executed."""
    for turn in range(6):
        slack.messages.clear()
        folder = tmp_path / str(turn)
        folder.mkdir()
        office = Office(slack, folder)
        request = office.asked()
        question = dict(office.question)
        start = threading.Barrier(2)

        def press(action: str, user: str, *, at: Office = office, on: dict[str, object] = question) -> None:
            start.wait()  # noqa: B023  # joined before the next turn
            at.click(on, action, user=user)

        pressing = [
            threading.Thread(target=press, args=("stop_approve", BO)),
            threading.Thread(target=press, args=("stop_keep", ANA)),
        ]
        for thread in pressing:
            thread.start()
        for thread in pressing:
            thread.join(90)
        done = executions(office)
        final = state(office, request)
        assert (final, done) in {(RequestState.STOPPED, 1), (RequestState.DECLINED, 0)}
        loser = ANA if done else BO
        assert "already" in office.whispered(loser)


def test_a_watcher_may_not_switch_to_automatic(office: Office) -> None:
    """F-A01: automatic mode needs an approver, by command and by word; the watch goes on asking."""
    assert "needs the role approver" in office.command("lab/vision/r1 mode=auto", user=CY)
    assert not office.world.store.watches()
    watch = office.watch(user=CY)
    office.reply("mode auto", user=CY)
    assert office.world.now(watch).context.mode is Mode.ASK
    office.reply("mode auto", user=BO)
    assert office.world.now(watch).context.mode is Mode.AUTO


@pytest.mark.parametrize("words", ["expected change: harder data", "false alarm"])
def test_only_the_owner_or_an_admin_explains_trouble_away(office: Office, words: str) -> None:
    """F-A01: not even an approver holds back the stops of a watch of others; the owner, a mere watcher, may."""
    watch = office.watch(user=CY)
    for user in (BO, EVE):
        office.reply(words, user=user)
        assert office.world.now(watch).context.announced == ()
    assert "Only" in office.whispered(BO)
    for user in (CY, ANA):
        office.reply(words, user=user)
        assert len(office.world.now(watch).context.announced) == 1
        assert "Noted" in office.whispered(user)
    assert len(office.refusals()) == 2


def test_only_the_owner_or_an_admin_pauses_a_watch(office: Office) -> None:
    """F-A01: a watcher's hands stay off the watches of others."""
    watch = office.watch(user=ANA)
    office.click(office.card, "card_pause", user=CY)
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert "Only the owner" in office.whispered(CY)
    office.click(office.card, "card_pause", user=ANA)
    assert office.world.now(watch).state is WatchState.PAUSED


@pytest.mark.parametrize(
    ("action", "value"), [("card_pause", "{id}"), ("card_menu", "{id} end"), ("card_check_now", "{id}")]
)
def test_the_buttons_of_a_copied_card_are_nobodys(office: Office, action: str, value: str) -> None:
    """F-A15: another message, or another channel, with the right id on it."""
    watch = office.watch()
    for copy in ({**office.card, "ts": "1700000000.000009"}, {**office.card, "channel": "C0OTHER"}):
        office.click(copy, action, value=value.format(id=watch.id))
    now = office.world.now(watch)
    assert (now.state, now.next_round_at) == (watch.state, watch.next_round_at)


def test_the_button_of_another_watch_is_not_obeyed_on_this_card(office: Office) -> None:
    """F-A15: the card is one of ours, the id is that of another."""
    watch = office.watch()
    other = office.world.watch(run=RunRef(RunKind.WANDB, "lab/vision/r9"))
    office.click(office.card, "card_pause", value=other.id)
    assert office.world.now(other).state is other.state
    assert office.world.now(watch).state is watch.state
