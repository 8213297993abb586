"""A W&B server that cannot be reached, or that does not speak for itself."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import parse_wandb_run
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb, Fault

DEADLINE = 0.6
"""Seconds, where nothing ever comes."""
ANSWERED = 60.0
"""Seconds, where something comes at once: how soon is up to the machine, and it must not be taken for silence."""
GRACE = 8.0
"""Seconds over the deadline that a busy machine may need to wake a thread; far less than any other time-out."""


def source_of(url: str, **further: dict[str, str]) -> WandbServerSource:
    endpoint = Endpoint(url, url, API_KEY, **further)
    return WandbServerSource(parse_wandb_run("e/p/r"), endpoint=lambda: endpoint)


def refusal(source: WandbServerSource, deadline: float = ANSWERED, grace: float = GRACE) -> SourceUnavailableError:
    """The error of a fetch, which must come within the deadline."""
    begun = time.monotonic()
    with pytest.raises(SourceUnavailableError) as caught:
        source.fetch(None, deadline=deadline)
    assert time.monotonic() - begun < deadline + grace
    assert API_KEY not in str(caught.value)
    assert "bad key" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.HANG, "did not answer in time"),
        (Fault.DRIP, "did not answer in time"),
        (Fault.DRIP_HEADERS, "did not answer in time"),
        (Fault.CLOSE, "cannot be reached"),
        (Fault.HTML, "login page"),
        (Fault.NULL, "without data"),
        (Fault.NO_PROJECT, "no such project"),
        (Fault.HUGE, "more than 24 MB"),
        (Fault.REDIRECT, "not followed"),
        (Fault.GARBAGE, "login page"),
    ],
)
def test_no_fault_of_the_server_is_more_than_a_blind_look(
    fake: FakeWandb, watched: WandbServerSource, fault: Fault, said: str
) -> None:
    """F-W01: whatever comes instead of an answer, the source is unavailable within the deadline and says why."""
    fake.add("e/p/r")
    fake.fault = fault
    silent = fault in {Fault.HANG, Fault.DRIP, Fault.DRIP_HEADERS}
    assert said in str(refusal(watched, DEADLINE if silent else ANSWERED))
    fake.fault = Fault.NONE
    assert watched.fetch(None, deadline=60).info.name == "r"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 418, 429, 500, 502, 503])
def test_no_status_is_more_than_a_blind_look(fake: FakeWandb, watched: WandbServerSource, status: int) -> None:
    """F-W01: an error status makes this look blind; also 401 and 403 say nothing for sure about the key."""
    fake.add("e/p/r")
    fake.status = status
    error = refusal(watched)
    assert str(status) in str(error)
    if error.todo:
        assert status in {401, 403, 404, 407}
    assert len(fake.requests) == 1


def test_a_refused_connection_is_a_blind_look() -> None:
    """F-W01: a server that is not there."""
    with FakeWandb() as gone:
        url = gone.url
    assert "Connection refused" in str(refusal(source_of(url)))


def test_a_name_that_cannot_be_looked_up_is_a_blind_look() -> None:
    """F-W01: no network."""
    assert refusal(source_of("http://nowhere.invalid"), DEADLINE).where == "nowhere.invalid"


def test_a_second_request_shares_the_deadline(fake: FakeWandb, watched: WandbServerSource) -> None:
    """F-W01: a server that stops to answer in the middle of a look does not get the deadline twice."""
    fake.add("e/p/r").rows.append({"_step": 0, "_timestamp": 1.0, "loss": 1.0})
    answered = fake.answer

    def once(request: dict[str, object]) -> dict[str, object]:
        fake.fault = Fault.HANG
        time.sleep(4.0)  # most of the deadline: what the second request may still take is little
        return answered(request)

    fake.answer = once  # type: ignore[method-assign, assignment]
    assert "did not answer" in str(refusal(watched, 6.0, 3.5))
    assert len(fake.requests) == 2


def test_no_thread_is_left_behind(fake: FakeWandb, watched: WandbServerSource) -> None:
    """F-W01: a request that was given up ends, even if its server would drip for ever."""
    for fault in (Fault.HANG, Fault.DRIP, Fault.DRIP_HEADERS):
        fake.fault = fault
        refusal(watched, DEADLINE)
    until = time.monotonic() + 60
    while time.monotonic() < until and any(thread.name == "wandb-request" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert not any(thread.name == "wandb-request" for thread in threading.enumerate())


@contextmanager
def listener(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Takes connections, notes what is asked and answers with bytes."""
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x15\x03\x01\x00\x02",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    ],
    ids=["nothing", "tls alert", "ssh", "cut short", "status", "chunks", "headers", "long header"],
)
def test_no_protocol_error_is_more_than_a_blind_look(answer: bytes) -> None:
    """F-W01: what is no HTTP at all."""
    with listener(answer) as (url, _):
        assert "in time" not in str(refusal(source_of(url)))  # it is told at once


