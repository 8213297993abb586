"""Payloads of the shape that Slack sends, for the stand-in and for tests that need no wire."""

from __future__ import annotations

from typing import Any

TEAM, BOT_USER, BOT_ID, APP = "T0HOME", "U0BOT", "B0BOT", "A0APP"

Json = dict[str, Any]


def click_payload(message: Json, action_id: str, *, user: str = "U0ANA", **over: object) -> Json:
    """The block_actions payload of a click.

    Args:
        message: As it stands in the channel.
        action_id: Of the element.
        user: Who presses.
        over: `value` and `team` replace what a real click would carry; others replace parts of the payload.
    """
    element = next(iter(elements(message, action_id)), {"type": "button", "action_id": action_id, "value": ""})
    action = {"type": element["type"], "action_id": action_id, "block_id": "b", "action_ts": "1.0"}
    value = over.pop("value", element.get("value", ""))
    action |= {"selected_option": {"value": value}} if element["type"] == "overflow" else {"value": value}
    who: Json = {"id": user, "username": "x", "team_id": over.pop("team", TEAM)}
    return {
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "stand-in"},
        "user": {key: said for key, said in who.items() if said is not None},
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]},
        "channel": {"id": message["channel"]},
        "message": message,
        "actions": [action],
        "trigger_id": "1.2",
        **over,
    }


def elements(message: Json, action_id: str) -> list[Json]:
    """The buttons and menus of a message with an action id."""
    blocks = message.get("blocks") or []
    return [e for b in blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action_id]
