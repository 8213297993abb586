"""Slack's Web API, as far as the bot uses it. What goes wrong is sorted, and vendor errors do not leave the room.

Retries of slack_sdk are off: its connection-error handler resends `chat.postMessage` when only the reply was lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.blocks.fields import View
from bot.blocks.limits import Block, Message
from bot.ids import EVENT_TYPE, Place
from bot.notifier.failures import LostReplyError, MisshapenError, sorting
from bot.texts import text as say
from trainwatch_core.model.errors import DeliveryError

_LOG = logging.getLogger(__name__)
TIMEOUT = 10
"""Seconds for one call."""
QUICK = 1.2
"""Seconds for one call while a click waits for its acknowledgement; `/watch` makes two, and is given three seconds."""
_PAGES = 5
_HOOKS = ("https", "hooks.slack.com")

Json = Mapping[str, Any]


class Web:
    """The calls.

    Args:
        token: Bot token.
        api_url: Address of the Web API.
    """

    def __init__(self, token: str, api_url: str) -> None:
        quiet = logging.getLogger("slack_sdk")
        self.client = WebClient(token, api_url, timeout=TIMEOUT, retry_handlers=[], logger=quiet)
        self._quick = WebClient(
            token,
            api_url,
            timeout=QUICK,  # type: ignore[arg-type]  # urllib takes parts of a second too
            retry_handlers=[],
            logger=quiet,
        )

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
        found = _formed(
            message,
            lambda text, blocks: self.client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=text,
                blocks=blocks or None,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                link_names=False,
                parse="none",
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return Place(str(found.get("channel") or channel), str(found.get("ts", "")))

    def update(self, place: Place, message: Message) -> None:
        """Edit a message."""
        _formed(
            message,
            lambda text, blocks: self.client.chat_update(
                channel=place.channel, ts=place.ts, text=text, blocks=blocks, link_names=False, parse="none"
            ),
        )

    def whisper(self, channel: str, user: str, message: Message, thread_ts: str | None, response_url: str) -> None:
        """Say something that one user sees.

        Args:
            channel: Where.
            user: Who.
            message: What.
            thread_ts: In which thread; None for none.
            response_url: Came with a click, and is the second way: it needs no membership in the channel, and counts
                for another limit. Empty if there is none.
        """
        try:
            self._whisper(channel, user, message, thread_ts)
        except DeliveryError as error:
            if not response_url:
                raise
            _LOG.info("%s: answered by the address of the click", error)
            self._answer(response_url, message, replace=False)

    def replace(self, response_url: str, message: Message) -> None:
        """Put a message in the place of the one that was pressed, which one user sees."""
        self._answer(response_url, message, replace=True)

    def _whisper(self, channel: str, user: str, message: Message, thread_ts: str | None) -> None:
        _formed(
            message,
            lambda text, blocks: self.client.chat_postEphemeral(
                channel=channel,
                user=user,
                thread_ts=thread_ts,
                text=text,
                blocks=blocks or None,
                link_names=False,
                parse="none",
            ),
        )

    def _answer(self, response_url: str, message: Message, *, replace: bool) -> None:
        # The same scheme, name and port, with nobody's name before them.
        if urlsplit(response_url)[:2] not in {_HOOKS, urlsplit(self.client.base_url)[:2]}:
            raise DeliveryError(say("slack-no-address"), permanent=True)
        hook = WebhookClient(response_url, timeout=TIMEOUT, retry_handlers=[], logger=logging.getLogger("slack_sdk"))
        with sorting():
            took = hook.send(
                text=message.text, blocks=list(message.blocks), response_type="ephemeral", replace_original=replace
            )
        if took.status_code != 200:  # noqa: PLR2004  # HTTP: fine
            raise DeliveryError(say("slack-answers", status=str(took.status_code)))

    def open_form(self, trigger: str, view: View) -> str:
        """Open a form while a person waits; returns its id."""
        found = _asked(lambda: self._quick.views_open(trigger_id=trigger, view=view)).get("view")
        return str(found.get("id", "")) if isinstance(found, Mapping) else ""

    def update_form(self, view_id: str, view: View) -> None:
        """Put another form in the place of one that is open. What was filled in stays where fields stay."""
        _asked(lambda: self.client.views_update(view_id=view_id, view=view))

    def show_home(self, user: str, view: View) -> None:
        """Show the app's home of a user."""
        _asked(lambda: self.client.views_publish(user_id=user, view=view))

    def react(self, place: Place, name: str) -> None:
        """Put an emoji on a message."""
        _asked(lambda: self.client.reactions_add(channel=place.channel, timestamp=place.ts, name=name))

    def unfurl(self, place: Place, blocks: Mapping[str, Sequence[Block]]) -> None:
        """Put blocks below links of somebody's message; again puts others in their place.

        Args:
            place: Where the message stands.
            blocks: For each address, to the letter as Slack told it.
        """
        shown: dict[str, dict[str, Any]] = {url: {"blocks": list(below)} for url, below in blocks.items()}
        _asked(lambda: self.client.chat_unfurl(channel=place.channel, ts=place.ts, unfurls=shown))

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

    def shared(self, file: str, channel: str) -> str | None:
        """Timestamp of the message that shows a file in a channel; None if there is none (yet)."""
        found = _asked(lambda: self.client.files_info(file=file)).get("file") or {}
        shares = found.get("shares") or {}
        there = [share for kind in ("public", "private") for share in (shares.get(kind) or {}).get(channel) or []]
        return str(there[0].get("ts", "")) if there else None

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


def _formed(message: Message, send: Callable[[str, list[Block]], Any]) -> Json:
    """Send a message; one whose form Slack does not take goes out as bare text, better plain than not at all.

    Raises:
        DeliveryError: As `_asked`.
    """
    try:
        return _asked(lambda: send(message.text, list(message.blocks)))
    except MisshapenError:
        _LOG.exception("Slack did not take the form of a message; it goes out as bare text")
        return _asked(lambda: send(message.text, []))


def _asked(call: Callable[[], Any]) -> Json:
    """Call, and sort what goes wrong.

    Raises:
        DeliveryError: With what is known of it.
    """
    with sorting():
        answer = call()
    data = answer.data if hasattr(answer, "data") else answer
    if not isinstance(data, Mapping):
        raise LostReplyError(say("slack-no-json"))
    return data
