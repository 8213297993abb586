"""A stand-in for the Jobs API of a Ray cluster: real processes behind it, answers as Ray's documentation has them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "cluster-token"  # noqa: S105  # of the stand-in


class FakeRay:
    """A cluster in which jobs are processes of this machine.

    Attributes:
        url: Its address.
        stubborn: Whether it only says that it stops a job.
        broken: Whether it answers nothing that could be read.
    """

    def __init__(self) -> None:
        self.stubborn = self.broken = False
        self._jobs: dict[str, tuple[subprocess.Popen[bytes], int]] = {}
        self._stopped: set[int] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the cluster and its jobs."""
        for process, _ in self._jobs.values():
            process.kill()
            process.wait()
        self._http.shutdown()
        self._http.server_close()

    def start(self, ident: str) -> None:
        """Submit a job."""
        self._jobs[ident] = (subprocess.Popen(["/bin/sleep", "900"]), time.time_ns())

    def end(self, ident: str) -> None:
        """Let a job end by itself."""
        process, _ = self._jobs[ident]
        process.terminate()
        process.wait()

    def runs(self, ident: str) -> bool:
        """Whether its process is there."""
        return self._jobs[ident][0].poll() is None

    def about(self, ident: str) -> dict[str, object] | None:
        """What the API says of a job."""
        if ident not in self._jobs:
            return None
        process, started = self._jobs[ident]
        ended = "STOPPED" if process.pid in self._stopped else "FAILED"
        return {
            "type": "SUBMISSION",
            "submission_id": ident,
            "status": "RUNNING" if process.poll() is None else ended,
            "entrypoint": "python train.py",
            "start_time": started,
        }

    def stop(self, ident: str) -> None:
        """As the API stops a job: not in this moment."""
        process, _ = self._jobs[ident]
        self._stopped.add(process.pid)
        if not self.stubborn:
            process.terminate()


def _handler(ray: FakeRay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            about = ray.about(self.path.rpartition("/")[2])
            self._answer(404 if about is None else 200, about)

        def do_POST(self) -> None:
            ident = self.path.split("/")[-2]
            found = ray.about(ident) is not None
            if found and self._known():
                ray.stop(ident)
            self._answer(200 if found else 404, {"stopped": found})

        def log_message(self, *_words: object) -> None:
            """Quiet."""

        def _known(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def _answer(self, status: int, body: object) -> None:
            data = b"<html>" if ray.broken else json.dumps(body).encode()
            self.send_response(status if self._known() else 401)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
