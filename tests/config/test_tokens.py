"""Where the tokens of the Slack app come from, and that nothing shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainwatch_core.config.tokens import PUBLIC_API, Tokens, env_text, read_tokens
from trainwatch_core.model.errors import ConfigError

BOT, APP = "xoxb-1-2-abc", "xapp-1-A-2-def"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what init writes."""
    env = tmp_path / "trainwatch.env"
    env.write_text(env_text(BOT, APP))
    env.chmod(0o600)
    return tmp_path


def test_the_file_beside_the_configuration_is_read(folder: Path) -> None:
    """What init wrote is enough; the address is Slack's own."""
    assert read_tokens({}, folder) == Tokens(BOT, APP, PUBLIC_API)


def test_the_environment_wins_and_an_empty_variable_is_not_set(folder: Path) -> None:
    """A container sets variables; a shell that exports an empty one sets nothing."""
    environ = {"SLACK_BOT_TOKEN": "xoxb-other", "SLACK_APP_TOKEN": "", "SLACK_API_URL": "http://127.0.0.1:9/api"}
    assert read_tokens(environ, folder) == Tokens("xoxb-other", APP, "http://127.0.0.1:9/api/")


def test_a_file_that_others_can_read_is_refused(folder: Path) -> None:
    """F-I07: whoever reads the tokens is the bot."""
    (folder / "trainwatch.env").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_tokens({}, folder)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLACK_BOT_TOKEN": APP, "SLACK_APP_TOKEN": BOT},
        {"SLACK_BOT_TOKEN": BOT + "\r\nX-Evil: 1", "SLACK_APP_TOKEN": APP + " "},
    ],
)
def test_what_is_missing_or_swapped_is_said_without_being_shown(tmp_path: Path, environ: dict[str, str]) -> None:
    """F-I07: both problems at once, what to do, and no token in the message."""
    with pytest.raises(ConfigError) as caught:
        read_tokens(environ, tmp_path)
    assert len(caught.value.problems) == 2
    assert not any(value in str(caught.value) for value in environ.values())


@pytest.mark.parametrize(
    "address", ["http://slack.example/api/", "https://u:p@slack.com/api/", "ftp://slack.com", "https://[", "slack.com"]
)
def test_tokens_travel_only_sealed(address: str, folder: Path) -> None:
    """An address in the clear, or with a login in it, is refused."""
    with pytest.raises(ConfigError, match="SLACK_API_URL"):
        read_tokens({"SLACK_API_URL": address}, folder)


def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(tmp_path: Path) -> None:
    """What is no ordinary file says nothing."""
    os.mkfifo(tmp_path / "trainwatch.env", 0o600)
    with pytest.raises(ConfigError, match="trainwatch init"):
        read_tokens({}, tmp_path)


def test_nothing_shows_them(folder: Path) -> None:
    """F-I07: neither a traceback nor a log line with their repr."""
    assert BOT not in repr(read_tokens({}, folder))
    assert APP not in repr(read_tokens({}, folder))


def test_by_http_the_signing_secret_stands_for_the_app_token(tmp_path: Path) -> None:
    """What opens a socket is not asked for where none is opened, and the other way round."""
    environ = {"SLACK_BOT_TOKEN": BOT, "SLACK_SIGNING_SECRET": "5" * 32}
    tokens = read_tokens(environ, tmp_path, http=True)
    assert (tokens.app, tokens.signing_secret) == ("", "5" * 32)
    assert "5" * 32 not in repr(tokens)
    assert read_tokens(environ, tmp_path, http=None) == tokens
    with pytest.raises(ConfigError, match="SLACK_APP_TOKEN is not set"):
        read_tokens(environ, tmp_path)


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "with a blank " + "x" * 32])
def test_a_signing_secret_that_is_none_is_refused_without_being_shown(tmp_path: Path, secret: str) -> None:
    """One that could be guessed would let everybody in."""
    with pytest.raises(ConfigError, match="SLACK_SIGNING_SECRET") as caught:
        read_tokens({"SLACK_BOT_TOKEN": BOT, "SLACK_SIGNING_SECRET": secret}, tmp_path, http=True)
    assert not secret or secret not in str(caught.value)
