"""What payloads of Slack say, read without trust in their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.actors import Claim

Body = Mapping[str, Any]


def text_at(payload: Body, *path: str) -> str:
    """The text at a path of a payload; empty if there is none."""
    found: object = payload
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def value_at(body: Body) -> str:
    """The value of the button that was pressed, or of what was chosen from a menu."""
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], Mapping) else {}
    return text_at(first, "value") or text_at(first, "selected_option", "value")


def claim_at(body: Body) -> Claim:
    """Who pressed, chose or sent, as the payload claims. A payload without a person's workspace claims none."""
    return Claim(text_at(body, "user", "id"), text_at(body, "user", "team_id"))
