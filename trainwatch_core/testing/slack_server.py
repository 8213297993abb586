"""A stand-in for Slack on this machine: Web API over HTTP and Socket Mode over a WebSocket, with faults on demand.

It is no Slack: it knows the calls that the bot makes, keeps what it is told, and fails as it is scripted to. What was
learned about the real one (REALITY.md of the project's notes, slack_sdk's source) is built in: posts carry metadata,
edits come back as events, files are shared a little later, an envelope must be acknowledged.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from trainwatch_core.testing.slack_payloads import APP, TEAM, click_payload
from trainwatch_core.testing.slack_wire import Fault, Json, Socket, Wire, WireServer
from trainwatch_core.testing.slack_workspace import Workspace

BOT_TOKEN = "xoxb-0000000000-standintoken000000000000"  # noqa: S105  # opens nothing
APP_TOKEN = "xapp-1-A0APP-0000000000-standin0000000000"  # noqa: S105  # likewise


@dataclass
class Envelope:
    """Something that was sent to the bot over the socket.

    Attributes:
        ident: Its id.
        sent_at: Monotonic seconds.
        acked_at: When it was acknowledged; None until then.
        answer: The payload of the acknowledgement.
        text: As it was sent.
    """

    ident: str
    sent_at: float
    acked_at: float | None = None
    answer: Json = field(default_factory=dict)
    text: str = field(default="", repr=False)


class SlackServer(Workspace):
    """The stand-in. Use it as a context manager.

    Attributes:
        calls: Method and arguments of every call, in order.
        received: Every byte that came in.
        faults: By method (`upload` for the bytes of a file, `*` for all), oldest first.
        echo: Whether posts of the bot come back as events, as they do in Slack.
        deaf: Whether pings stay unanswered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Json]] = []
        self.received: list[bytes] = []
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.echo = True
        self.deaf = False
        self.changed = threading.Condition()
        self._envelopes: dict[str, Envelope] = {}
        self._sockets: list[Socket] = []
        self._server = WireServer(("127.0.0.1", 0), Wire)
        self._server.slack = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with every connection."""
        self.drop_sockets()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens, on the loopback address."""
        return self._server.server_port

    @property
    def api_url(self) -> str:
        """Address of the Web API."""
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def response_url(self) -> str:
        """What a click would bring along to be answered by."""
        return f"{self.api_url}response_url"

    def add_user(self, user: str, **told: object) -> None:
        """Let a user exist: a full member of the home workspace, `U0ANA` called Ana, unless told otherwise."""
        name = user.removeprefix("U0").capitalize()
        self.users[user] = {"id": user, "team_id": TEAM, "deleted": False, "is_bot": False, "name": name, **told}

    def fail(self, method: str, fault: Fault) -> None:
        """Let calls of a method fail."""
        self.faults[method].append(fault)

    def heal(self) -> None:
        """No more faults."""
        self.faults.clear()

    # What people do.

    def command(self, text: str, *, user: str = "U0ANA", channel: str = "C0TRAIN", team: str = TEAM) -> Envelope:
        """Somebody types `/watch text`."""
        payload = {"command": "/watch", "text": text, "user_id": user, "channel_id": channel, "team_id": team}
        return self.send("slash_commands", {**payload, "api_app_id": APP, "token": "x", "trigger_id": "1.2"})

    def reply(self, root: Json, text: str, *, user: str = "U0ANA", **event: object) -> Envelope:
        """Somebody writes in a thread."""
        ts = self._ts()
        said = {"type": "message", "channel": root["channel"], "user": user, "text": text, "ts": ts, "team": TEAM}
        return self.event({**said, "thread_ts": root["ts"], "event_ts": ts, "channel_type": "channel", **event})

    def event(self, event: Json) -> Envelope:
        """An event of the Events API."""
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "event_id": self._id("Ev"),
        }
        return self.send("events_api", {**body, "event_time": int(time.time()), "token": "x"})

    def click(self, message: Json, action_id: str, *, user: str = "U0ANA", **over: object) -> Envelope:
        """Somebody presses a button of a message."""
        return self.send("interactive", click_payload(message, action_id, user=user, **over))

    def send(self, kind: str, payload: Json) -> Envelope:
        """Send an envelope over the newest socket."""
        ident = self._id("env")
        told = {"type": kind, "envelope_id": ident, "payload": payload, "accepts_response_payload": True}
        self._envelopes[ident] = envelope = Envelope(ident, time.monotonic(), text=json.dumps(told))
        self._send(envelope.text)
        return envelope

    def redeliver(self, envelope: Envelope) -> None:
        """Send an envelope once more, as Slack does when no acknowledgement came: it is waited for anew."""
        envelope.sent_at, envelope.acked_at = time.monotonic(), None
        self._send(envelope.text)

    def recycle(self) -> None:
        """Say that the socket is about to be closed, as Slack does every few hours."""
        self._send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    def go_deaf(self) -> None:
        """The sockets that are open hear and say nothing any more; new ones do."""
        with self.changed:
            for socket in self._sockets:
                socket.deaf = True

    @property
    def hearing(self) -> int:
        """How many sockets are open that are not deaf."""
        return sum(not socket.deaf for socket in self._sockets)

    def _send(self, text: str) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: bool(self._sockets), 90.0):
                raise TimeoutError("the bot has no socket open")
            self._sockets[-1].send(text)

    def acked(self, envelope: Envelope, timeout: float = 60.0) -> float:
        """Seconds until the bot acknowledged.

        Raises:
            TimeoutError: If it did not.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: envelope.acked_at is not None, timeout):
                raise TimeoutError(f"{envelope.ident} was not acknowledged")
        return (envelope.acked_at or 0.0) - envelope.sent_at

    def wait(self, found: Callable[[], object], timeout: float = 60.0) -> Any:  # noqa: ANN401  # whatever was found
        """What `found` returns as soon as it is true; looked at again after every call.

        Raises:
            TimeoutError: If it never is.
        """
        deadline = time.monotonic() + timeout
        with self.changed:
            while not (value := found()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("what was waited for did not come")
                self.changed.wait(min(left, 0.2))
        return value

    def drop_sockets(self) -> None:
        """Cut every socket off."""
        with self.changed:
            sockets, self._sockets[:] = list(self._sockets), []
        for socket in sockets:
            socket.close()

    def said(self, text: str, *, channel: str = "C0TRAIN") -> list[Json]:
        """Messages of a channel that have a text in them, wherever in them."""
        return [message for message in self.messages[channel] if text in json.dumps(message, ensure_ascii=False)]

    # What the bot does.

    def call(self, method: str, given: Json) -> Json:
        """Carry one call out."""
        with self.changed:
            answer = self.carry_out(method, given)
            self.changed.notify_all()
        return {"ok": "error" not in answer, **answer}

    def next_fault(self, method: str) -> Fault | None:
        """The fault that this call meets."""
        with self.changed:
            for name in (method, "*"):
                for fault in self.faults[name]:
                    if fault.times > 0:
                        fault.times -= 1
                        return fault
        return None

    def joined(self, socket: Socket) -> None:
        """A socket was opened."""
        with self.changed:
            self._sockets.append(socket)
            self.changed.notify_all()

    def left(self, socket: Socket) -> None:
        """A socket was closed."""
        with self.changed:
            if socket in self._sockets:
                self._sockets.remove(socket)
            self.changed.notify_all()

    def heard(self, text: str) -> None:
        """The bot acknowledged something."""
        told = json.loads(text)
        with self.changed:
            envelope = self._envelopes.get(told.get("envelope_id", ""))
            if envelope is not None and envelope.acked_at is None:
                envelope.acked_at, envelope.answer = time.monotonic(), told.get("payload") or {}
            self.changed.notify_all()

    def uploaded(self, ident: str, content: bytes) -> None:
        """The bytes of a file arrived."""
        with self.changed:
            self._files[ident]["content"] = content

    def _echo(self, event: Json) -> None:
        if self.echo and self._sockets:
            body = {"type": "event_callback", "team_id": TEAM, "event": event, "event_id": self._id("Ev")}
            envelope = {"type": "events_api", "envelope_id": self._id("env"), "payload": body}
            self._sockets[-1].send(json.dumps(envelope, default=str))


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """A stand-in with Ana, Bo and Cy in it."""
    with SlackServer() as server:
        for user in ("U0ANA", "U0BO", "U0CY"):
            server.add_user(user)
        yield server
