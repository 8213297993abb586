"""Payloads of the shape that Slack sends, for the stand-in and for tests that need no wire."""

from __future__ import annotations

from collections.abc import Mapping
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


def form_payload(view: Json, filled: Mapping[str, str], *, user: str = "U0ANA", kind: str = "view_submission") -> Json:
    """The payload of a form that somebody sends, or of a list in it that is opened.

    Args:
        view: As it was opened.
        filled: Text of each field by its block_id; what is not named stands as it was opened with.
        user: Who sends it.
        kind: `view_submission` or `block_suggestion`.
    """
    blocks = [block for block in view["blocks"] if block["type"] == "input"]
    unknown = set(filled) - {block["block_id"] for block in blocks}
    if unknown:
        raise LookupError(f"the form has no {sorted(unknown)}")
    values = {b["block_id"]: {b["element"]["action_id"]: _filled(b, filled.get(b["block_id"]))} for b in blocks}
    return {
        "type": kind,
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "stand-in"},
        "user": {"id": user, "username": "x", "team_id": TEAM},
        "view": {**view, "state": {"values": values}},
    }


def _filled(block: Json, text: str | None) -> Json:
    element = block["element"]
    if element["type"] == "plain_text_input":
        return {"type": element["type"], "value": (element.get("initial_value") if text is None else text) or None}
    if element["type"] == "conversations_select":
        chosen = element.get("initial_conversation") if text is None else text
        return {"type": element["type"], "selected_conversation": chosen or None}
    first = element.get("initial_option")
    option = first if text is None else {"value": text} if text else None
    return {"type": element["type"], "selected_option": option}


def elements(message: Json, action_id: str) -> list[Json]:
    """The buttons and menus of a message or a view with an action id."""
    blocks = message.get("blocks") or []
    found = [e for b in blocks if b["type"] == "actions" for e in b["elements"]]
    found += [b["accessory"] for b in blocks if "accessory" in b]
    return [element for element in found if element["action_id"] == action_id]
