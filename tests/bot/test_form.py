"""The form of a watch: opened at once, filled by W&B, errors at their fields; and the form of one that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.models.views import View

from bot.blocks.fields import BLOCKS, METADATA, TITLE
from bot.blocks.form import edit_form, new_form, run_options
from bot.ids import SHORTCUT, Choice, Field
from bot.listeners.filling import changed, filled_of, marks_of, told_anew
from bot.testing import ANA, BO, CHANNEL, CY, EVE, RULES, SLACK_TOML, Office
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.errors import JobNotFoundError
from trainwatch_core.model.run import RunChoice, RunKind, RunRef, RunState
from trainwatch_core.model.watch import Mode, Posts, Watch, WatchContext
from trainwatch_core.testing.slack_payloads import APP, TEAM, form_payload
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault, Json
from trainwatch_core.testing.slack_workspace import EXPIRED_TRIGGER
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb
from trainwatch_core.testing.wandb_server import Fault as WandbFault
from trainwatch_core.testing.worlds import FakeWorld

RUN = RunRef(RunKind.WANDB, "lab/vision/r1")


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWandb]:
    """A stand-in for W&B with two projects."""
    with FakeWandb() as fake:
        fake.add("lab/vision/r1", display_name="resnet <!channel>", state="running")
        fake.add("lab/vision/r2", display_name="vit", state="finished")
        fake.add("lab/words/w1")
        monkeypatch.setenv("WANDB_API_KEY", API_KEY)
        yield fake


@pytest.fixture
def desk(slack: SlackServer, wandb: FakeWandb, tmp_path: Path) -> Office:
    """An office that asks the stand-in for W&B."""
    return Office(slack, tmp_path, toml=f'[wandb]\nbase_url = "{wandb.url}"')


def texts(view: Json) -> str:
    """Everything that stands in a form."""
    return str(view["blocks"])


def fields(view: Json) -> list[str]:
    """What a form asks for."""
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


def edited(office: Office, watch: Watch, user: str = ANA) -> Json:
    """The form that opens by Edit on the card."""
    office.click(office.card, "card_menu", user=user, value=f"{watch.id} {Choice.EDIT}")
    return office.form


def test_it_opens_at_once_and_is_filled_when_wandb_has_answered(desk: Office, slack: SlackServer) -> None:
    """REALITY: a trigger lives three seconds, so the form does not wait for W&B; then projects, newest runs, search."""
    assert desk.command("") in {"", "{}"}
    opened, updated = [given["view"] for method, given in slack.calls if method in {"views.open", "views.update"}]
    assert "I look up your projects" in texts(opened)
    assert Field.RUN not in fields(opened)
    assert fields(updated)[:3] == [Field.PROJECT, Field.RUN, Field.TYPED]
    assert "lab/words" in texts(updated)
    assert desk.offered("", {}) == ["▶ resnet <!channel> (r1) · runs", "✓ vit (r2) · finished"]
    assert desk.offered("VIT", {}) == ["✓ vit (r2) · finished"]
    assert desk.offered("", {Field.PROJECT: "lab/words"}) == ["▶ w1 · runs"]
    assert desk.offered("", {}, user=EVE) == []


def test_a_run_that_was_chosen_is_watched_with_its_context(desk: Office) -> None:
    """What was filled in is what would have been typed after /watch; the card comes into the channel."""
    desk.command("")
    filled = {
        Field.RUN: "lab/vision/r1",
        Field.LAUNCH: "pid:4211",
        Field.EVERY: "10m",
        Field.ROUNDS: "changes",
        Field.BASELINE: "val/loss=2.31, val/acc=0.5",
        Field.KEY: "val/acc, val/loss",
        Field.NOTES: "vision.md",
        Field.STEPS: "90,000",
        Field.ANNOUNCE: "30000=harder data\n60000",
    }
    assert desk.send(filled) == {}
    (watch,) = desk.world.store.watches()
    context = watch.context
    assert (str(watch.run), watch.channel, watch.owner.id) == ("lab/vision/r1", CHANNEL, ANA)
    assert (context.interval, context.rounds, context.launch) == (600.0, Posts.CHANGES, "pid:4211")
    assert context.baseline == {"val/loss": 2.31, "val/acc": 0.5}
    assert context.key_metrics == ("val/acc", "val/loss")
    assert context.announced == (Announcement(30000.0, "harder data"), Announcement(60000.0))
    assert "I watch lab/vision/r1" in desk.whispered(ANA)
    desk.work(8)
    assert "Healthy" in str(desk.card)


def test_everything_that_is_wrong_is_told_at_its_field(desk: Office) -> None:
    """All at once, and nothing is watched; a second try with better words is."""
    desk.command("")
    errors = desk.send({Field.RUN: "lab/vision/r1", Field.EVERY: "soon", Field.STEPS: "many", Field.NOTES: "../x.md"})
    assert set(errors) == {Field.EVERY, Field.STEPS, Field.NOTES}
    assert "30m" in errors[Field.EVERY]
    assert set(desk.send({})) == {Field.TYPED}
    assert set(desk.send({Field.RUN: "lab/vision/r1", Field.TYPED: "lab/vision/r2"})) == {Field.TYPED}
    assert set(desk.send({Field.TYPED: "nonsense"})) == {Field.TYPED}
    assert not desk.world.store.watches()
    assert desk.send({Field.RUN: "lab/vision/r1", Field.EVERY: "5m"}) == {}
    assert set(desk.send({Field.RUN: "lab/vision/r1"})) == {Field.RUN}, "it is watched already"
    assert len(desk.world.store.watches()) == 1


def test_what_the_engine_refuses_is_told_at_the_field_it_is_about(desk: Office) -> None:
    """A job that is not there stands at the launch."""
    assert desk.world.stopper is not None
    desk.world.stopper.identify_error = JobNotFoundError("There is no such process", where="pid:77")
    desk.command("")
    assert set(desk.send({Field.RUN: "lab/vision/r1", Field.LAUNCH: "pid:77"})) == {Field.LAUNCH}


@pytest.mark.parametrize(
    ("user", "filled", "field"),
    [
        (CY, {Field.MODE: "auto"}, Field.MODE),
        (EVE, {}, Field.RUN),
    ],
)
def test_rights_are_those_of_the_command(desk: Office, user: str, filled: dict[Field, str], field: Field) -> None:
    """F-A01: also of a form that an admin opened, and somebody else sends."""
    desk.command("")
    assert set(desk.send({Field.RUN: "lab/vision/r1", **filled}, user=user)) == {field}
    assert not desk.world.store.watches()
    assert not desk.world.store.audited()[-1].allowed


def test_who_may_watch_nothing_gets_no_form(desk: Office, slack: SlackServer) -> None:
    """But an answer."""
    assert "Only" in desk.command("", user=EVE)
    assert not slack.views


@pytest.mark.parametrize("fault", [WandbFault.HTML, WandbFault.BAD_GATEWAY])
def test_without_wandb_the_run_is_typed(desk: Office, wandb: FakeWandb, fault: WandbFault) -> None:
    """The form says so, and works."""
    wandb.fault = fault
    desk.command("")
    assert "does not answer now" in texts(desk.form)
    assert Field.RUN not in fields(desk.form)
    assert desk.send({Field.TYPED: "https://wandb.ai/lab/vision/runs/r1"}) == {}
    assert str(desk.world.store.watches()[0].run) == "lab/vision/r1"


def test_a_run_that_wandb_stops_telling_of_is_offered_to_nobody(desk: Office, wandb: FakeWandb) -> None:
    """The list is empty; nothing fails."""
    desk.command("")
    wandb.fault = WandbFault.BAD_GATEWAY
    assert desk.offered("", {}) == []


def test_a_trigger_that_came_too_late_is_said(desk: Office) -> None:
    """Slack gives three seconds."""
    assert "expired_trigger_id" in desk.command("", trigger_id=EXPIRED_TRIGGER)


def test_a_form_that_was_closed_meanwhile_harms_nobody(desk: Office, slack: SlackServer) -> None:
    """The look-up came too late."""
    slack.fail("views.update", Fault(error="not_found"))
    desk.command("")
    assert "I look up" in texts(desk.form)


def test_without_a_channel_of_the_file_the_form_asks_for_one(slack: SlackServer, tmp_path: Path) -> None:
    """Where it was opened stands there already."""
    office = Office(slack, tmp_path, slack_toml="")
    office.command("")
    assert Field.CHANNEL in fields(office.form)
    assert office.send({Field.TYPED: "lab/vision/r1"}) == {}
    assert office.world.store.watches()[0].channel == CHANNEL


def message_with(text: str) -> Json:
    """The payload of the shortcut on a message of somebody's."""
    return {
        "type": "message_action",
        "callback_id": SHORTCUT,
        "api_app_id": APP,
        "trigger_id": "1.2",
        "response_url": "",
        "team": {"id": TEAM},
        "user": {"id": ANA, "team_id": TEAM},
        "channel": {"id": CHANNEL},
        "message": {"type": "message", "user": BO, "ts": "1.1", "text": text},
    }


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("look <https://wandb.ai/lab/vision/runs/r9|here>", "lab/vision/r9"),
        ("https://evil.example/lab/vision/runs/r9 https://wandb.ai/lab/vision/runs/r2?a=1", "lab/vision/r2"),
        ("no run at all", ""),
    ],
)
def test_the_shortcut_of_a_message_opens_the_form_with_its_run(desk: Office, text: str, run: str) -> None:
    """A5: the first run that the message has a link to."""
    desk.dispatch(message_with(text))
    (typed,) = [block for block in desk.form["blocks"] if block.get("block_id") == Field.TYPED]
    assert typed["element"].get("initial_value", "") == run


