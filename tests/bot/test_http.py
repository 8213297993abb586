"""Slack by HTTP: real requests to a real server, signed as Slack signs them, and as it does not."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt.response import BoltResponse

from bot.__main__ import main
from bot.receiving import EVENTS, HEALTH, LARGEST, Http
from bot.testing import ANA, CHANNEL, SECRET, Office
from trainwatch_core.model.errors import ConfigError
from trainwatch_core.testing.slack_payloads import APP, TEAM, click_payload
from trainwatch_core.testing.slack_server import BOT_TOKEN, SlackServer

SOON = 60.0
FORM = "application/x-www-form-urlencoded"


class Door:
    """Speaks to a bot that listens.

    Args:
        port: Where.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, body: bytes, *, secret: str = SECRET, age: float = 0.0, path: str = EVENTS) -> tuple[int, str]:
        """A request as Slack makes it; returns status and body."""
        stamp = str(int(time.time() - age))
        # As Slack describes it (docs.slack.dev, "Verifying requests from Slack"), not by the library that checks it.
        signed = hmac.new(secret.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
        headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
        return self.send("POST", path, body, headers)

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Any request."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)) as wire:
            wire.request(method, path, body, headers or {})
            answer = wire.getresponse()
            return answer.status, answer.read().decode()


def command(text: str, user: str = ANA) -> bytes:
    """`/watch text` as a form."""
    told = {"command": "/watch", "text": text, "user_id": user, "channel_id": CHANNEL, "team_id": TEAM}
    return urlencode({**told, "api_app_id": APP, "token": "x", "trigger_id": "1"}).encode()


def listening(office: Office, host: str = "127.0.0.1") -> tuple[Http, int]:
    """The bot of an office at a port."""
    receiver = Http(office.bot.app, host, 0)
    match = re.search(r":([0-9]+)/slack/events$", receiver.open())
    assert match is not None
    return receiver, int(match[1])


@pytest.fixture
def door(office: Office) -> Iterator[Door]:
    """A way to the bot of an office."""
    receiver, port = listening(office)
    yield Door(port)
    receiver.close()


def test_a_signed_command_is_done_and_answered(office: Office, door: Door) -> None:
    """`/watch` registers, and its answer travels with the response."""
    status, said = door.post(command("lab/vision/r1 launch=pid:4211"))
    assert status == 200
    assert "I watch lab/vision/r1" in json.loads(said)["text"]
    assert [str(watch.run) for watch in office.world.store.watches()] == ["lab/vision/r1"]


def test_a_signed_click_is_acknowledged(office: Office, door: Door) -> None:
    """A button of the card, as the form that Slack posts."""
    office.watch()
    payload = click_payload(office.card, "card_pause")
    status, _ = door.post(urlencode({"payload": json.dumps(payload)}).encode())
    assert status == 200
    assert office.world.store.watches()[0].state.name == "PAUSED"


def test_the_address_is_proven_to_slack(door: Door) -> None:
    """Slack asks whether the address is ours before it sends anything there."""
    status, said = door.post(json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"}).encode())
    assert (status, "abc" in said) == (200, True)


@pytest.mark.parametrize(
    ("secret", "age"), [("0" * 32, 0.0), (SECRET, 301.0), (SECRET, -301.0)], ids=["other", "old", "ahead"]
)
def test_what_slack_did_not_sign_just_now_is_refused(office: Office, door: Door, secret: str, age: float) -> None:
    """Another secret, or a request that was kept and sent again: 401, and nothing is done."""
    assert door.post(command("lab/vision/r1"), secret=secret, age=age)[0] == 401
    assert not office.world.store.watches()


def test_a_refused_request_leaves_nothing_in_the_log(door: Door, log_of_the_bot: Callable[[], str]) -> None:
    """F-I07: of a bad signature Bolt writes body and headers into the log, with all that was typed."""
    assert door.post(command("lab/vision/r1 notes=/home/ana/private.md"), secret="0" * 32)[0] == 401
    assert "private.md" not in log_of_the_bot()
    assert "v0=" not in log_of_the_bot()


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("abc", "v0=" + "0" * 64),
        ("1" * 5000, "v0=" + "0" * 64),
        ("", "v0=" + "0" * 64),
        ("1e9", "v0=" + "0" * 64),
        ("\u0661\u0662\u0663".encode().decode("latin-1"), "v0=" + "0" * 64),
        ("now", "\xe9"),
        (None, "v0=" + "0" * 64),
        ("now", None),
        ("now", "v0=" + "\xe9" * 64),
    ],
)
def test_headers_that_break_a_verifier_are_refused(
    office: Office, door: Door, stamp: str | None, signature: str | None
) -> None:
    """F-T08: no number, thousands of digits, letters that are no ASCII: 401, never 500 (Bolt's own verifier raises)."""
    headers = {"Content-Type": FORM}
    if stamp is not None:
        headers["X-Slack-Request-Timestamp"] = str(int(time.time())) if stamp == "now" else stamp
    if signature is not None:
        headers["X-Slack-Signature"] = signature
    assert door.send("POST", EVENTS, command("lab/vision/r1"), headers)[0] == 401
    assert not office.world.store.watches()


def test_what_is_not_signed_at_all_is_refused(office: Office, door: Door) -> None:
    """No headers, no entry."""
    assert door.send("POST", EVENTS, command("lab/vision/r1"), {"Content-Type": FORM})[0] == 401
    assert not office.world.store.watches()


