"""Slack's Web API, as far as the bot uses it. Its errors are sorted here and do not leave the room.

Retries of slack_sdk are off: its connection-error handler resends `chat.postMessage` when only the reply was lost.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.blocks.limits import Block, Message
from bot.ids import EVENT_TYPE, Place
from trainwatch_core.model.errors import DeliveryError

TIMEOUT = 10
"""Seconds for one call."""
QUICK = 2
"""Seconds for one call while a click waits for its acknowledgement."""
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_LOCKED_OUT = frozenset(
    {"invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive", "missing_scope"}
)
_GONE = frozenset(
    {
        *("channel_not_found", "is_archived", "not_in_channel", "channel_is_archived", "restricted_action"),
        *("thread_not_found", "message_not_found", "cant_update_message", "edit_window_closed", "no_permission"),
        *("restricted_action_thread_locked", "user_not_in_channel", "cannot_reply_to_message", "user_not_found"),
    }
)
_MISSHAPEN = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "metadata_too_large"}
)
_LONGEST_WAIT, _USUAL_WAIT, _LOCKED_OUT_WAIT = 3600.0, 30.0, 600.0
_PAGES = 5

Json = Mapping[str, Any]


class LostReplyError(DeliveryError):
    """Nobody knows whether it was done: the request may have arrived, its reply did not."""


class MisshapenError(DeliveryError):
    """Slack did not take the form of the message."""


class GoneError(DeliveryError):
    """The place is not there (any more)."""


class Web:
    """The calls.

    Args:
        token: Bot token.
        api_url: Address of the Web API.
    """

    def __init__(self, token: str, api_url: str) -> None:
        quiet = logging.getLogger("slack_sdk")
        self.client = WebClient(token, api_url, timeout=TIMEOUT, retry_handlers=[], logger=quiet)
        self._quick = WebClient(token, api_url, timeout=QUICK, retry_handlers=[], logger=quiet)

    def me(self) -> Json:
        """Who the bot is: `team_id`, `user_id`, `bot_id`, `url`."""
        return _asked(self.client.auth_test)

    def user(self, user: str) -> Json:
        """One user, asked while a click waits."""
        found = _asked(lambda: self._quick.users_info(user=user)).get("user")
        return found if isinstance(found, Mapping) else {}

    def channel(self, channel: str) -> Json:
        """One channel, asked while a command waits."""
        found = _asked(lambda: self._quick.conversations_info(channel=channel)).get("channel")
        return found if isinstance(found, Mapping) else {}

    def post(self, channel: str, message: Message, *, thread_ts: str | None, key: str) -> Place:
        """Post a message that can be found again by its key."""
        found = _asked(
            lambda: self.client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=message.text,
                blocks=list(message.blocks) or None,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                link_names=False,
                parse="none",
                unfurl_links=False,
                unfurl_media=False,
            )
        )
        return Place(str(found.get("channel") or channel), str(found.get("ts", "")))

    def update(self, place: Place, message: Message) -> None:
        """Edit a message."""
        _asked(
            lambda: self.client.chat_update(
                channel=place.channel,
                ts=place.ts,
                text=message.text,
                blocks=list(message.blocks),
                link_names=False,
                parse="none",
            )
        )

    def whisper(self, channel: str, user: str, message: Message, *, thread_ts: str | None) -> None:
        """Say something that one user sees."""
        _asked(
            lambda: self.client.chat_postEphemeral(
                channel=channel,
                user=user,
                thread_ts=thread_ts,
                text=message.text,
                blocks=list(message.blocks),
                link_names=False,
                parse="none",
            )
        )

    def react(self, place: Place, name: str) -> None:
        """Put an emoji on a message."""
        _asked(lambda: self.client.reactions_add(channel=place.channel, timestamp=place.ts, name=name))

    def upload(self, channel: str, picture: bytes, *, filename: str, title: str, thread_ts: str | None) -> str:
        """Put a picture into a thread; returns the file's id. Slack shares it a little later, or never."""
        # Three calls. No alt_txt: with it the share can fail in silence (python-slack-sdk #1818).
        found = _asked(
            lambda: self.client.files_upload_v2(
                channel=channel, thread_ts=thread_ts, file=picture, filename=filename, title=title
            )
        )
        files = found.get("files")
        return str(files[0].get("id", "")) if isinstance(files, Sequence) and files else ""

    def replies(self, root: Place, *, oldest: str) -> list[Json]:
        """The messages of a thread since a moment, with their metadata."""
        return _pages(
            lambda cursor: self.client.conversations_replies(
                channel=root.channel, ts=root.ts, oldest=oldest, cursor=cursor, limit=200, include_all_metadata=True
            )
        )

    def history(self, channel: str, *, oldest: str) -> list[Json]:
        """The messages of a channel since a moment, with their metadata."""
        return _pages(
            lambda cursor: self.client.conversations_history(
                channel=channel, oldest=oldest, cursor=cursor, limit=200, include_all_metadata=True
            )
        )


def _pages(fetch: Callable[[str | None], Any]) -> list[Json]:
    found: list[Json] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = _asked(lambda at=cursor: fetch(at))  # type: ignore[misc]  # bound at once
        found += [entry for entry in page.get("messages") or [] if isinstance(entry, Mapping)]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            break
    return found


def blocks_of(message: Message) -> list[Block]:
    """The blocks, for an answer in an acknowledgement."""
    return list(message.blocks)


def _asked(call: Callable[[], Any]) -> Json:
    """Call, and sort what goes wrong.

    Raises:
        DeliveryError: With what is known of it.
    """
    try:
        answer = call()
    except SlackApiError as error:
        raise _sorted(error) from error
    except (OSError, http.client.HTTPException, SlackClientError, json.JSONDecodeError, ValueError) as error:
        raise LostReplyError(f"Slack does not answer: {type(error).__name__}") from error
    data = answer.data if hasattr(answer, "data") else answer
    if not isinstance(data, Mapping):
        raise LostReplyError("Slack answered with something that is no JSON")
    return data


def _sorted(error: SlackApiError) -> DeliveryError:
    response = error.response
    data = response.get("data") if isinstance(response, dict) else getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    status = response.get("status") if isinstance(response, dict) else getattr(response, "status_code", 0)
    headers = response.get("headers") if isinstance(response, dict) else getattr(response, "headers", None)
    if status == 429 or code in _LIMITED:  # noqa: PLR2004  # HTTP: too many requests
        return DeliveryError("Slack asks to wait", retry_after=wait_of(headers or {}))
    if code in _LOCKED_OUT:
        return DeliveryError(f"Slack lets us in no more: {code}", todo="Check the tokens", retry_after=_LOCKED_OUT_WAIT)
    if code in _MISSHAPEN:
        return MisshapenError(f"Slack refuses the message: {code}", permanent=True)
    if code in _GONE:
        return GoneError(f"Slack cannot place the message: {code}", permanent=True)
    if not code or (isinstance(status, int) and status >= 500):  # noqa: PLR2004  # HTTP: their fault
        return LostReplyError(f"Slack answers {status}")
    return DeliveryError(f"Slack refuses: {code[:80]}")


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
