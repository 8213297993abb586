"""`trainwatch doctor`, against a small workspace: every trouble has a line, and a line that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainwatch_core.cli import cli
from trainwatch_core.cli.slack_checks import SCOPES
from trainwatch_core.testing.desk import Desk
from trainwatch_core.testing.slack_setup import SetUpSlack
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb

CONFIG = 'admins = ["U0ANA"]\n[wandb]\nbase_url = "http://127.0.0.1:9"\n[slack]\nchannel = "C0TRAIN"\n'


@pytest.fixture
def told(desk: Desk, slack: SetUpSlack) -> Callable[..., tuple[int, str]]:
    """Writes a configuration and tokens, runs the doctor, and returns exit code and output."""

    def run(config: str = CONFIG, *words: str, bot: str = "xoxb-1-right", app: str = "xapp-1-right") -> tuple[int, str]:
        (desk.folder / "trainwatch.toml").write_text(config)
        env = desk.folder / "trainwatch.env"
        env.write_text(f"SLACK_BOT_TOKEN={bot}\nSLACK_APP_TOKEN={app}\nSLACK_API_URL={slack.url}\n")
        env.chmod(0o600)
        done = desk.say(cli, "doctor", *words)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert bot not in done.output
        return done.exit_code, done.stdout

    return run


def test_a_healthy_set_up_is_said_to_be_so(told: Callable[..., tuple[int, str]]) -> None:
    """Exit code 0, one line for each thing; W&B that cannot be reached here is worth a look and no more."""
    code, said = told()
    assert code == 0, said
    for line in ("workspace Lab as @trainwatch", "exactly those of manifest.yml", "may open a socket", "is @ana"):
        assert line in said
    assert "the bot is in it" in said
    assert "W&B cannot be reached" in said


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        ({"bot": "xoxb-1-wrong"}, "refuses SLACK_BOT_TOKEN: invalid_auth"),
        ({"app": "xapp-1-wrong"}, "connections:write"),
        ({"bot": "xapp-1-swapped"}, "SLACK_BOT_TOKEN does not look like one"),
    ],
)
def test_a_wrong_token_is_named(told: Callable[..., tuple[int, str]], tokens: dict[str, str], line: str) -> None:
    """Which of the two, and where a new one is found."""
    code, said = told(**tokens)
    assert code == 1
    assert line in said


def test_a_missing_scope_is_named(told: Callable[..., tuple[int, str]], slack: SetUpSlack) -> None:
    """The commonest mistake: the app was not installed again after its manifest changed."""
    slack.scopes = ",".join(sorted(SCOPES - {"files:write", "reactions:write"}))
    code, said = told()
    assert code == 1
    assert "lacks files:write, reactions:write" in said
    assert "Reinstall" in said


def test_more_scopes_than_needed_are_worth_a_look(told: Callable[..., tuple[int, str]], slack: SetUpSlack) -> None:
    """What a bot may do beyond its task is a risk and no fault."""
    slack.scopes = f"{slack.scopes},admin"
    code, said = told()
    assert code == 0
    assert "more than it needs: admin" in said


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({"is_member": False}, "/invite @trainwatch"),
        ({"is_archived": True}, "is archived"),
        ({"is_ext_shared": True}, "shared with another organisation"),
        ({"id": "C0OTHER"}, "C0TRAIN: not_found"),
    ],
)
def test_a_channel_that_will_not_do_is_named(
    told: Callable[..., tuple[int, str]], slack: SetUpSlack, state: dict[str, object], line: str
) -> None:
    """Before the first report is lost."""
    slack.channel |= state
    code, said = told()
    assert code == 1
    assert line in said


def test_without_a_channel_the_bot_must_be_somewhere(told: Callable[..., tuple[int, str]], slack: SetUpSlack) -> None:
    """A bot that is in no channel hears nobody."""
    assert told(CONFIG.replace("channel =", "#"))[0] == 0
    slack.channel["is_member"] = False
    code, said = told(CONFIG.replace("channel =", "#"))
    assert code == 1
    assert "the bot is in no channel" in said


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"deleted": True}, "deactivated"),
        ({"is_restricted": True}, "a guest"),
        ({"is_bot": True}, "a bot"),
        ({"team_id": "T0OTHER"}, "of another workspace"),
        ({"id": "U0BO"}, "not_found"),
    ],
)
def test_a_listed_person_who_may_do_nothing_is_named(
    told: Callable[..., tuple[int, str]], slack: SetUpSlack, state: dict[str, object], why: str
) -> None:
    """F-A05 beforehand: these would be refused when they press the button at night."""
    slack.user |= state
    code, said = told()
    assert code == 1
    assert f"U0ANA of admins may do nothing: {why}" in said


def test_a_redirect_gets_no_token(told: Callable[..., tuple[int, str]], slack: SetUpSlack) -> None:
    """F-I07: what sends the request elsewhere is not followed."""
    slack.status, slack.location = 302, f"{slack.url}elsewhere"
    code, said = told()
    assert code == 1
    assert "status 302" in said
    assert [method for method, _, _ in slack.asked] == ["auth.test"]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ('[log]\nroots = ["/nowhere"]\n', "/nowhere is no folder"),
        ('[[project]]\nmatch = "a/b"\nlaunch = "pigeon:{run}"\n', "nobody here stops pigeon:{run}"),
        ('[[project]]\nmatch = "a/b"\nstop_command = "/nowhere/stop --now"\n', "/nowhere/stop cannot be run"),
        ('[[project]]\nmatch = "a/b"\nlog_command = ["/nowhere/cat"]\n', "/nowhere/cat cannot be run"),
        ('[[project]]\nmatch = "a/b"\noffline = "/nowhere"\n', "/nowhere is no folder"),
        ('data_dir = "/proc/nothing"\n', "cannot be written"),
        ('admin = ["U0ANA"]\n[slack]\nchannel = "#training"\n', 'Did you mean "admins"'),
    ],
)
def test_what_this_machine_lacks_is_named(
    told: Callable[..., tuple[int, str]], desk: Desk, monkeypatch: pytest.MonkeyPatch, config: str, line: str
) -> None:
    """Sources, stoppers, data and the file itself, before a run depends on them."""
    if "data_dir" in config:
        monkeypatch.setattr(type(desk), "environ", {**desk.environ, "TRAINWATCH_DATA_DIR": ""})
    code, said = told(config, "--offline")
    assert code == 1
    assert line in said


def test_the_wandb_key_is_tried(
    told: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its user is named."""
    del tmp_path
    monkeypatch.setenv("WANDB_API_KEY", API_KEY)
    with FakeWandb() as server:
        _, said = told(CONFIG.replace("http://127.0.0.1:9", server.url))
    assert "knows you as" in said


def test_offline_it_asks_nobody(desk: Desk, slack: SetUpSlack, told: Callable[..., tuple[int, str]]) -> None:
    """For a machine without a network."""
    told()
    slack.asked.clear()
    done = desk.run("doctor", "--offline")
    assert done.returncode == 0, done.stdout
    assert not slack.asked