def test_a_bot_without_a_secret_lets_nobody_in(office: Office) -> None:
    """An empty secret would be known to everybody."""
    office.secret = ""
    office.restart()
    receiver, port = listening(office)
    try:
        assert Door(port).post(command("lab/vision/r1"), secret="")[0] != 200
    finally:
        receiver.close()
    assert not office.world.store.watches()


@pytest.mark.parametrize("told", ["length", "chunks"])
def test_a_body_that_is_too_large_is_refused(door: Door, told: str) -> None:
    """413, whether its length is told before or its pieces come one after the other."""
    wire = http.client.HTTPConnection("127.0.0.1", door.port, timeout=SOON)
    piece = b"x" * (1 << 16)
    body: bytes | Iterator[bytes] = piece * 17 if told == "length" else iter([piece] * 17)
    with contextlib.closing(wire), contextlib.suppress(ConnectionError):
        wire.request("POST", EVENTS, body, {"Content-Type": FORM}, encode_chunked=told == "chunks")
    # The server may answer and close before all is sent; a client that reads first sees the answer.
    with contextlib.closing(socket.create_connection(("127.0.0.1", door.port), timeout=SOON)) as plain:
        plain.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST + 1}\r\n\r\n".encode())
        assert plain.recv(64).startswith(b"HTTP/1.1 413 ")
    assert door.send("GET", HEALTH)[0] == 200


@pytest.mark.parametrize(("method", "path"), [("GET", EVENTS), ("POST", "/"), ("GET", "/slack/install")])
def test_other_addresses_are_not_there(door: Door, method: str, path: str) -> None:
    """Nothing else is served."""
    assert door.send(method, path)[0] == 404


def test_slow_clients_keep_no_worker(office: Office, door: Door) -> None:
    """Connections that send half a head and then nothing, more than there are workers: Slack's request goes through."""
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", door.port))))
            slow.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf".encode())
        assert door.post(command("help"))[0] == 200
    assert not office.world.store.watches()


def test_what_is_being_handled_is_brought_to_its_end(office: Office) -> None:
    """A request that is in work when the bot ends is answered before the connections are closed."""
    begun, go_on = threading.Event(), threading.Event()
    admit = office.bot.app.dispatch

    def slowly(*given: object) -> object:
        begun.set()
        assert go_on.wait(SOON)
        return admit(*given)  # type: ignore[arg-type]

    office.bot.app.dispatch = slowly  # type: ignore[method-assign,assignment]
    receiver, port = listening(office)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(Door(port).post(command("help"))[0]))
    asking.start()
    assert begun.wait(SOON)
    ending = threading.Thread(target=receiver.close)
    ending.start()
    go_on.set()
    for thread in (asking, ending):
        thread.join(SOON)
    assert answers == [200]
    with pytest.raises(ConnectionRefusedError):
        Door(port).send("GET", HEALTH)


def test_an_answer_is_sent_whole_before_the_end(office: Office) -> None:
    """More than the network takes at once, to a client that reads late: none of it is cut off by the end."""
    length = 8 << 20
    office.bot.app.dispatch = lambda *_: BoltResponse(status=200, body="x" * length)  # type: ignore[method-assign]
    receiver, port = listening(office)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)) as wire:
        stamp = str(int(time.time()))
        headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + "0" * 64}
        wire.request("POST", EVENTS, b"", headers)
        answer = wire.getresponse()
        ending = threading.Thread(target=receiver.close)
        ending.start()
        assert receiver._ending.wait(SOON)
        assert len(answer.read()) == length
        ending.join(SOON)
    assert not ending.is_alive()


def test_the_end_never_writes_to_what_is_closed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wakes the thread of the connections may come when another already did, and that thread has ended."""
    receiver, _ = listening(office)
    trigger: Any = receiver._server.trigger
    pull, thread = trigger._physical_pull, receiver._thread
    assert thread is not None

    def after_another() -> None:
        pull()
        thread.join(SOON)
        pull()

    monkeypatch.setattr(trigger, "_physical_pull", after_another)
    receiver.close()
    assert not thread.is_alive()
    assert not receiver._channels


def test_an_address_that_is_taken_is_told(office: Office, door: Door) -> None:
    """A clear error, with the address and why."""
    with pytest.raises(ConfigError, match=f"I cannot listen there.*127.0.0.1:{door.port}"):
        Http(office.bot.app, "127.0.0.1", door.port).open()


def test_the_program_listens_and_ends_politely(slack: SlackServer, tmp_path: Path) -> None:
    """`python -m bot --http 0`: no app token is needed, a signed command is answered, SIGTERM ends it."""
    (tmp_path / "trainwatch.toml").write_text(f'data_dir = "{tmp_path}/data"\n[slack]\nchannel = "{CHANNEL}"\n')
    environ = {name: value for name, value in os.environ.items() if name != "SLACK_APP_TOKEN"}
    environ |= {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": slack.api_url}
    argv = [sys.executable, "-m", "bot", "--http", "0", "--config", str(tmp_path / "trainwatch.toml")]
    with subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        try:
            match = re.match(r"trainwatch listens at http://127\.0\.0\.1:([0-9]+)/slack/events", bot.stdout.readline())
            assert match is not None
            assert "How to use" in json.loads(Door(int(match[1])).post(command("help"))[1])["text"]
            bot.send_signal(signal.SIGTERM)
            assert bot.wait(SOON) == 0
        finally:
            bot.kill()


@pytest.mark.parametrize("said", ["x", "1.2.3.4", "host:80", "70000000"])
def test_what_is_no_address_is_told(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong address is an error of usage."""
    monkeypatch.setattr("sys.argv", ["bot", "--http", said])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "is no port" in capsys.readouterr().err