def test_tls_is_verified() -> None:
    """F-W01: a server that speaks no TLS where it must is not asked in the clear."""
    with listener(b"HTTP/1.1 200 OK\r\n\r\n") as (url, asked):
        refusal(source_of(url.replace("http://", "https://")))
    assert b"Authorization" not in asked[0]


@pytest.mark.system("openssl")
def test_a_certificate_must_be_trusted(fake: FakeWandb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-W01: the key goes to no server that cannot prove its name; one whose authority is made known is read."""
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*made.split(), "-keyout", "key", "-out", "cert"], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    fake.secure(context)
    fake.add("e/p/r")
    assert "CERTIFICATE_VERIFY_FAILED" in str(refusal(source_of(fake.url)))
    assert not fake.keys
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    assert source_of(fake.url).fetch(None, deadline=60).info.name == "r"


def test_a_proxy_of_the_settings_is_used() -> None:
    """Requests go through the proxy that wandb is told to use; its password goes to nobody else."""
    with listener(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n") as (url, asked):
        proxy = url.replace("http://", "http://me:secret@")
        refused = refusal(source_of("http://wandb.invalid", proxies={"http": proxy}))
        assert "502" in str(refused)
        assert "cannot be reached" in str(refusal(source_of("https://wandb.invalid", proxies={"https": proxy})))
    assert asked[0].startswith(b"POST http://wandb.invalid/graphql HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in asked[0]
    assert asked[1].startswith(b"CONNECT wandb.invalid:443 HTTP/1.")
    assert b"\r\nAuthorization" not in asked[1]


HALF_RIGHT = [
    b'{"data": {}}',
    b'{"data": {"project": {"run": null}}}',
    b'{"data": {"project": {"run": []}}}',
    b'{"data": {"project": 3}}',
    b'{"errors": [{"message": "permission denied"}], "data": null}',
    b'{"errors": "all"}',
    b"[]",
    b"null",
    b"\xff\xfe",
    b"",
    b"[" * 200_000,
]


@pytest.mark.parametrize("body", HALF_RIGHT, ids=range(len(HALF_RIGHT)))
def test_half_an_answer_is_no_answer(fake: FakeWandb, watched: WandbServerSource, body: bytes) -> None:
    """F-W01: JSON that does not speak about this run is not trusted."""
    fake.raw = body or b" "
    error = refusal(watched)
    if b"denied" in body:
        assert "permission denied" in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fields_of_any_shape_are_read_or_refused(
    fake: FakeWandb, watched: WandbServerSource, data: st.DataObject
) -> None:
    """F-W05: a run whose fields hold anything at all is a Batch or an unavailable source, never another error."""
    names = data.draw(st.sets(st.sampled_from(["state", "createdAt", "heartbeatAt", "config", "summaryMetrics"])))
    names |= data.draw(st.sets(st.sampled_from(["historyKeys", "sampledHistory", "displayName", "stopped"])))
    sound = {"historyKeys": {"keys": {"loss": {}}, "lastStep": 3}, "sampledHistory": [[{"_step": 3, "loss": 1}]]}
    run = {**sound, **{name: data.draw(json_values) for name in names}}
    fake.raw = json.dumps({"data": {"project": {"run": run}}}).encode()
    with suppress(SourceUnavailableError):
        watched.fetch({"created": "", "timed": False, "series": {"loss": [3.0, None]}, "sampled": 0.0}, deadline=60)