def test_edit_shows_what_was_told_and_changes_what_was_changed(office: Office) -> None:
    """An emptied field is taken back; one that nobody touched stays, whatever it is."""
    watch = office.watch("lab/vision/r1 launch=pid:4211 baseline=val/loss:2.3 target=acc:0.7 every=10m steps=5000")
    form = edited(office, watch)
    assert fields(form)[0] == Field.LAUNCH
    assert office.send({Field.EVERY: "20m", Field.BASELINE: "val/loss=2.1", Field.TARGET: ""}) == {}
    context = office.world.now(watch).context
    assert (context.interval, context.baseline, context.target) == (1200.0, {"val/loss": 2.1}, {})
    assert (context.launch, context.planned_steps) == ("pid:4211", 5000.0)
    assert office.send({Field.EVERY: ""}) == {}
    assert office.world.now(watch).context.interval == 1200.0, "there is always some time between checks"
    assert "every=20m" in office.whispered(ANA)
    assert "target emptied" in office.whispered(ANA)


def test_edit_takes_nothing_back_that_was_told_meanwhile(office: Office) -> None:
    """Two people with the same form open: each changes what they changed."""
    watch = office.watch("lab/vision/r1 launch=pid:4211 every=10m")
    form = edited(office, watch)
    office.reply("every 5m")
    office.reply("rounds changes")
    office.dispatch(form_payload(form, {Field.BASELINE: "loss=2"}))
    context = office.world.now(watch).context
    assert (context.interval, context.rounds, context.baseline) == (300.0, Posts.CHANGES, {"loss": 2.0})


