"""Links of runs that people post, and people who call the bot by its name."""

from __future__ import annotations

import json

import pytest
from slack_sdk.models.blocks import Block as SdkBlock

from bot.blocks.limits import BUTTON
from bot.blocks.links import offer_blocks
from bot.ids import Action
from bot.listeners.addresses import run_at
from bot.testing import ANA, CHANNEL, EVE, Office
from trainwatch_core.config import load_settings
from trainwatch_core.testing.slack_payloads import BOT_USER, TEAM, click_payload
from trainwatch_core.testing.slack_wire import Json

URL = "https://wandb.ai/lab/vision/runs/r1"


def post(office: Office, *urls: str, channel: str = CHANNEL, user: str = ANA, ident: str = "", **over: object) -> Json:
    """A person posts links; Slack tells of them. Returns the message."""
    message: Json = {"channel": channel, "ts": "1999999999.000001", "text": " ".join(urls), "user": user}
    if message not in office.slack.messages[channel]:
        office.slack.messages[channel].insert(0, message)
    links = [{"domain": "wandb.ai", "url": url} for url in urls]
    event: Json = {"type": "link_shared", "channel": channel, "user": user, "message_ts": message["ts"], "links": links}
    office.event({**event, "source": "conversations_history", "unfurl_id": "x", **over}, ident=ident)
    return next(m for m in office.slack.messages[channel] if m["ts"] == message["ts"])


def below(message: Json, url: str = URL) -> str:
    """What stands below a link, as JSON; empty if nothing does."""
    shown = message.get("unfurls", {}).get(url)
    return json.dumps(shown["blocks"], ensure_ascii=False) if shown else ""


def press(office: Office, message: Json, *, user: str = ANA, value: str = "lab/vision/r1", **over: object) -> None:
    """Press the button below a link."""
    container = {"type": "message_attachment", "message_ts": message["ts"], "channel_id": message["channel"]}
    container |= {"is_app_unfurl": True, "app_unfurl_url": URL}
    office.dispatch(click_payload(message, Action.WATCH_LINK, user=user, value=value, container=container, **over))


def test_a_run_that_nobody_watches_can_be_watched_at_once(office: Office) -> None:
    """A5: the button begins the watch in this channel, and gives way to how it stands."""
    message = post(office, URL)
    assert Action.WATCH_LINK in below(message)
    press(office, message)
    office.work(8)
    assert [(str(w.run), w.channel) for w in office.world.store.watches()] == [("lab/vision/r1", CHANNEL)]
    assert "I watch lab/vision/r1" in office.whispered(ANA)
    assert Action.WATCH_LINK not in below(message)


def test_a_run_that_is_watched_shows_how_it_stands(office: Office) -> None:
    """State, numbers and the way to the thread, in the channel that the watch reports to."""
    office.watch()
    shown = below(post(office, URL))
    assert "Healthy" in shown
    assert "loss" in shown
    assert f"/archives/{CHANNEL}/p" in shown


def test_numbers_stay_in_their_channel(office: Office) -> None:
    """Another channel learns that the run is watched, no more: others read there."""
    office.watch()
    office.slack.channels["C0OTHER"] = {"id": "C0OTHER", "is_member": True}
    shown = below(post(office, URL, channel="C0OTHER"))
    assert "Healthy" in shown
    assert "loss" not in shown


@pytest.mark.parametrize("over", [{"source": "composer"}, {"channel": "COMPOSER"}], ids=["source", "channel"])
def test_what_is_still_being_written_is_left_alone(office: Office, over: dict[str, str]) -> None:
    """Slack tells again when it is posted."""
    assert not below(post(office, URL, **over))


def test_an_event_that_comes_twice_is_shown_once(office: Office) -> None:
    """Slack repeats what it is not sure of."""
    for _ in range(2):
        post(office, URL, ident="Ev0SAME")
    assert [name for name, _ in office.slack.calls].count("chat.unfurl") == 1


def test_only_three_of_many_links_are_shown(office: Office) -> None:
    """A list of thirty runs stays a list."""
    urls = [f"https://wandb.ai/lab/vision/runs/r{n}" for n in range(30)]
    assert len(post(office, *urls)["unfurls"]) == 3


def test_people_of_other_workspaces_are_shown_nothing(office: Office) -> None:
    """A guest of Slack Connect who posts a link learns nothing of us."""
    message: Json = {"channel": CHANNEL, "ts": "1999999999.000001", "text": URL, "user": EVE}
    office.slack.messages[CHANNEL].insert(0, message)
    event = {"type": "link_shared", "channel": CHANNEL, "user": EVE, "message_ts": message["ts"]}
    body = {"type": "event_callback", "team_id": "T0EVIL", "event": {**event, "links": [{"url": URL}]}, "token": "x"}
    office.dispatch({**body, "event_id": "Ev1", "event_time": 1})
    assert not below(message)


