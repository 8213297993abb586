"""A stand-in for a W&B server on 127.0.0.1: the real SDK logs to it, `wandb.Api` reads from it, faults can be set.

It knows what wandb 0.31 asks for when it logs metrics and reads runs, not more: no artifacts, sweeps, sign-up.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from trainwatch_core.testing.graphql import GraphQLError, execute
from trainwatch_core.testing.wandb_runs import FakeRun
from trainwatch_core.testing.wandb_schema import root, take_stream

API_KEY = "0123456789abcdef" * 2 + "01234567"
"""A key that the SDK takes for one. It opens nothing."""

_DRIP = 0.02


class Fault(StrEnum):
    """What is wrong with the answers to GraphQL requests."""

    NONE = "none"
    HANG = "hang"
    DRIP = "drip"
    DRIP_HEADERS = "drip headers"
    CLOSE = "close"
    HTML = "html"
    NULL = "null data"
    NO_PROJECT = "no project"
    HUGE = "huge"
    REDIRECT = "redirect"
    GARBAGE = "garbage"
    BAD_GATEWAY = "bad gateway"


_SILENT = frozenset({Fault.HANG, Fault.DRIP, Fault.DRIP_HEADERS, Fault.CLOSE})
_BODIES = {
    Fault.HTML: b"<!DOCTYPE html><title>Welcome to the hotel</title>",
    Fault.NULL: b'{"data":null}',
    Fault.NO_PROJECT: b'{"data":{"project":null}}',
    Fault.HUGE: b" " * (30 * 1024 * 1024),
    Fault.REDIRECT: b"",
    Fault.BAD_GATEWAY: b"bad gateway",
    Fault.GARBAGE: b"\x00\xff" + b"[" * 100_000,
}
_STATUSES = {Fault.REDIRECT: 302, Fault.BAD_GATEWAY: 502}


class FakeWandb:
    """The server, as a context manager.

    Attributes:
        runs: The runs by entity, project and id.
        fault: What is wrong from now on.
        status: The status of GraphQL answers from now on.
        requests: Body of each GraphQL request so far.
        keys: Authorization header of each.
        raw: If set, the body of GraphQL answers.
        unknown: Fields of a run that this server is too old to know.
        faulty_after: From how many further GraphQL requests on it has which fault.
        on_request: Called before each answer to a GraphQL request.
    """

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str, str], FakeRun] = {}
        self.fault = Fault.NONE
        self.status = 200
        self.requests: list[dict[str, object]] = []
        self.keys: list[str] = []
        self.raw: bytes | None = None
        self.unknown: set[str] = set()
        self.faulty_after: tuple[int, Fault] | None = None
        self.on_request: Callable[[], object] | None = None
        self.closing = threading.Event()
        self.lock = threading.RLock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.fake = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = self.url.replace("http://", "https://")

    def close(self) -> None:
        """Refuse connections from now on, and let go of those that hang."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def add(self, path: str, **known: object) -> FakeRun:
        """Put a run `entity/project/id` there."""
        entity, project, name = path.split("/")
        run = FakeRun(entity, project, name, **known)  # type: ignore[arg-type]  # passed on as given
        self.runs[entity, project, name] = run
        return run

    def environment(self) -> dict[str, str]:
        """What makes the SDK of another process use this server, without a word. It sends every 15 s and at the end."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": API_KEY,
            "WANDB_SILENT": "true",
        }

    def next_fault(self) -> Fault:
        """What is wrong with the answer that comes now."""
        with self.lock:
            if self.on_request is not None:
                self.on_request()
            if self.faulty_after is None:
                return self.fault
            left, fault = self.faulty_after
            self.faulty_after = (max(0, left - 1), fault)
            return self.fault if left else fault

    def answer(self, request: Mapping[str, object]) -> dict[str, object]:
        """The answer to a GraphQL request.

        Raises:
            GraphQLError: If it asks for what is not there.
        """
        variables = request.get("variables")
        with self.lock:
            given = variables if isinstance(variables, dict) else {}
            return execute(str(request["query"]), given, root(self.runs, self.url, self.unknown))

    def stream(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """Take what the SDK streams of a run."""
        _, _, entity, project, name, _ = path.split("/")
        with self.lock:
            run = self.runs[entity, project, name]
            take_stream(run, body)
            return {"stopped": run.stopped}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeWandb

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as given


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/graphql":
            self._graphql(json.loads(body))
        elif self.path.endswith("/file_stream"):
            self._send(200, json.dumps(self.server.fake.stream(self.path, json.loads(body))).encode())
        else:
            self._send(200, b"{}")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(200, b"")

    def _graphql(self, request: dict[str, object]) -> None:
        self.server.fake.requests.append(request)
        self.server.fake.keys.append(self.headers.get("Authorization", ""))
        fault = self.server.fake.next_fault()
        if fault in _SILENT:
            self._hold(fault)
            return
        if self.server.fake.raw is not None or fault in _BODIES:
            self._send(
                _STATUSES.get(fault, self.server.fake.status),
                self.server.fake.raw or _BODIES.get(fault, b""),
            )
            return
        try:
            self._send(self.server.fake.status, json.dumps({"data": self.server.fake.answer(request)}).encode())
        except GraphQLError as error:
            self._send(400, json.dumps({"errors": [{"message": str(error)}]}).encode())

    def _hold(self, fault: Fault) -> None:
        """Never finish; end when the client goes or the server closes."""
        self.close_connection = True
        if fault is Fault.DRIP:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        if fault is Fault.DRIP_HEADERS:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while fault is not Fault.CLOSE and not self.server.fake.closing.wait(_DRIP):
            if fault is not Fault.HANG:
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 302:  # noqa: PLR2004  # the status itself
            self.send_header("Location", f"{self.server.fake.url}/elsewhere")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class names it
        """Say nothing."""
