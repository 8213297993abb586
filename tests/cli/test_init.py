"""`trainwatch init`, as a person meets it: four questions, two files, and the doctor's word that it works."""

from __future__ import annotations

import stat

import pexpect

from trainwatch_core.config import load_settings
from trainwatch_core.config.tokens import read_tokens
from trainwatch_core.testing.desk import Desk
from trainwatch_core.testing.slack_setup import SetUpSlack


def answer(terminal: pexpect.spawn, *, bot: str = "xoxb-1-right", app: str = "xapp-1-right") -> None:
    """Answer the four questions."""
    for question, text in (
        ("Bot token", bot),
        ("App token", app),
        ("Channel id", "C0TRAIN"),
        ("Your Slack id", "U0ANA"),
    ):
        terminal.expect_exact(question)
        terminal.expect_exact(": ")
        terminal.sendline(text)


def test_four_answers_make_a_set_up_that_works(desk: Desk, slack: SetUpSlack) -> None:
    """The files are private, hold what was typed, and the doctor is content."""
    terminal = desk.terminal("init", environ={"SLACK_API_URL": slack.url, "WANDB_BASE_URL": "http://127.0.0.1:9"})
    answer(terminal)
    terminal.expect_exact("make bot")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    config, env = desk.folder / "trainwatch.toml", desk.folder / "trainwatch.env"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (config, env)] == [0o600, 0o600]
    settings = load_settings(config, {"HOME": str(desk.folder)}, cwd=desk.folder)
    assert (settings.admins, settings.slack.channel) == (("U0ANA",), "C0TRAIN")
    tokens = read_tokens({}, desk.folder)
    assert (tokens.bot, tokens.app) == ("xoxb-1-right", "xapp-1-right")
    assert "xoxb" not in config.read_text()


def test_what_is_typed_as_a_token_is_not_shown(desk: Desk, slack: SetUpSlack) -> None:
    """F-I07: over a shoulder, in a recording, in the scroll-back."""
    terminal = desk.terminal("init", environ={"SLACK_API_URL": slack.url})
    terminal.expect_exact("Bot token")
    terminal.expect_exact(": ")
    terminal.sendline("xapp-1-swapped")
    terminal.expect_exact("begins with xoxb-")
    seen = terminal.before + terminal.after
    answer(terminal)
    terminal.expect(pexpect.EOF)
    seen += terminal.before
    assert "swapped" not in seen
    assert "right" not in seen


def test_names_are_not_ids(desk: Desk) -> None:
    """The channel's and the person's name are the likeliest answers; what is needed is said."""
    terminal = desk.terminal("init", "--offline")
    for text in ("xoxb-1-right", "xapp-1-right", "#training"):
        terminal.expect_exact("): ")
        terminal.sendline(text)
    terminal.expect_exact("not its name")
    terminal.expect_exact("): ")
    terminal.sendline("C0TRAIN")
    terminal.expect_exact("): ")
    terminal.sendline("@ana")
    terminal.expect_exact("Copy member ID")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    assert not (desk.folder / "trainwatch.env").exists()


def test_nothing_is_written_over(desk: Desk) -> None:
    """A configuration is work of somebody's."""
    (desk.folder / "trainwatch.toml").write_text("# mine\n")
    done = desk.run("init")
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert (desk.folder / "trainwatch.toml").read_text() == "# mine\n"


def test_a_link_in_the_place_of_the_file_is_replaced_not_followed(desk: Desk) -> None:
    """Tokens do not land in what somebody else's link points to."""
    elsewhere = desk.folder / "elsewhere"
    elsewhere.write_text("")
    (desk.folder / "trainwatch.env").symlink_to(elsewhere)
    terminal = desk.terminal("init", "--offline", "--force")
    answer(terminal)
    terminal.expect_exact("Written")
    terminal.expect(pexpect.EOF)
    assert elsewhere.read_text() == ""
    assert "xoxb-1-right" in (desk.folder / "trainwatch.env").read_text()
