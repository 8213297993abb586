"""What can go wrong with Slack, sorted: wait, try again, never again, or nobody knows whether it was done."""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError

from bot.texts import text
from trainwatch_core.model.errors import DeliveryError

_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_LOCKED_OUT = frozenset(
    {"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive", "missing_scope"}
)
_LACKS_SCOPE = "missing_scope"
_GONE = {
    **dict.fromkeys(("channel_not_found", "user_not_found"), "gone-not-found"),
    **dict.fromkeys(("is_archived", "channel_is_archived"), "gone-archived"),
    **dict.fromkeys(("not_in_channel", "user_not_in_channel"), "gone-not-in-it"),
    **dict.fromkeys(("restricted_action", "no_permission", "team_access_not_granted"), "gone-not-allowed"),
    "restricted_action_read_only_channel": "gone-not-allowed",
    "restricted_action_thread_only_channel": "gone-not-allowed",
    "restricted_action_non_threadable_channel": "gone-not-allowed",
    **dict.fromkeys(("thread_not_found", "cannot_reply_to_message"), "gone-no-thread"),
    "restricted_action_thread_locked": "gone-thread-locked",
    **dict.fromkeys(("message_not_found", "cant_update_message", "edit_window_closed"), "gone-no-message"),
}
"""Slack's codes, and what they mean to people."""
_MISSHAPEN = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "metadata_too_large"}
)
_LONGEST_WAIT, _USUAL_WAIT, _LOCKED_OUT_WAIT = 3600.0, 30.0, 600.0


class LostReplyError(DeliveryError):
    """Nobody knows whether it was done: the request may have arrived, its reply did not."""


class MisshapenError(DeliveryError):
    """Slack did not take the form of the message."""


class GoneError(DeliveryError):
    """The place is not there (any more)."""


class LockedOutError(DeliveryError):
    """Slack does not let us do this: somebody must put the token right."""


class AllLockedOutError(LockedOutError):
    """Slack does not let us in at all."""


@contextmanager
def sorting() -> Iterator[None]:
    """Sort what goes wrong in a block that calls Slack.

    Raises:
        DeliveryError: With what is known of it.
    """
    try:
        yield
    except SlackApiError as error:
        raise _sorted(error) from error
    except (OSError, http.client.HTTPException, SlackClientError, json.JSONDecodeError, ValueError) as error:
        raise LostReplyError(text("slack-silent", kind=type(error).__name__)) from error


def _sorted(error: SlackApiError) -> DeliveryError:
    response = error.response
    data = response.get("data") if isinstance(response, dict) else getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    status = response.get("status") if isinstance(response, dict) else getattr(response, "status_code", 0)
    headers = response.get("headers") if isinstance(response, dict) else getattr(response, "headers", None)
    if status == 429 or code in _LIMITED:  # noqa: PLR2004  # HTTP: too many requests
        return DeliveryError(text("slack-asks-to-wait"), retry_after=wait_of(headers or {}))
    if code in _LOCKED_OUT:
        return _locked_out(code, data if isinstance(data, Mapping) else {})
    if code in _MISSHAPEN:
        return MisshapenError(text("slack-refuses-form", code=code), permanent=True)
    if code in _GONE:
        return GoneError(text(_GONE[code], code=code), permanent=True)
    if not code or (isinstance(status, int) and status >= 500):  # noqa: PLR2004  # HTTP: their fault
        return LostReplyError(text("slack-answers", status=str(status)))
    return DeliveryError(text("slack-refuses", code=code[:80]))


def _locked_out(code: str, data: Mapping[str, Any]) -> DeliveryError:
    if code == _LACKS_SCOPE:
        what = text("slack-lacks-scope", scope=str(data.get("needed", ""))[:100] or text("slack-some-scope"))
        return LockedOutError(what, todo=text("slack-lacks-scope-todo"), retry_after=_LOCKED_OUT_WAIT)
    what = text("slack-lets-nobody-in", code=code)
    return AllLockedOutError(what, todo=text("slack-lets-nobody-in-todo"), retry_after=_LOCKED_OUT_WAIT)


def wait_of(headers: Mapping[str, Any]) -> float:
    """Seconds that `Retry-After` asks for, between 1 and an hour; 30 where it says nothing one can use."""
    found = next((value for name, value in headers.items() if str(name).lower() == "retry-after"), None)
    if isinstance(found, list | tuple):
        found = found[0] if found else None
    try:
        seconds = float(str(found))
    except ValueError:
        return _USUAL_WAIT
    return min(max(seconds, 1.0), _LONGEST_WAIT) if math.isfinite(seconds) else _USUAL_WAIT
