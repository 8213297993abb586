"""The grammar of launches, and commands that are what they look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.model.command import MAX_COMMAND, check_command, hidden_character
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.launch import Launch, parse_launch, parse_pid


@pytest.mark.parametrize(
    ("text", "launch"),
    [
        ("pid:4211", Launch("pid", "localhost", "4211")),
        ("pid:gpu1/4211", Launch("pid", "gpu1", "4211")),
        ("tmux:gpu1/exp7", Launch("tmux", "gpu1", "exp7")),
        ("slurm:12345_7", Launch("slurm", "localhost", "12345_7")),
        ("k8s:train/job-a", Launch("k8s", "train", "job-a")),
        ("systemd:train@1.service", Launch("systemd", "localhost", "train@1.service")),
        ("wandb:", Launch("wandb", "localhost", "")),
    ],
)
def test_launches_are_read_and_written(text: str, launch: Launch) -> None:
    """Kind, host and target; what is written reads back as the same."""
    assert parse_launch(text) == launch
    assert str(launch) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4211",
        "pid:",
        ":4211",
        "pid:/4211",
        "pid:gpu1/",
        "PID:4211",
        "pid :4211",
        "pid: 4211",
        "pid:4211 ",
        "pid:4211\n",
        "tmux:-t",
        "tmux:--help",
        "tmux:-host/x",
        "tmux:a b",
        "tmux:a;b",
        "tmux:$(x)",
        "tmux:\u202ex",
        "wandb:/",
        "tmux:" + "x" * 300,
    ],
)
def test_what_is_no_launch_is_refused(text: str) -> None:
    """F-S06: no blanks, options, shell signs or invisible characters; nothing is trimmed or guessed."""
    with pytest.raises(InvalidInputError, match="how a run was launched"):
        parse_launch(text)


@pytest.mark.parametrize("target", ["0", "1", "-1", "\uff11\uff12", "12345678901", "007", "gpu1/0", "gpu1/1"])
def test_process_ids_are_checked_when_they_are_given(target: str) -> None:
    """F-S06: a pid that may never be stopped is refused at registration."""
    with pytest.raises(InvalidInputError):
        parse_launch(f"pid:{target}")


@given(st.text(max_size=20))
def test_a_pid_is_a_plain_number_or_nothing(text: str) -> None:
    """F-S06: whatever is typed, what is accepted is the decimal form of a number above 1."""
    try:
        pid = parse_pid(text)
    except InvalidInputError:
        return
    assert pid > 1
    assert str(pid) == text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("kill \u202e12", "U+202E RIGHT-TO-LEFT OVERRIDE at position 6"),
        ("a\nb", "U+000A control character at position 2"),
        ("\u200b", "U+200B ZERO WIDTH SPACE at position 1"),
        ("a\u00a0b", "U+00A0 NO-BREAK SPACE at position 2"),
        ("echo 1\uff1b rm", "U+FF1B FULLWIDTH SEMICOLON at position 7"),
        ("a\u037eb", "U+037E GREEK QUESTION MARK at position 2"),
    ],
)
def test_hidden_characters_are_named(text: str, where: str) -> None:
    """F-I03: the message says which character stands where, since it cannot be seen."""
    assert hidden_character(text) == where
    with pytest.raises(InvalidInputError) as caught:
        check_command(text)
    assert caught.value.where == where


@pytest.mark.parametrize("text", ["scancel 4211", "kill -TERM $(cat /run/é.pid) && echo 'ö'", "x" * MAX_COMMAND])
def test_visible_commands_pass_as_they_are(text: str) -> None:
    """A command is not changed by being checked."""
    assert check_command(text) == text
