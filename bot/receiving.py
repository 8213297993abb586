"""The two ways in which Slack reaches the bot: a socket that the bot opens, or requests that it listens for."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, cast

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from waitress import wasyncore
from waitress.server import TcpWSGIServer, create_server

from bot.upkeep import Hearing
from trainwatch_core.model.errors import ConfigError

PING = 5.0
"""Seconds between pings of the socket."""
EVENTS, HEALTH = "/slack/events", "/healthz"
"""Where Slack sends everything (the request URL of all its features), and where a probe asks."""
LARGEST = 1 << 20
"""Bytes of a body. Slack's largest, a view with all its values, has some 250 kB."""
_LARGEST_HEAD = 1 << 16
_SIGNED = {"HTTP_X_SLACK_REQUEST_TIMESTAMP": "[0-9]{1,12}", "HTTP_X_SLACK_SIGNATURE": "v0=[0-9a-f]{64}"}
"""What the verifier reads. Of other forms it raises, and Bolt would answer 500."""
_THREADS, _CONNECTIONS, _IDLE, _LEAVING = 16, 200, 15, 10

_Start = Callable[..., Any]


class Receiver(Protocol):
    """Takes what Slack sends, and hands it to the app."""

    def open(self) -> str:
        """Begin; returns how to say where. What Slack's client raises comes through."""

    def check(self) -> None:
        """Called every few seconds: mend what can be mended."""

    def close(self) -> None:
        """Take no more; what is being handled is brought to its end."""


class Socket:
    """Socket Mode: nothing listens here.

    Args:
        app: Handles it.
        token: The app-level token.
        deaf: Told for how many seconds nothing was heard, once it is.
    """

    def __init__(self, app: App, token: str, deaf: Callable[[float], None]) -> None:
        self._handler = SocketModeHandler(app, token, ping_interval=PING)
        self._hearing = Hearing(self._handler, deaf=deaf)

    def open(self) -> str:
        """Open the socket."""
        self._handler.connect()  # type: ignore[no-untyped-call]  # untyped by its makers
        return "is connected to Slack"

    def check(self) -> None:
        """Replace a socket that hears nothing."""
        self._hearing.check()

    def close(self) -> None:
        """Close the socket."""
        self._hearing.close()


class Http:
    """HTTP: Slack posts to a public address, and a proxy with TLS passes it on to here.

    One thread reads all requests whole before a worker gets one, so that slow clients keep no worker; bodies, heads,
    connections and idle time are bounded. Bolt checks the signature and the age of every request (401).

    Args:
        app: Handles it; knows the signing secret.
        host: Address to listen at.
        port: Likewise; 0 for any.
    """

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app, self._host, self._port = app, host, port
        self._channels: dict[int, Any] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def open(self) -> str:
        """Listen.

        Raises:
            ConfigError: If this address cannot be had.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._port), family=family)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"--http {self._host}:{self._port}", (f"I cannot listen there: {error}. Name another address",)
            ) from error
        self._server = cast(
            "TcpWSGIServer",
            create_server(
                partial(_answer, SlackRequestHandler(self._app, EVENTS)),
                map=self._channels,
                sockets=[listening],
                threads=_THREADS,
                connection_limit=_CONNECTIONS,
                channel_timeout=_IDLE,
                cleanup_interval=5,
                max_request_body_size=LARGEST,
                max_request_header_size=_LARGEST_HEAD,
                ident="",
            ),
        )
        logging.getLogger("waitress").setLevel(logging.WARNING)
        self._thread = threading.Thread(target=self._run, name="trainwatch-http", daemon=True)
        self._thread.start()
        host, port = listening.getsockname()[:2]
        return f"listens at http://{f'[{host}]' if ':' in host else host}:{port}{EVENTS}"

    def check(self) -> None:
        """Nothing can be deaf here."""

    def close(self) -> None:
        """Let requests that are being handled end, then close all connections."""
        if self._thread is None:
            return
        self._server.task_dispatcher.shutdown(timeout=_LEAVING)
        self._ending.set()
        self._server.pull_trigger()
        self._thread.join(2 * _LEAVING)
        # Only now, since that thread waits on them, and a pull writes to one of them.
        if not self._thread.is_alive():
            wasyncore.close_all(self._channels)

    def _run(self) -> None:
        # Not the server's own `run`: that one ends only when all is closed, and what is closed by then is still being
        # written to by whoever wakes it.
        while not self._ending.is_set():
            self._turn()
        until = time.monotonic() + _LEAVING
        while self._unsent() and time.monotonic() < until:
            self._turn()

    def _turn(self) -> None:
        wasyncore.loop(timeout=1, use_poll=True, map=self._channels, count=1)

    def _unsent(self) -> bool:
        # Not all are connections of a client: the place to listen and the alarm are among them.
        return any(getattr(channel, "total_outbufs_len", 0) for channel in self._channels.values())


def _answer(slack: SlackRequestHandler, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
    if environ["PATH_INFO"] == HEALTH:
        start("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
        return [b"ok\n"]
    signed = environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == EVENTS
    if signed and not all(re.fullmatch(form, environ.get(name, "")) for name, form in _SIGNED.items()):
        start("401 Unauthorized", [("Content-Type", "text/plain")])
        return [b"not signed\n"]
    return slack(environ, start)
