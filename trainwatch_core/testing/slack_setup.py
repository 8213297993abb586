"""A Slack that only answers what set-up asks: one workspace with one channel, one person and one app."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

BOT_TOKEN, APP_TOKEN = "xoxb-1-right", "xapp-1-right"  # they open nothing


@dataclass
class SetUpSlack:
    """A workspace with one channel, one person and one app.

    Attributes:
        channel: What is told of C0TRAIN.
        user: What is told of U0ANA.
        scopes: What is told of the bot token; None to tell nothing.
        status: Of every answer.
        location: Where answers with a redirect status lead.
        asked: Method, token and parameters of every request.
    """

    channel: dict[str, Any] = field(default_factory=lambda: {"id": "C0TRAIN", "name": "training", "is_member": True})
    user: dict[str, Any] = field(default_factory=lambda: {"id": "U0ANA", "name": "ana", "team_id": "T0"})
    scopes: str | None = None
    status: int = 200
    location: str = ""
    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def answer(self, method: str, token: str, given: dict[str, str]) -> dict[str, Any]:
        """As the Web API does."""
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            return {"ok": False, "error": "invalid_auth"}
        known: dict[str, dict[str, Any]] = {
            "auth.test": {"team": "Lab", "team_id": "T0", "user": "trainwatch"},
            "apps.connections.open": {"url": "wss://nowhere"},
            "users.conversations": {"channels": [self.channel] if self.channel.get("is_member") else []},
        }
        if method in known:
            return {"ok": True, **known[method]}
        if method == "conversations.info" and given["channel"] == self.channel["id"]:
            return {"ok": True, "channel": self.channel}
        if method == "users.info" and given["user"] == self.user["id"]:
            return {"ok": True, "user": self.user}
        return {"ok": False, "error": "not_found"}


@contextlib.contextmanager
def serve(workspace: SetUpSlack) -> Iterator[None]:
    """Serve a workspace on a free port of 127.0.0.1 while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name of the base class
            """Answer one call."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            method, token = self.path.removeprefix("/api/"), self.headers["Authorization"].removeprefix("Bearer ")
            workspace.asked.append((method, token, given))
            answer = json.dumps(workspace.answer(method, token, given)).encode()
            self.send_response(workspace.status)
            self.send_header("Content-Length", str(len(answer)))
            if workspace.location:
                self.send_header("Location", workspace.location)
            if workspace.scopes is not None:
                self.send_header("x-oauth-scopes", workspace.scopes)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        workspace.url = f"http://127.0.0.1:{server.server_port}/api/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()
