"""The wire of the stand-in for Slack: HTTP calls that may fail as scripted, and WebSockets (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_JSON_FIELDS = ("blocks", "metadata", "files")

Json = dict[str, Any]


@dataclass
class Fault:
    """What happens to a call instead of an answer.

    Attributes:
        times: How often.
        status: HTTP status.
        error: Slack's error code; empty for none.
        headers: Of the answer.
        lose_reply: The call is carried out, and the connection closed without an answer.
        refuse: The connection is closed before the call is carried out.
        seconds: Waited first.
    """

    times: int = 1
    status: int = 200
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    lose_reply: bool = False
    refuse: bool = False
    seconds: float = 0.0


class Slack(Protocol):
    """What the wire carries calls to."""

    calls: list[tuple[str, Json]]
    received: list[bytes]
    deaf: bool

    def next_fault(self, method: str) -> Fault | None:
        """The fault that this call meets."""
        ...

    def call(self, method: str, given: Json) -> Json:
        """Carry one call out."""
        ...

    def uploaded(self, ident: str, content: bytes) -> None:
        """The bytes of a file arrived."""
        ...

    def heard(self, text: str) -> None:
        """The bot acknowledged something."""
        ...

    def joined(self, socket: Socket) -> None:
        """A socket was opened."""
        ...

    def left(self, socket: Socket) -> None:
        """A socket was closed."""
        ...


class WireServer(ThreadingHTTPServer):
    """Listens on a loopback port of its own."""

    daemon_threads = True
    slack: Slack

    def handle_error(self, *_: object) -> None:
        """Connections are cut off on purpose here."""


class Wire(BaseHTTPRequestHandler):
    """One connection."""

    server: WireServer
    timeout = 30

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Open a socket."""
        key = self.headers.get("Sec-WebSocket-Key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324  # RFC 6455 wants it
        self.connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        self.connection.settimeout(None)
        Socket(self).serve()

    def do_POST(self) -> None:
        """Carry a call out, or fail as scripted."""
        slack, content = self.server.slack, self.rfile.read(int(self.headers.get("Content-Length", 0)))
        slack.received.append(self.path.encode() + b"\n" + content)
        path = urlsplit(self.path).path
        method = path.removeprefix("/api/") if path.startswith("/api/") else "upload"
        fault = slack.next_fault(method)
        if fault is not None:
            time.sleep(fault.seconds)
        if fault is not None and fault.refuse:
            self._cut()
            return
        if fault is not None and (fault.error or fault.status != 200):  # noqa: PLR2004  # HTTP: fine
            slack.calls.append((f"{method}!", {}))
            self._answer({"ok": False, "error": fault.error or "internal_error"}, fault.status, fault.headers)
            return
        answer = self._upload(path, content) if method == "upload" else self._call(method, content)
        if fault is not None and fault.lose_reply:
            self._cut()
            return
        wait = answer.get("retry_after")
        self._answer(answer, 200 if wait is None else 429, {} if wait is None else {"Retry-After": str(wait)})

    def _call(self, method: str, content: bytes) -> Json:
        if "json" in self.headers.get("Content-Type", ""):
            given: Json = json.loads(content or b"{}")
        else:
            given = {key: values[0] for key, values in parse_qs(content.decode()).items()}
        for key in _JSON_FIELDS:
            if isinstance(given.get(key), str):
                given[key] = json.loads(given[key])
        self.server.slack.calls.append((method, given))
        return self.server.slack.call(method, given)

    def _upload(self, path: str, content: bytes) -> Json:
        self.server.slack.uploaded(path.rpartition("/")[2], content)
        return {"ok": True}

    def _answer(self, answer: Json, status: int, headers: Mapping[str, str]) -> None:
        body = json.dumps(answer, default=str).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(SHUT_RDWR)


class Socket:
    """One WebSocket, the server's side of it.

    Attributes:
        deaf: Whether its pings stay unanswered, and nothing is sent over it.
    """

    def __init__(self, handler: Wire) -> None:
        self._connection = handler.connection
        self._reader = handler.rfile
        self._slack = handler.server.slack
        self._out: queue.Queue[bytes | None] = queue.Queue()
        self.deaf = False

    def serve(self) -> None:
        """Say hello and read until the other side leaves."""
        threading.Thread(target=self._write, daemon=True).start()
        self.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0APP"}}))
        self._slack.joined(self)
        try:
            while (frame := self._read()) is not None:
                code, data = frame
                if code == _PING and not (self.deaf or self._slack.deaf):
                    self._frame(_PONG, data)
                elif code == _TEXT:
                    self._slack.heard(data.decode())
                elif code == _CLOSE:
                    break
        except (OSError, struct.error, ValueError):
            pass
        finally:
            self._slack.left(self)
            self._out.put(None)

    def send(self, text: str) -> None:
        """Send a text; never waits."""
        if not self.deaf:
            self._frame(_TEXT, text.encode())

    def close(self) -> None:
        """Cut it off."""
        self._out.put(None)
        try:
            self._connection.shutdown(SHUT_RDWR)
        except OSError:
            return

    def _frame(self, code: int, data: bytes) -> None:
        size = len(data)
        if size < 126:  # noqa: PLR2004  # RFC 6455
            head = struct.pack("!BB", 0x80 | code, size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | code, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | code, 127, size)
        self._out.put(head + data)

    def _write(self) -> None:
        while (data := self._out.get()) is not None:
            try:
                self._connection.sendall(data)
            except OSError:
                return

    def _read(self) -> tuple[int, bytes] | None:
        head = self._reader.read(2)
        if len(head) < 2:  # noqa: PLR2004  # it left
            return None
        code, size = head[0] & 0x0F, head[1] & 0x7F
        if size == 126:  # noqa: PLR2004  # RFC 6455
            (size,) = struct.unpack("!H", self._reader.read(2))
        elif size == 127:  # noqa: PLR2004  # likewise
            (size,) = struct.unpack("!Q", self._reader.read(8))
        mask = self._reader.read(4) if head[1] & 0x80 else b"\0" * 4
        data = self._reader.read(size)
        return code, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
