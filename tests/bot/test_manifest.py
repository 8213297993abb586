"""The manifest asks for exactly what the code uses: derived from the code, whatever the manifest says."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from slack_bolt import App
from slack_sdk import WebClient

from bot.listeners import actions, commands, events, form, links, listing
from bot.listeners.addresses import run_at
from bot.listeners.desk import Desk
from trainwatch_core.cli.slack_checks import SCOPES
from trainwatch_core.config import Settings

ROOT = Path(__file__).parents[2]
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())
BOT_TOKEN_SCOPES = set(MANIFEST["oauth_config"]["scopes"]["bot"])

METHODS = {
    "auth_test": set[str](),
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_unfurl": {"links:write"},
    "reactions_add": {"reactions:write"},
    "files_info": {"files:read"},
    "files_upload_v2": {"files:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
    "conversations_info": {"channels:read", "groups:read"},
    "users_info": {"users:read"},
    "views_open": set[str](),
    "views_publish": set[str](),
    "views_update": set[str](),
}
"""What Slack's reference wants for each method that we call, for public and private channels."""
EVENTS = {
    "app_home_opened": {"app_home_opened": ""},
    "app_mention": {"app_mention": "app_mentions:read"},
    "link_shared": {"link_shared": "links:read"},
    "message": {"message.channels": "channels:history", "message.groups": "groups:history"},
}
"""What the app subscribes to for a listener of Bolt's, and the scope of each. Watches live in channels, not in DMs."""


class Registered:
    """Takes registrations in the place of Bolt's app, and knows their names."""

    def __init__(self) -> None:
        self.commands: set[str] = set()
        self.events: set[str] = set()
        self.actions: set[str] = set()
        self.views: set[str] = set()
        self.shortcuts: set[str] = set()
        self.lists: set[str] = set()

    def command(self, name: str) -> Callable[[Any], Any]:
        """A slash command."""
        return self._take(self.commands, name)

    def event(self, name: str) -> Callable[[Any], Any]:
        """An event."""
        return self._take(self.events, name)

    def action(self, name: str) -> Callable[[Any], Any]:
        """A button or menu."""
        return self._take(self.actions, name)

    def view(self, name: str) -> Callable[[Any], Any]:
        """A form."""
        return self._take(self.views, name)

    def shortcut(self, name: str) -> Callable[[Any], Any]:
        """A shortcut."""
        return self._take(self.shortcuts, name)

    def options(self, name: str) -> Callable[[Any], Any]:
        """A list for which Slack asks."""
        return self._take(self.lists, name)

    @staticmethod
    def _take(names: set[str], name: str) -> Callable[[Any], Any]:
        names.add(str(name))
        return lambda listener: listener


@pytest.fixture
def registered() -> Registered:
    """What the listeners register."""
    app = Registered()
    for listeners in (commands, actions, events, form, links, listing):
        # A registration only keeps the desk for later.
        listeners.register(cast("App", app), cast("Desk", None))
    return app


def called() -> dict[str, str]:
    """The methods of Slack's Web API that the code names, with the place of one use of each."""
    methods = {name for name in dir(WebClient) if not name.startswith("_") and "_" in name}
    return {
        node.attr: f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "bot").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in methods
    }


def test_the_commands_are_those_that_are_answered(registered: Registered) -> None:
    """A command without a listener would fail in the person's face."""
    assert {entry["command"] for entry in MANIFEST["features"]["slash_commands"]} == registered.commands


def test_the_events_are_those_that_are_heard(registered: Registered) -> None:
    """An event that nobody hears is traffic and a right too many."""
    wanted = {event for name in registered.events for event in EVENTS[name]}
    assert set(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == wanted


def test_the_shortcuts_are_those_that_are_answered(registered: Registered) -> None:
    """Of messages only: a run is named in what somebody wrote."""
    known = MANIFEST["features"]["shortcuts"]
    assert {entry["callback_id"] for entry in known} == registered.shortcuts
    assert {entry["type"] for entry in known} == {"message"}


def test_the_home_is_switched_on_if_it_is_shown(registered: Registered) -> None:
    """And the tab of messages is off: nobody answers there."""
    home = MANIFEST["features"]["app_home"]
    assert home["home_tab_enabled"] is ("app_home_opened" in registered.events)
    assert home["messages_tab_enabled"] is False


def test_every_method_that_is_called_is_known_here() -> None:
    """Who calls a new method looks up which scope it needs."""
    assert called()
    assert not {name: place for name, place in called().items() if name not in METHODS}


def test_the_scopes_are_those_of_methods_events_and_commands(registered: Registered) -> None:
    """No scope is missing, and none is asked for in vain."""
    wanted = {scope for name in called() for scope in METHODS[name]}
    wanted |= {scope for name in registered.events for scope in EVENTS[name].values() if scope}
    wanted |= {"commands"} if registered.commands or registered.shortcuts else set()
    assert wanted == BOT_TOKEN_SCOPES


def test_buttons_and_sockets_are_switched_on(registered: Registered) -> None:
    """Without these nothing of it arrives; no address of ours is reachable from outside, so none is named."""
    assert MANIFEST["settings"]["interactivity"] == {"is_enabled": bool(registered.actions)}
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert "_url" not in (ROOT / "manifest.yml").read_text().lower()


def test_links_are_shown_of_the_domains_that_are_known(registered: Registered) -> None:
    """Slack tells of links of these domains only, and the bot knows the runs of each of them."""
    domains = MANIFEST["features"]["unfurl_domains"]
    assert bool(domains) == ("link_shared" in registered.events)
    settings = Settings(data_dir=Path("/x"), timezone=UTC)
    assert all(run_at(f"https://{domain}/lab/vision/runs/r1", settings) for domain in domains)


def test_the_doctor_checks_for_these_scopes() -> None:
    """The core cannot read the manifest where it is installed without it."""
    assert SCOPES == BOT_TOKEN_SCOPES


def test_the_manifest_has_no_user_scopes_and_no_distribution() -> None:
    """One bot, one workspace."""
    assert set(MANIFEST["oauth_config"]["scopes"]) == {"bot"}
    assert MANIFEST["settings"]["org_deploy_enabled"] is False


def test_the_limits_of_slack_are_kept() -> None:
    """35 characters of a name, 140 of a description, 2,000 of a command's description and 1,000 of its hint."""
    shown = MANIFEST["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    for command in MANIFEST["features"]["slash_commands"]:
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