def test_a_client_that_tells_only_what_was_touched_empties_nothing(office: Office) -> None:
    """As the look-alike is: Slack tells of every field."""
    watch = office.watch("lab/vision/r1 launch=pid:4211 baseline=val/loss:2.3 every=10m")
    form = edited(office, watch)
    payload = form_payload(form, {Field.EVERY: "20m"})
    values = payload["view"]["state"]["values"]
    for field in set(values) - {Field.EVERY}:
        (element,) = values[field].values()
        element.update(value=None, selected_option=None)
    office.dispatch(payload)
    context = office.world.now(watch).context
    assert (context.interval, context.launch, context.baseline) == (1200.0, "pid:4211", {"val/loss": 2.3})


def test_edit_without_a_change_changes_nothing(office: Office) -> None:
    """And says so."""
    watch = office.watch()
    edited(office, watch)
    before = office.world.now(watch).context
    assert office.send({}) == {}
    assert office.world.now(watch).context == before
    assert "Nothing was changed" in office.whispered(ANA)


def test_edit_tells_what_is_wrong_at_its_field(office: Office) -> None:
    """The watch is as before."""
    watch = office.watch("lab/vision/r1 launch=pid:4211 every=10m")
    edited(office, watch)
    errors = office.send({Field.EVERY: "never", Field.BASELINE: "x", Field.LAUNCH: "pigeon:1:2 3"})
    assert {Field.EVERY, Field.BASELINE} <= set(errors)
    assert office.world.now(watch).context.interval == 600.0


@pytest.mark.parametrize(
    ("user", "filled", "field"),
    [
        (CY, {Field.EVERY: "1m"}, Field.EVERY),  # another one's watch
        (BO, {Field.MODE: "auto"}, Field.MODE),
    ],
)
def test_edit_is_for_those_who_may(office: Office, user: str, filled: dict[Field, str], field: Field) -> None:
    """F-A05: whoever opened it; refused on record."""
    watch = office.watch("lab/vision/r1 launch=pid:4211 every=10m")
    edited(office, watch)
    before = office.world.now(watch).context
    assert set(office.send(filled, user=user)) == {field}
    assert office.world.now(watch).context == before
    assert not office.world.store.audited()[-1].allowed


def test_edit_is_refused_to_nobodies_before_it_opens(office: Office, slack: SlackServer) -> None:
    """What was told may be read by those who may change it."""
    watch = office.watch()
    office.click(office.card, "card_menu", user=EVE, value=f"{watch.id} {Choice.EDIT}")
    office.click({**office.card, "ts": "1.1"}, "card_menu", value=f"{watch.id} {Choice.EDIT}")
    assert not slack.views


