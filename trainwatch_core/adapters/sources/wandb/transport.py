"""One bounded POST: a hard deadline on the wall clock, a cap on the answer, no retry, no redirect."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError

MAX_ANSWER = 24 * 1024 * 1024
"""Bytes. The largest honest answer (32 metrics, 3,000 rows each) has about 12 million."""

_OK = 200
_JUDGED = frozenset({400, 422})
"""What a GraphQL server answers to a query that it does not understand; the body says what it stumbled over."""
_LONGEST_COMPLAINT = 65536
_LATE = "W&B did not answer in time"
_REFUSALS = {
    401: "W&B did not accept the credentials this time (401)",
    403: "W&B refused access this time (403)",
    404: "This server has no W&B API (404)",
    407: "The proxy wants credentials (407)",
    429: "W&B asks for fewer requests (429)",
}
_TODO = {
    401: "If it stays so: `wandb login`",
    403: "If it stays so: does this key see the project?",
    404: "Look at WANDB_BASE_URL",
    407: "Give them in HTTPS_PROXY",
}


def post(endpoint: Endpoint, path: str, body: bytes, *, seconds: float) -> bytes:
    """The body of a 200 answer to a JSON POST, or the complaint in JSON about a query that was not understood.

    The exchange runs in a thread of its own, because looking up a name cannot be interrupted and a server that drips
    byte after byte never meets the time limit of a socket. When time is up its socket is shut, which ends the thread.

    Raises:
        SourceUnavailableError: If there is none in time, or it is too large. Never names the key.
    """
    exchange = _Exchange(endpoint, path, body, seconds)
    exchange.start()
    try:
        outcome = exchange.outcome.get(timeout=max(seconds, 0.0))
    except queue.Empty:
        exchange.abort()
        raise SourceUnavailableError(_LATE, where=endpoint.host) from None
    if isinstance(outcome, SourceUnavailableError):
        raise outcome
    return outcome


class _Exchange(threading.Thread):
    """Sends one request and puts its outcome, a body or an error, into `outcome`."""

    def __init__(self, endpoint: Endpoint, path: str, body: bytes, seconds: float) -> None:
        super().__init__(name="wandb-request", daemon=True)
        self.outcome: queue.SimpleQueue[bytes | SourceUnavailableError] = queue.SimpleQueue()
        self._endpoint = endpoint
        self._path = path
        self._body = body
        self._until = time.monotonic() + seconds
        self._aborted = threading.Event()
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None

    def run(self) -> None:
        """Do it."""
        try:
            self.outcome.put(self._ask())
        except SourceUnavailableError as error:
            self.outcome.put(error)
        except TimeoutError:
            self.outcome.put(SourceUnavailableError(_LATE, where=self._endpoint.host))
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            self.outcome.put(SourceUnavailableError(f"W&B cannot be reached: {reason}", where=self._endpoint.host))

    def abort(self) -> None:
        """Shut the socket under the thread."""
        self._aborted.set()
        # The connection has the socket while it is set up; once an answer comes it may have given it away.
        for held in (self._socket, self._connection.sock if self._connection is not None else None):
            if held is not None:
                with contextlib.suppress(OSError):
                    # Not its own method: that of a TLS socket would disturb the thread that reads from it.
                    socket.socket.shutdown(held, socket.SHUT_RDWR)

    def _ask(self) -> bytes:
        left = max(0.1, self._until - time.monotonic())
        connection, target, headers = _connection(self._endpoint, self._path, timeout=left)
        self._connection = connection
        with contextlib.closing(connection):
            connection.connect()
            self._socket = connection.sock
            if self._aborted.is_set():
                raise SourceUnavailableError(_LATE, where=self._endpoint.host)
            connection.request("POST", target, self._body, {**headers, **_headers(self._endpoint)})
            with connection.getresponse() as response:
                if response.status in _JUDGED and (said := _complaint(response.read(_LONGEST_COMPLAINT))):
                    return said
                if response.status != _OK:
                    raise _refusal(self._endpoint, response.status)
                body = response.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise SourceUnavailableError(
                f"The answer of W&B has more than {MAX_ANSWER // 2**20} MB", where=self._endpoint.host
            )
        return body


def _complaint(body: bytes) -> bytes:
    """The errors in the answer to a query that was not understood, and only those; empty if it is something else."""
    try:
        loaded = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    errors = loaded.get("errors") if isinstance(loaded, dict) else None
    return json.dumps({"errors": errors}).encode() if errors else b""


def _refusal(endpoint: Endpoint, status: int) -> SourceUnavailableError:
    said = _REFUSALS.get(status, f"W&B answered with status {status}")
    if 300 <= status < 400:  # noqa: PLR2004  # the range of redirects
        said = f"Something sends requests for W&B elsewhere ({status}); that is not followed"
    return SourceUnavailableError(said, where=endpoint.host, todo=_TODO.get(status, ""))


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {**endpoint.headers, "Content-Type": "application/json", "Accept": "application/json"}
    headers["User-Agent"] = "trainwatch"
    if endpoint.api_key:
        headers["Authorization"] = _basic(f"api:{endpoint.api_key}")
    return headers


def _connection(endpoint: Endpoint, path: str, *, timeout: float) -> tuple[HTTPConnection, str, Mapping[str, str]]:
    """A connection that is not open yet, what to ask it for, and the headers that a proxy wants."""
    url = urlsplit(endpoint.base_url)
    host, secure = url.hostname or "", url.scheme == "https"
    proxy = _proxy(endpoint, url)
    first = proxy or url
    address = first.hostname or ""
    if secure:
        context = ssl.create_default_context()
        connection: HTTPConnection = HTTPSConnection(address, first.port, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(address, first.port, timeout=timeout)
    target = f"{url.path}{path}"
    if proxy is None:
        return connection, target, {}
    login = {"Proxy-Authorization": _basic(unquote(proxy.netloc.rpartition("@")[0]))} if proxy.username else {}
    if secure:
        connection.set_tunnel(host, url.port or 443, headers=login)
        return connection, target, {}
    return connection, f"{url.scheme}://{url.netloc}{target}", login


def _proxy(endpoint: Endpoint, url: SplitResult) -> SplitResult | None:
    if proxy_bypass(url.hostname or ""):
        return None
    found = endpoint.proxies.get(url.scheme) or getproxies().get(url.scheme)
    if not found:
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode("ascii")