@pytest.mark.parametrize(
    "url",
    [
        "https://wandb.ai/lab/vision",
        "https://wandb.ai.evil.example/lab/vision/runs/r1",
        "https://wandb.ai@evil.example/lab/vision/runs/r1",
        "https://evil.example/lab/vision/runs/r1",
        "ftp://wandb.ai/lab/vision/runs/r1",
        "https://wandb.ai/lab/vision/runs/%3Cscript%3E",
        "https://[",
        "",
    ],
)
def test_other_links_are_none_of_ours(office: Office, url: str) -> None:
    """Only the page of a run, on a server that we know."""
    assert not post(office, url).get("unfurls")


def test_a_server_of_our_own_is_known(office: Office) -> None:
    """Its address is in the file."""
    file = office.folder / "own.toml"
    file.write_text('[wandb]\nbase_url = "https://wandb.lab.example"\n')
    settings = load_settings(file, {"HOME": str(office.folder)}, cwd=office.folder)
    assert run_at("https://wandb.lab.example/lab/vision/runs/r1", settings)
    assert not run_at("https://other.example/lab/vision/runs/r1", settings)


@pytest.mark.parametrize(("user", "team"), [(EVE, TEAM), (ANA, "T0EVIL")], ids=["nobody", "stranger"])
def test_the_button_obeys_no_nobody(office: Office, user: str, team: str) -> None:
    """F-A01, F-A03: the button has the rights of `/watch`, and the refusal is on record."""
    message = post(office, URL)
    before = len(office.world.store.audited())
    press(office, message, user=user, team=team)
    assert not office.world.store.watches()
    assert [row.allowed for row in office.world.store.audited()[before:]] == [False]
    assert office.whispered(user)


@pytest.mark.parametrize("value", ["", "../x", "/etc/passwd", "lab/vision", "lab/vision/r1 mode=auto", "x" * 3000])
def test_a_forged_value_begins_nothing(office: Office, value: str) -> None:
    """What comes back with the button is read like all that is typed."""
    press(office, post(office, URL), value=value)
    assert not office.world.store.watches()
    assert "does not name a W&B run" in office.whispered(ANA)


def test_the_longest_name_fits() -> None:
    """A run's name of 128 characters three times is more than the value of a menu, and fits that of a button."""
    run = "/".join(["n" * 128] * 3)
    offer = offer_blocks(run)
    assert all(SdkBlock.parse(dict(block)) is not None for block in offer)
    button = offer[1]["elements"][0]
    assert button["value"] == run
    assert len(button["text"]["text"]) <= BUTTON
    assert len(offer[1]["block_id"]) <= 255


def call(office: Office, words: str, *, user: str = ANA, **over: object) -> None:
    """Somebody names the bot in a channel."""
    event = {"type": "app_mention", "channel": CHANNEL, "user": user, "team": TEAM, "ts": "2000000001.000001"}
    office.event({**event, "text": f"<@{BOT_USER}> {words}", **over})


def test_who_names_the_bot_is_answered(office: Office) -> None:
    """What follows the name is taken as after `/watch`; nothing at all gets help."""
    call(office, "")
    assert "How to use" in office.whispered(ANA)
    call(office, "lab/vision/r1")
    assert "I watch lab/vision/r1" in office.whispered(ANA)
    call(office, "list", thread_ts="1999999999.000009")
    assert "1 watched" in office.whispered(ANA)


def test_the_name_gives_no_rights(office: Office) -> None:
    """F-A01: a nobody who names the bot begins nothing."""
    call(office, "lab/vision/r1", user=EVE)
    assert not office.world.store.watches()
    assert not office.world.store.audited()[-1].allowed


def test_a_word_after_the_name_in_a_thread_of_ours_is_done_once(office: Office) -> None:
    """Slack tells of such a message twice, as a mention and as a reply."""
    office.watch()
    told = {"thread_ts": office.card["ts"], "ts": "2000000002.000001"}
    call(office, "pause", **told)
    assert office.world.store.watches()[0].state.name == "ACTIVE"
    office.reply(f"<@{BOT_USER}> pause", **told)
    assert office.world.store.watches()[0].state.name == "PAUSED"
    assert [m["text"] for m in office.slack.messages[f"@{ANA}"]] == ["Paused. Nobody looks until: resume"]


@pytest.mark.parametrize("words", ["check now", "pause", "look at this"])
def test_what_is_said_to_another_is_not_heard(office: Office, words: str) -> None:
    """People talk to each other in the thread; a word to somebody else is none to the bot."""
    office.watch()
    before, whispers = office.world.store.watches(), office.whispered(ANA)
    office.reply(f"<@U0BO> {words}")
    assert office.world.store.watches() == before
    assert office.whispered(ANA) == whispers


def test_the_bot_does_not_answer_itself(office: Office) -> None:
    """A message of a bot that names us is nobody's word."""
    call(office, "help", bot_id="B0X")
    assert office.whispered(ANA) == "[]"
