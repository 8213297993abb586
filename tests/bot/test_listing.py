"""The list of watches page by page, the app's home, and the commands that name a watch."""

from __future__ import annotations

import json

import pytest

from bot.ids import Action, Field
from bot.testing import ANA, BO, CY, EVE, Office
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import WatchState
from trainwatch_core.testing.slack_payloads import TEAM, click_payload
from trainwatch_core.testing.slack_wire import Json


def watched(office: Office, count: int, user: str = ANA) -> None:
    """So many runs are watched."""
    for number in range(count):
        office.command(f"lab/vision/{user.lower()}{number}", user=user)


def listed(office: Office) -> Json:
    """The list as a message that can be pressed: nobody but its reader has it."""
    told = office.command("list")
    blocks = json.loads(told)["blocks"]
    return {"ts": "5.5", "channel": "C0TRAIN", "blocks": blocks}


def replaced(office: Office) -> Json:
    """What was put in the place of the list last."""
    answer = office.slack.messages["answered"][-1]
    assert answer["replace_original"] is True
    return answer


def press(office: Office, action: Action, value: str, *, user: str = ANA) -> None:
    """Press something of the list."""
    message = listed(office)
    office.dispatch(click_payload(message, action, user=user, value=value, response_url=office.slack.response_url))


def opened(office: Office, user: str = ANA, team: str = TEAM) -> Json:
    """The home after somebody opened it."""
    office.dispatch(
        {
            "type": "event_callback",
            "team_id": team,
            "api_app_id": "A0APP",
            "token": "x",
            "event_id": f"Ev{user}{len(office.slack.calls)}",
            "event_time": 1,
            "event": {"type": "app_home_opened", "user": user, "tab": "home", "channel": "D1"},
        }
    )
    return office.slack.homes[user]


def of_home(home: Json, action: Action, value: str, user: str) -> Json:
    """The payload of something on a home that is pressed."""
    payload = click_payload({"ts": "", "channel": "", "blocks": home["blocks"]}, action, user=user, value=value)
    del payload["message"], payload["channel"]
    return {**payload, "container": {"type": "view"}, "view": {**home, "type": "home"}}


def test_pages_are_turned_in_place(office: Office) -> None:
    """Ten to a page, by the way that Slack gives with the click; a page that is not there is the last one."""
    watched(office, 12)
    assert "page 1 of 2, 12 watches" in str(listed(office))
    press(office, Action.LIST_PAGE, "1")
    assert "page 2 of 2" in str(replaced(office)["blocks"])
    assert len([b for b in replaced(office)["blocks"] if "accessory" in b]) == 2
    press(office, Action.LIST_PAGE, "77")
    assert "page 2 of 2" in str(replaced(office)["blocks"])
    press(office, Action.LIST_PAGE, "-1")
    assert "page 1 of 2" in str(replaced(office)["blocks"])


def test_what_is_chosen_in_the_list_is_done_and_the_list_is_renewed(office: Office) -> None:
    """Pause: the list shows it, and offers Resume."""
    watch = office.watch()
    press(office, Action.LIST_MENU, f"0 {watch.id} pause")
    assert office.world.now(watch).state is WatchState.PAUSED
    assert "Paused" in str(replaced(office)["blocks"])
    press(office, Action.LIST_MENU, f"0 {watch.id} resume")
    assert office.world.now(watch).state is WatchState.ACTIVE
    press(office, Action.LIST_MENU, f"0 {watch.id} edit")
    assert office.send({Field.EVERY: "7m"}) == {}
    assert office.world.now(watch).context.interval == 420.0
    press(office, Action.LIST_MENU, f"0 {watch.id} end", user=CY)
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert "Only the owner" in office.whispered(CY)
    press(office, Action.LIST_MENU, f"0 {watch.id} end")
    assert office.world.now(watch).state is WatchState.ENDED
    assert "Nothing is watched" in str(replaced(office)["blocks"])


