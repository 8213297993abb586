"""The workspace of the stand-in for Slack: its users, channels, messages and files, and the calls that touch them."""

from __future__ import annotations

import itertools
import json
import math
import time
from abc import abstractmethod
from collections import defaultdict

from trainwatch_core.testing.slack_limits import Limits
from trainwatch_core.testing.slack_payloads import BOT_ID, BOT_USER, TEAM
from trainwatch_core.testing.slack_wire import Json

EXPIRED_TRIGGER = "0.expired"
"""A `trigger_id` whose three seconds are over."""


class Workspace:
    """What stands in Slack.

    Attributes:
        users: `users.info` by user id.
        channels: `conversations.info` by channel id.
        messages: What stands in each channel, oldest first.
        views: Forms that were opened, by id, as they are now.
        homes: What each user sees on the app's home.
        limits: Refuses calls that are too many; None for no limits.
        never_shares: Whether uploads are taken and then never shown.
        shares_after: So many looks at a file do not show its share yet.
    """

    def __init__(self) -> None:
        self.users: dict[str, Json] = {}
        self.channels: dict[str, Json] = {"C0TRAIN": self._channel("C0TRAIN"), "C0DIGEST": self._channel("C0DIGEST")}
        self.messages: dict[str, list[Json]] = defaultdict(list)
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.limits: Limits | None = None
        self.never_shares = False
        self.shares_after = 0
        self._files: dict[str, Json] = {}
        self._numbers = itertools.count(1)

    @property
    @abstractmethod
    def port(self) -> int:
        """Where the server listens."""

    @abstractmethod
    def _echo(self, event: Json) -> None:
        """Tell the bot of its own message, as Slack does."""

    def carry_out(self, method: str, given: Json) -> Json:
        """What a call answers; `error` in it if it failed."""
        if self.limits is not None and (wait := self.limits.wait(method, given)) > 0:
            return {"error": "ratelimited", "retry_after": math.ceil(wait)}
        act = getattr(self, "_do_" + method.replace(".", "_"), None)
        if act is None:
            return {"error": "unknown_method"}
        answer: Json = act(given)
        return answer

    @staticmethod
    def _do_auth_test(_given: Json) -> Json:
        return {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "url": "https://stand-in.slack.example/"}

    def _do_apps_connections_open(self, _given: Json) -> Json:
        return {"url": f"ws://127.0.0.1:{self.port}/socket"}

    def _do_users_info(self, given: Json) -> Json:
        user = self.users.get(str(given.get("user")))
        return {"user": user} if user is not None else {"error": "user_not_found"}

    def _do_conversations_info(self, given: Json) -> Json:
        channel = self.channels.get(str(given.get("channel")))
        return {"channel": channel} if channel is not None else {"error": "channel_not_found"}

    def _do_chat_postMessage(self, given: Json) -> Json:  # noqa: N802  # Slack's spelling
        if given.get("channel") not in self.channels:
            return {"error": "channel_not_found"}
        if self.channels[given["channel"]].get("is_archived"):
            return {"error": "is_archived"}
        if any(not self._ready(block) for block in given.get("blocks") or []):
            return {"error": "invalid_blocks"}
        kept = {key: given[key] for key in ("channel", "text", "blocks", "thread_ts", "metadata") if given.get(key)}
        message = {**kept, "type": "message", "ts": self._ts(), "user": BOT_USER, "bot_id": BOT_ID}
        self.messages[message["channel"]].append(message)
        self._echo({**message, "event_ts": message["ts"]})
        return {"channel": message["channel"], "ts": message["ts"], "message": message}

    def _do_chat_update(self, given: Json) -> Json:
        for message in self.messages[given["channel"]]:
            if message["ts"] == given["ts"]:
                message.update({key: given[key] for key in ("text", "blocks") if key in given})
                message.setdefault("edits", 0)
                message["edits"] += 1
                edited = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": given["channel"]}
                self._echo({**edited, "message": message, "ts": self._ts()})
                return {"ts": given["ts"], "channel": given["channel"]}
        return {"error": "message_not_found"}

    def _do_chat_postEphemeral(self, given: Json) -> Json:  # noqa: N802  # likewise
        ts = self._ts()
        self.messages[f"@{given['user']}"].append({**given, "ts": ts})
        return {"message_ts": ts}

    def _do_response_url(self, given: Json) -> Json:
        self.messages["answered"].append(given)
        return {}

    def _do_chat_unfurl(self, given: Json) -> Json:
        found = [m for m in self.messages[given["channel"]] if m["ts"] == given["ts"]]
        if not found:
            return {"ok": False, "error": "cannot_unfurl_url"}
        shown = json.loads(given["unfurls"]) if isinstance(given["unfurls"], str) else given["unfurls"]
        if not all(url in found[0]["text"] for url in shown):
            return {"ok": False, "error": "cannot_unfurl_url"}
        found[0].setdefault("unfurls", {}).update(shown)
        return {"ok": True}

    def _do_views_open(self, given: Json) -> Json:
        if given["trigger_id"] == EXPIRED_TRIGGER:
            return {"error": "expired_trigger_id"}
        ident = self._id("V")
        self.views[ident] = {**_view(given), "id": ident}
        return {"view": self.views[ident]}

    def _do_views_update(self, given: Json) -> Json:
        ident = str(given.get("view_id"))
        if ident not in self.views:
            return {"error": "not_found"}
        self.views[ident] = {**_view(given), "id": ident}
        return {"view": self.views[ident]}

    def _do_views_publish(self, given: Json) -> Json:
        self.homes[given["user_id"]] = _view(given)
        return {"view": self.homes[given["user_id"]]}

    def _do_reactions_add(self, given: Json) -> Json:
        self.messages["reactions"].append(given)
        return {}

    def _do_conversations_replies(self, given: Json) -> Json:
        root, oldest = given["ts"], str(given.get("oldest") or "0")
        found = [m for m in self.messages[given["channel"]] if m.get("thread_ts") == root and m["ts"] > oldest]
        return {"messages": found, "response_metadata": {"next_cursor": ""}}

    def _do_conversations_history(self, given: Json) -> Json:
        oldest = str(given.get("oldest") or "0")
        found = [m for m in self.messages[given["channel"]] if not m.get("thread_ts") and m["ts"] > oldest]
        return {"messages": found[::-1], "response_metadata": {"next_cursor": ""}}

    def _do_files_getUploadURLExternal(self, given: Json) -> Json:  # noqa: N802  # likewise
        ident = self._id("F")
        self._files[ident] = {"id": ident, "name": given["filename"], "content": b""}
        return {"file_id": ident, "upload_url": f"http://127.0.0.1:{self.port}/upload/{ident}"}

    def _do_files_completeUploadExternal(self, given: Json) -> Json:  # noqa: N802  # likewise
        if self.channels.get(given["channel_id"], {}).get("is_archived"):
            return {"error": "is_archived"}
        files = [{**self._files[file["id"]], "title": file.get("title")} for file in given["files"]]
        shown = [{key: file[key] for key in ("id", "name", "title")} for file in files]
        message: Json = {
            "type": "message",
            "subtype": "file_share",
            "ts": self._ts(),
            "bot_id": BOT_ID,
            "user": BOT_USER,
        }
        message |= {"channel": given["channel_id"], "files": shown, "sizes": [len(f["content"]) for f in files]}
        if given.get("thread_ts"):
            message["thread_ts"] = given["thread_ts"]
        if self.never_shares:
            return {"files": shown}
        self.messages[given["channel_id"]].append(message)
        for file in files:
            share = {"ts": message["ts"], "thread_ts": given.get("thread_ts", "")}
            self._files[file["id"]]["shares"] = {"public": {given["channel_id"]: [share]}}
        return {"files": shown}

    def _do_files_info(self, given: Json) -> Json:
        file = self._files.get(str(given.get("file")))
        if file is None:
            return {"error": "file_not_found"}
        told = {key: file[key] for key in ("id", "name")} | {"shares": {}}
        if self.shares_after > 0:
            self.shares_after -= 1
            return {"file": told}
        return {"file": {**told, "shares": file.get("shares", {})}}

    def _ready(self, block: Json) -> bool:
        """Whether the picture of a block can be shown: one that was just uploaded cannot."""
        file = block.get("slack_file", {}).get("id")
        return file is None or bool(self._files.get(file, {}).get("shares"))

    @staticmethod
    def _channel(ident: str) -> Json:
        return {"id": ident, "is_member": True, "is_ext_shared": False, "is_archived": False}

    def _ts(self) -> str:
        # Of Slack's form, and never twice the same.
        return f"{int(time.time())}.{next(self._numbers):06d}"

    def _id(self, kind: str) -> str:
        return f"{kind}{next(self._numbers):06d}"


def _view(given: Json) -> Json:
    shown: Json = json.loads(given["view"]) if isinstance(given["view"], str) else given["view"]
    return shown
