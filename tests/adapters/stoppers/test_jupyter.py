"""Stopping kernels of Jupyter, against a real server with a real kernel that trains."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.jupyter import JupyterKernel, servers_here
from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.adapters.stoppers.servers import Server
from trainwatch_core.config.targets import ServerTable
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jupyter import WRITERS, Jupyter
from trainwatch_core.testing.stopper_conformance import Stage, StopperConformance

TOKEN = "a" * 32
OTHER = "00000000-0000-4000-8000-000000000000"
Make = Callable[..., GuardedStopper]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A real Jupyter server."""
    if not WRITERS.exists():
        reason = f"{WRITERS} not found: run `make {Path(WRITERS).parent.parent.name}/ready`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = Jupyter(tmp_path_factory.mktemp("jupyter"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make(lab: Jupyter, clock: Clock, tokens: Path, tmp_path: Path) -> Make:
    """Makes a stopper of a kernel; the server is one of this machine, or `lab` of `[servers]`."""
    secret = tmp_path / "token"
    secret.write_text(f"{lab.token}\n")
    secret.chmod(0o600)
    table = ServerTable(url=lab.url, token_file=str(secret))

    def stopper(kernel: str = "", *, server: str = "", grace: float = 5.0, **over: object) -> GuardedStopper:
        launch = parse_launch(f"jupyter:{server and server + '/'}{kernel or lab.kernel}")
        servers = {"lab": replace(table, **over)} if server else {}  # type: ignore[arg-type]  # as given
        job = JupyterKernel(launch, LocalPlace(clock, tokens), Ladder(grace, 1.0), servers, lab.runtime)
        return GuardedStopper(job, clock)

    return stopper


class KernelStage:
    """A kernel that trains."""

    def __init__(self, lab: Jupyter, make: Make) -> None:
        self._lab, self._make = lab, make

    def stopper(self) -> GuardedStopper:
        return self._make(grace=0.0)

    def start(self) -> None:
        self._lab.train()

    def end(self) -> None:
        self._lab.end()

    def runs(self) -> bool:
        return self._lab.runs()


class TestConformance(StopperConformance):
    """The rules of all stoppers."""

    renewable = False

    @pytest.fixture
    def stage(self, lab: Jupyter, make: Make) -> Stage:
        return KernelStage(lab, make)


def test_a_training_may_save_before_its_kernel_is_shut_down(lab: Jupyter, make: Make) -> None:
    """Interrupted first: its KeyboardInterrupt runs; then the kernel goes, because an idle one holds its memory."""
    lab.train()
    stopper = make(server="lab")
    plan = stopper.plan(stopper.identify())
    assert [step.label.split()[0] for step in plan.steps] == ["Interrupt", "Shut"]
    done = stopper.execute(plan, TOKEN)
    assert done.probe.state is JobState.GONE, done
    assert [result.ok for result in done.results] == [True, True]
    assert (lab.folder / "saved").read_text() == "the last checkpoint"
    assert not lab.runs()


def test_a_kernel_is_found_on_the_servers_of_this_machine(lab: Jupyter, make: Make) -> None:
    """By the files in which they note themselves; the token is read there and shown nowhere."""
    lab.train()
    stopper = make()
    identity = stopper.identify()
    assert identity is not None
    assert identity.facts["server"] == lab.url
    assert lab.token not in repr(stopper.plan(identity))
    assert f"kernel {lab.kernel[:8]} (python3" in identity.label
    lab.end()


def test_kernels_that_are_not_there_are_said(make: Make) -> None:
    """Another id, no id, a server that nobody declared."""
    with pytest.raises(JobNotFoundError, match="No server has this kernel"):
        make(OTHER).identify()
    for launch in ("jupyter:4211", "jupyter:../../api", f"jupyter:{OTHER}x", f"jupyter:lab2/{OTHER}"):
        with pytest.raises(InvalidInputError):
            JupyterKernel(parse_launch(launch), None, Ladder(), {}, Path("/nowhere"))  # type: ignore[arg-type]


def test_a_wrong_token_and_a_token_that_others_can_read_are_refused(lab: Jupyter, make: Make, tmp_path: Path) -> None:
    """F-S11: and neither stands in the error."""
    lab.train()
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2hunter2")
    wrong.chmod(0o600)
    with pytest.raises(StopRefusedError, match="does not know our token") as caught:
        make(server="lab", token_file=str(wrong)).identify()
    assert "hunter2" not in str(caught.value)
    wrong.chmod(0o644)
    with pytest.raises(StopRefusedError, match="Others may read"):
        make(server="lab", token_file=str(wrong)).identify()
    lab.end()


def test_a_server_that_is_away_proves_nothing(lab: Jupyter, make: Make) -> None:
    """Nobody knows then whether the kernel is gone: never "stopped"."""
    lab.train()
    stopper = make(server="lab")
    identity = stopper.identify()
    away = make(server="lab", url="http://127.0.0.1:9")
    with pytest.raises(HostUnreachableError):
        away.identify()
    assert away.probe(identity).state is JobState.UNKNOWN
    lab.end()


def test_a_redirect_is_not_followed() -> None:
    """F-S11: a token goes to the server that it was given for, and to no other."""
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/stolen")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        answer = Server(f"http://127.0.0.1:{server.server_port}", "t").ask("GET", "/api")
        thread.join(30)
    assert (answer.status, asked) == (302, ["/api"])


def test_files_that_are_no_notes_of_a_server_are_passed_over(tmp_path: Path) -> None:
    """Half a file, another program's, an address that is none."""
    (tmp_path / "jpserver-1.json").write_text('{"url": "http://127.0.0.1:1/", "token": "t"}')
    (tmp_path / "jpserver-2.json").write_text('{"url": "http')
    (tmp_path / "jpserver-3.json").write_text('{"other": 1}')
    (tmp_path / "jpserver-4.json").write_text('{"url": "file:///etc/passwd", "token": "t"}')
    assert servers_here(tmp_path) == [Server("http://127.0.0.1:1", "t")]
