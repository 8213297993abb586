"""A real Jupyter server on the loopback interface with a kernel that trains: from the environment of other trackers."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

WRITERS = Path(f"{sys.prefix}-writers/bin/python")
"""The Python of the environment that has Jupyter."""

_WITHIN = 90.0
_TRAINING = """
import pathlib, time
folder = pathlib.Path({folder!r})
try:
    while True:
        (folder / "alive").write_text(str(time.time()))
        time.sleep(0.05)
except KeyboardInterrupt:
    (folder / "saved").write_text("the last checkpoint")
"""
_SEND = """
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient()
client.load_connection_file(sys.argv[1])
client.start_channels()
client.wait_for_ready(timeout=60)
client.execute(sys.argv[2])
"""


class Jupyter:
    """A server that is started and stopped, and the last kernel that was begun in it.

    Args:
        folder: Where it notes itself and what its trainings write.

    Attributes:
        token: What it wants to be told.
        runtime: Where it notes itself.
        kernel: Id of the last kernel.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.runtime = folder / "runtime"
        self.kernel = ""
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        (file,) = self.runtime.glob("jpserver-*.json")
        return str(json.loads(file.read_text())["url"]).rstrip("/")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
        self._server = subprocess.Popen(  # noqa: S603  # from our own environment
            [str(WRITERS), "-m", "jupyter", "server", *options, f"--IdentityProvider.token={self.token}"],
            cwd=self.folder,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(self.runtime), "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "server.log").open("wb"),
        )
        self._await(lambda: any(self.runtime.glob("jpserver-*.json")) and bool(self._asked("GET", "/api")))

    def stop(self) -> None:
        """End the server, and with it its kernels."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(30)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    def train(self) -> None:
        """Begin a kernel, and a training in it that saves when it is interrupted."""
        for name in ("alive", "saved"):
            (self.folder / name).unlink(missing_ok=True)
        self.kernel = self._asked("POST", "/api/kernels", {"name": "python3"})["id"]
        connection = self.runtime / f"kernel-{self.kernel}.json"
        self._await(connection.exists)
        code = _TRAINING.format(folder=str(self.folder))
        subprocess.run([str(WRITERS), "-c", _SEND, str(connection), code], check=True, timeout=_WITHIN)  # noqa: S603
        self._await((self.folder / "alive").exists)

    def end(self) -> None:
        """Shut the kernel down, as a person does from the notebook."""
        self._asked("DELETE", f"/api/kernels/{self.kernel}")

    def runs(self) -> bool:
        """Whether the server has the kernel."""
        return any(kernel["id"] == self.kernel for kernel in self._asked("GET", "/api/kernels"))

    def _asked(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401  # JSON
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method)  # noqa: S310  # our own server
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # likewise
            text = answer.read()
        return json.loads(text) if text else {}

    def _await(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WITHIN
        while True:
            try:
                if done():
                    return
            except (OSError, ValueError):
                pass
            if time.monotonic() > deadline:
                raise TimeoutError((self.folder / "server.log").read_text()[-2000:])
            time.sleep(0.05)