def test_edit_never_makes_a_typed_command_automatic(slack: SlackServer, tmp_path: Path) -> None:
    """F-S: a command of chat runs with approval only, also if automatic mode comes later; it is never shown again."""
    world = FakeWorld(rules=replace(RULES, allow_chat_commands=True))
    office = Office(slack, tmp_path, world=world, slack_toml=f"{SLACK_TOML}\nallow_chat_commands = true")
    watch = office.watch('lab/vision/r1 stop="/bin/stop --key=hunter2"')
    assert world.now(watch).context.stop_command
    form = edited(office, watch)
    assert "hunter2" not in texts(form)
    assert office.send({Field.MODE: "auto"}) != {}
    assert world.now(watch).context.mode is Mode.ASK
    assert office.send({Field.EVERY: "5m"}) == {}
    assert world.now(watch).context.stop_command == "/bin/stop --key=hunter2"


def test_edit_by_command_and_what_cannot_be_edited(office: Office) -> None:
    """`/watch edit RUN`; a mention has no leave to open a form and is told how."""
    watch = office.watch()
    assert office.command("edit lab/vision/r1") in {"", "{}"}
    assert f'"{watch.id}"' in office.form["private_metadata"]
    assert "No watch has this name" in office.command("edit lab/vision/r7")
    office.event(
        {"type": "app_mention", "channel": CHANNEL, "user": ANA, "text": "<@U0BOT> edit lab/vision/r1", "ts": "2.1"}
    )
    assert "A form opens for" in office.whispered(ANA)


def test_a_forged_form_changes_nothing(office: Office) -> None:
    """Metadata that is none of ours."""
    office.watch()
    office.command("")
    view = {**office.form, "private_metadata": '{"watch": "zzzzzzzz", "was": 3}'}
    answer = office.dispatch(form_payload(view, {Field.EVERY: "1m"}))
    assert "no watch" in str(answer.body).lower()
    view = {**office.form, "private_metadata": "no json"}
    assert "Choose a run" in str(office.dispatch(form_payload(view, {})).body)


RICH = WatchContext(
    log_path="gpu1:/mnt/x.log",
    baseline={"val/loss": 0.1 + 0.2, "ä": 1e-300},
    target={"acc": 0.76},
    key_metrics=("a", "b"),
    interval=5400.0,
    launch="tmux:gpu1/exp7",
    notes_path="/elsewhere/n.md",
    baseline_runs=(RUN,),
    planned_steps=1e6,
    announced=(Announcement(3e4, "härter"), Announcement(6e4)),
)


def test_what_stands_in_the_form_reads_back_as_what_it_was(office: Office) -> None:
    """Of every field: shown, and read again as it is shown."""
    settings = office.settings
    filled = filled_of(RICH, settings)
    assert changed(filled, marks_of(filled)) == {}
    kept: dict[Field, str] = {field: text for field, text in filled.items() if field not in {Field.NOTES, Field.LOG}}
    assert told_anew(RICH, kept, settings) == RICH


VIEWS = {
    "looking": new_form({}, status="x", asks_channel=False, commands=False, carried={}),
    "found": new_form(
        {Field.TYPED: "x" * 9000},
        status="x",
        projects=["p" * 200, *["lab/p"] * 300],
        asks_channel=True,
        commands=True,
        carried={},
    ),
    "edit": edit_form(
        "lab/vision/" + "r" * 128, dict.fromkeys(Field, "x" * 9000), commands=True, carried={"was": marks_of({})}
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_forms_stay_within_the_limits(name: str) -> None:
    """Of slack_sdk, and those it does not know: names once each, 150 characters of a value, 3,000 that travel."""
    view = VIEWS[name]
    parsed = View(**view)
    parsed.validate_json()
    names = [block["block_id"] for block in view["blocks"] if "block_id" in block]
    assert len(names) == len(set(names))
    assert len(view["blocks"]) <= BLOCKS
    assert len(view["private_metadata"]) <= METADATA
    assert all(len(view[part]["text"]) <= TITLE for part in ("title", "submit", "close"))
    for block in view["blocks"]:
        element = block.get("element", {})
        assert len(element.get("initial_value", "")) <= 3000
        assert len(element.get("placeholder", {}).get("text", "")) <= 150
        options = element.get("options", [])
        assert len(options) <= 100
        assert all(len(o["value"]) <= 150 and len(o["text"]["text"]) <= 75 for o in options)


def test_runs_of_any_name_can_be_offered() -> None:
    """Names are anybody's: plain text, cut; an id of any length that a run can have."""
    long = RunChoice(RunRef(RunKind.WANDB, f"{'e' * 60}/{'p' * 60}/{'r' * 60}"), "n" * 500, RunState.RUNNING)
    assert run_options([long]) == []
    (option,) = run_options([RunChoice(RUN, "<!channel>\n`x`" * 20, None)])
    assert option["text"]["type"] == "plain_text"
    assert len(option["text"]["text"]) <= 75
