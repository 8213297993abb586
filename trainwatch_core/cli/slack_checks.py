"""What `trainwatch doctor` asks Slack: do the tokens open it, may the app do what it must, is it where it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainwatch_core.adapters.slackweb import Answer, SlackWeb
from trainwatch_core.cli.findings import Finding, bad, good, odd
from trainwatch_core.config import Settings
from trainwatch_core.config.tokens import Tokens
from trainwatch_core.model.errors import TrainwatchError

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "links:read",
        "links:write",
        "reactions:write",
        "users:read",
    }
)
"""What the bot may do, as in manifest.yml."""
_REINSTALL = "Put manifest.yml into the app (App Manifest), then press Reinstall to Workspace"
_NEW_TOKEN = "Copy it again from the app's pages; `trainwatch init` asks for it"  # noqa: S105  # advice, no token


def check_slack(settings: Settings, tokens: Tokens) -> Iterator[Finding]:
    """Findings about the Slack side, one after the other; what needs an earlier one is left out where that failed."""
    bot = SlackWeb(tokens.api_url, tokens.bot)
    try:
        who = bot.ask("auth.test")
    except TrainwatchError as error:
        yield bad("slack", error.what, error.todo)
        return
    if not who.ok:
        yield bad("bot token", f"Slack refuses SLACK_BOT_TOKEN: {who.error}", _NEW_TOKEN)
        return
    team = str(who.data.get("team_id", ""))
    yield good("bot token", f"opens the workspace {who.data.get('team', '')} as @{who.data.get('user', '')}")
    yield _scopes(who)
    yield _way_in(tokens)
    yield from _channels(settings, bot, str(who.data.get("user", "trainwatch")))
    yield from _people(settings, bot, team)


def _way_in(tokens: Tokens) -> Finding:
    if not tokens.app:
        return good("signing secret", "is set; whether Slack's requests arrive shows when you type /watch help")
    opened = SlackWeb(tokens.api_url, tokens.app).ask("apps.connections.open")
    if opened.ok:
        return good("app token", "may open a socket")
    return bad(
        "app token",
        f"Slack refuses SLACK_APP_TOKEN: {opened.error}",
        "It needs the scope connections:write (Basic Information > App-Level Tokens), and Socket Mode must be on",
    )


def _scopes(who: Answer) -> Finding:
    if who.scopes is None:
        return odd("scopes", "Slack did not say what the bot token may do", "")
    if lacking := sorted(SCOPES - who.scopes):
        return bad("scopes", f"the bot token lacks {', '.join(lacking)}", _REINSTALL)
    beyond = sorted(who.scopes - SCOPES)
    if beyond:
        return odd("scopes", f"the bot token may do more than it needs: {', '.join(beyond)}", _REINSTALL)
    return good("scopes", "exactly those of manifest.yml")


def _channels(settings: Settings, bot: SlackWeb, name: str) -> Iterator[Finding]:
    slack = settings.slack
    named = {
        "channel": slack.channel,
        "digest_channel": slack.digest_channel,
        "operator_channel": slack.operator_channel,
    }
    for key, ident in named.items():
        if ident:
            yield _channel(key, ident, bot.ask("conversations.info", channel=ident), name)
    if not slack.channel:
        mine = bot.ask("users.conversations", types="public_channel,private_channel", exclude_archived="true")
        count = len(mine.data.get("channels", ())) if mine.ok else 0
        if count:
            yield good("channels", f"the bot is in {count}; a watch reports where /watch was typed")
        else:
            yield bad("channels", "the bot is in no channel", f"In the channel, type: /invite @{name}")


def _channel(key: str, ident: str, answer: Answer, name: str) -> Finding:
    what = f"[slack] {key} {ident}"
    if not answer.ok:
        return bad("channels", f"{what}: {answer.error}", f"Is the id right? If it is private: /invite @{name} there")
    found = _table(answer.data.get("channel"))
    called = f"{what} (#{found.get('name', '')})"
    if found.get("is_archived"):
        return bad("channels", f"{called} is archived", "Name another one in trainwatch.toml")
    if found.get("is_ext_shared"):
        return bad("channels", f"{called} is shared with another organisation", "Name a channel of your own")
    if not found.get("is_member"):
        return bad("channels", f"the bot is not in {called}", f"In the channel, type: /invite @{name}")
    return good("channels", f"{called}: the bot is in it")


def _people(settings: Settings, bot: SlackWeb, team: str) -> Iterator[Finding]:
    for role in ("admins", "approvers", "watchers"):
        for ident in getattr(settings, role):
            answer = bot.ask("users.info", user=ident)
            user = _table(answer.data.get("user"))
            why = _refused(user, team) if answer.ok else answer.error
            if why:
                yield bad("people", f"{ident} of {role} may do nothing: {why}", "Remove or correct the id")
            else:
                yield good("people", f"{ident} of {role} is @{user.get('name', '')}")


def _refused(user: Mapping[str, Any], team: str) -> str:
    if user.get("deleted"):
        return "deactivated"
    if user.get("is_bot"):
        return "a bot"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "a guest"
    return "of another workspace" if user.get("is_stranger") or user.get("team_id", team) != team else ""


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