@pytest.mark.parametrize("value", ["", "0", "0 zzzzzzzz end", "0 {id} stop", "0 {id} mode auto", "x {id}"])
def test_nothing_else_can_be_chosen(office: Office, value: str) -> None:
    """Forged values."""
    watch = office.watch()
    acts = len(office.world.store.audited())
    press(office, Action.LIST_MENU, value.format(id=watch.id))
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert len(office.world.store.audited()) == acts


def test_a_watch_of_a_terminal_is_none_of_the_lists(office: Office) -> None:
    """A forged value that names one."""
    watch = office.world.watch(run=RunRef(RunKind.WANDB, "lab/vision/terminal"))
    for word in ("end", "edit"):
        press(office, Action.LIST_MENU, f"0 {watch.id} {word}")
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert not office.slack.views


def test_the_home_shows_mine_first_with_what_can_be_done(office: Office) -> None:
    """G3: and how many more there are."""
    watched(office, 2, user=BO)
    watched(office, 21, user=ANA)
    home = opened(office, BO)
    seen = [str(block.get("text", "")) for block in home["blocks"]]
    mine, others = (n for n, line in enumerate(seen) if "My watches" in line or "Watches of others" in line)
    assert sum("u0bo" in line for line in seen[mine:others]) == 2
    assert "and 3 more" in str(home)
    assert {a["action_id"] for b in home["blocks"] if b["type"] == "actions" for a in b["elements"]} == {
        Action.OPEN_FORM,
        Action.HOME_RENEW,
    }


def test_what_is_chosen_on_the_home_is_done_answered_and_shown(office: Office) -> None:
    """Nobody can be whispered to there: the answer opens in a window."""
    watch = office.watch()
    home = opened(office)
    office.dispatch(of_home(home, Action.LIST_MENU, f"0 {watch.id} pause", ANA))
    assert office.world.now(watch).state is WatchState.PAUSED
    assert "Paused" in str(office.slack.homes[ANA])
    assert "Paused" in str(office.form["blocks"])
    office.dispatch(of_home(home, Action.OPEN_FORM, "new", ANA))
    assert office.send({Field.TYPED: "lab/vision/r5"}) == {}
    office.dispatch(of_home(home, Action.HOME_RENEW, "home", ANA))
    assert office.slack.homes[ANA]["blocks"].count({"type": "divider"}) == 1
    assert str(office.slack.homes[ANA]).count("list/") == 2


def test_a_home_of_another_workspace_shows_nothing(office: Office) -> None:
    """F-A03: only why."""
    office.watch()
    home = opened(office, EVE, team="T0EVIL")
    assert "resnet" not in str(home)
    assert "own workspace" in str(home)


def test_an_empty_home_says_how_to_begin(office: Office) -> None:
    """With the button that opens the form."""
    home = opened(office, EVE)
    assert "Nothing is watched" in str(home)
    office.dispatch(of_home(home, Action.OPEN_FORM, "new", EVE))
    assert "Only" in str(office.form["blocks"]), "Eve may watch nothing, and is told so"


def test_commands_that_name_a_watch(office: Office) -> None:
    """A3: by run, by address, by id."""
    watch = office.watch()
    assert "Healthy" in office.command("show lab/vision/r1")
    assert "Why CONTINUE" in office.command(f"why {watch.id}")
    assert "Paused" in office.command("pause https://wandb.ai/lab/vision/runs/r1")
    assert office.world.now(watch).state is WatchState.PAUSED
    assert "No watch has this name" in office.command("pause lab/vision/r77")
    office.command("resume lab/vision/r1")
    assert office.world.now(watch).state is WatchState.ACTIVE
    assert "look" in office.command("check lab/vision/r1").lower()
    assert "Only the owner" in office.command("end lab/vision/r1", user=CY)
    office.command("end lab/vision/r1")
    assert office.world.now(watch).state is WatchState.ENDED
