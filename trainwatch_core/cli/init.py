"""`trainwatch init`: two tokens, a channel and the own user make a configuration that works."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import click

from trainwatch_core.cli.doctor import examine
from trainwatch_core.cli.findings import Health
from trainwatch_core.config import find_config
from trainwatch_core.config.readers import Places, slack_channel, slack_id
from trainwatch_core.config.tokens import APP_TOKEN, BOT_TOKEN, ENV_FILE, env_text, token_problem
from trainwatch_core.model.errors import InvalidInputError, StorageError

_NOWHERE = Places(Path("/"), None)
_HELLO = """\
Create the Slack app first, if it is not there yet (two minutes):
  1. https://api.slack.com/apps > Create New App > From a manifest; paste manifest.yml.
  2. Install App > Install to Workspace. The Bot User OAuth Token there begins with xoxb-
  3. Basic Information > App-Level Tokens > Generate, scope connections:write. It begins with xapp-
  4. In the channel that watches shall report to, type: /invite @trainwatch
What you type as a token is not shown.
"""


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to write."
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--offline", is_flag=True, help="Do not ask Slack whether it all fits.")
@click.pass_context
def init(ctx: click.Context, folder: Path, *, force: bool, offline: bool) -> None:
    """Ask for the two tokens, the channel and your own Slack id; write trainwatch.toml and trainwatch.env (0600)."""
    folder = folder.absolute()
    config, env = folder / "trainwatch.toml", folder / ENV_FILE
    if not force and (there := [file.name for file in (config, env) if os.path.lexists(file)]):
        raise InvalidInputError(
            f"{' and '.join(there)} would be written over", where=str(folder), todo="Edit it, or use --force"
        )
    click.echo(_HELLO)
    bot = _token("Bot token (xoxb-...)", BOT_TOKEN)
    app = _token("App token (xapp-...)", APP_TOKEN)
    channel = _asked("Channel id (end of the channel details, e.g. C012AB3CD)", slack_channel)
    me = _asked("Your Slack id (profile > Copy member ID, e.g. U012AB3CD)", slack_id)
    _write(env, env_text(bot, app))
    _write(config, _toml(channel, me))
    click.echo(f"\nWritten: {config}\nWritten: {env} (only you can read it; never commit it)\n")
    healthy = True
    for finding in examine(config, online=not offline):
        finding.show()
        healthy = healthy and finding.health is not Health.BAD
    used = find_config(ctx.obj["config"], os.environ, cwd=Path.cwd())
    if used != config:
        click.echo(f"\nFrom here another file is used ({used}); name this one with --config or TRAINWATCH_CONFIG.")
    done = "\nNow run the bot: make bot (or: python -m bot). In Slack: /watch entity/project/run"
    click.echo(done if healthy else "\nPut right what is wrong; `trainwatch doctor` looks again.")
    ctx.exit(0 if healthy else 1)


def _token(question: str, name: str) -> str:
    while True:
        answer: str = click.prompt(question, hide_input=True, default="", show_default=False).strip()
        problem = token_problem(name, answer or "nothing")
        if not problem:
            return answer
        click.echo(f"  {problem}")


def _asked(question: str, read: Callable[[object, Places], str]) -> str:
    while True:
        answer: str = click.prompt(question, default="", show_default=False).strip()
        try:
            return read(answer, _NOWHERE)
        except ValueError as error:
            click.echo(f"  Needed is {error}")


def _write(file: Path, text: str) -> None:
    """Write a file that only its owner can read, never into what a link points to."""
    new = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with open(new, "x", encoding="utf-8", opener=_private) as stream:
            stream.write(text)
        new.replace(file)
    except OSError as error:
        raise StorageError(f"This cannot be written: {error.strerror}", where=str(file)) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, stat.S_IRUSR | stat.S_IWUSR)


def _toml(channel: str, me: str) -> str:
    return f"""\
# Written by `trainwatch init`. Every setting there is: trainwatch.example.toml. The tokens are in {ENV_FILE}.

# Who may approve stops, by Slack id. Admins are also approvers and watchers.
admins = ["{me}"]

[slack]
# Where watches report.
channel = "{channel}"
# One message a day about all watches:
#digest_channel = "{channel}"

# How your runs are reached, by project. {{run}} is the run's id.
#[[project]]
#match = "my-team/*"
#log = "/mnt/logs/{{run}}.log"
#notes = "~/notes/{{project}}.md"
"""
