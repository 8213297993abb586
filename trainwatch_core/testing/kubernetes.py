"""A small fake of the Kubernetes API, enough for the real kubectl: one namespace with Jobs and their pods."""

from __future__ import annotations

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NAMESPACE = "train"
_KINDS = {
    "/api/v1": [("pods", "Pod", "pod"), ("namespaces", "Namespace", "namespace")],
    "/apis/batch/v1": [("jobs", "Job", "job")],
}


class FakeKubernetes:
    """An API server with a Job controller that does what it should, or what it is told.

    Attributes:
        kubeconfig: A file for kubectl.
        mode: `obedient`; `stuck`: pods stay Terminating until they are ended by force; `hung`: also then; `away`.
        changes: What was changed: method and path.
    """

    def __init__(self, folder: Path) -> None:
        self.mode = "obedient"
        self.changes: list[tuple[str, str]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.cluster = self
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self.kubeconfig = folder / "kubeconfig"
        port = self._http.server_address[1]
        self.kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "lab",
                    "clusters": [{"name": "lab", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                    "users": [{"name": "bot", "user": {}}],
                    "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "bot"}}],
                }
            ),
            encoding="utf-8",
        )

    def start(self, name: str) -> str:
        """Make a Job with one pod that runs; returns its uid."""
        uid = str(uuid.uuid4())
        with self.lock:
            meta = {"name": name, "namespace": _NAMESPACE, "uid": uid, "creationTimestamp": "2026-11-25T20:00:00Z"}
            job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {}, "status": {"active": 1}}
            self.jobs[name] = job
            self.spawn(job)
        return uid

    def spawn(self, job: dict[str, Any]) -> None:
        """A new pod of a Job, as its controller makes it."""
        uid, name = job["metadata"]["uid"], f"{job['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        labels = {"controller-uid": uid, "job-name": job["metadata"]["name"]}
        meta = {"name": name, "namespace": _NAMESPACE, "uid": str(uuid.uuid4()), "labels": labels}
        self.pods[name] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": {"nodeName": "gpu-7"},
            "status": {"phase": "Running"},
        }

    def finish(self, name: str) -> None:
        """Let a Job end by itself."""
        with self.lock:
            self.jobs[name]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
            for pod in self.of(self.jobs[name]["metadata"]["uid"]):
                pod["status"]["phase"] = "Succeeded"

    def of(self, uid: str) -> list[dict[str, Any]]:
        """The pods of a Job."""
        return [pod for pod in self.pods.values() if pod["metadata"]["labels"]["controller-uid"] == uid]

    def runs(self, name: str) -> bool:
        """Whether a pod of the Job runs."""
        with self.lock:
            return any(pod["status"]["phase"] == "Running" for pod in self.of(self.jobs[name]["metadata"]["uid"]))

    def stop(self) -> None:
        """Answer no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    def leave(self, pod: dict[str, Any], *, force: bool) -> None:
        """What becomes of a pod that is asked to end."""
        if self.mode == "obedient" or (force and self.mode == "stuck"):
            del self.pods[pod["metadata"]["name"]]
        else:
            pod["metadata"]["deletionTimestamp"] = "2026-11-25T20:30:00Z"


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    cluster: FakeKubernetes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, *_args: object) -> None:
        """Be silent."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        with self.server.cluster.lock:
            if self.server.cluster.mode == "away":
                self._status(503, "ServiceUnavailable", "the cluster is away")
            elif url.path in {"/api", "/apis"} or url.path in _KINDS:
                self._say(200, _discovery(url.path))
            elif parts[-2:-1] == ["jobs"]:
                self._thing(self.server.cluster.jobs, parts[-1], "jobs.batch")
            elif parts[-2:-1] == ["pods"]:
                self._thing(self.server.cluster.pods, parts[-1], "pods")
            elif parts[-1] == "pods":
                wanted = parse_qs(url.query)["labelSelector"][0].removeprefix("controller-uid=")
                pods = self.server.cluster.of(wanted)
                self._say(200, {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": pods})
            else:
                self._status(404, "NotFound", "the server could not find the requested resource")

    def do_PATCH(self) -> None:
        cluster, name = self.server.cluster, urlsplit(self.path).path.rpartition("/")[2]
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with cluster.lock:
            job = cluster.jobs[name]
            assert patch[0]["op"] == "test"  # noqa: S101  # nothing else is known here
            if patch[0]["value"] != job["metadata"]["uid"]:
                self._status(422, "Invalid", "the server rejected our request due to an error in our request")
                return
            cluster.changes.append(("PATCH", self.path))
            job["spec"]["suspend"] = patch[1]["value"]
            for pod in cluster.of(job["metadata"]["uid"]):
                cluster.leave(pod, force=False)
            self._say(200, job)

    def do_DELETE(self) -> None:
        cluster, name = self.server.cluster, urlsplit(self.path).path.rpartition("/")[2]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with cluster.lock:
            pod = cluster.pods[name]
            cluster.changes.append(("DELETE", self.path))
            cluster.leave(pod, force=True)
            job = cluster.jobs.get(pod["metadata"]["labels"]["job-name"])
            if job is not None and not job["spec"].get("suspend"):
                cluster.spawn(job)
            self._say(200, pod)

    def _thing(self, things: dict[str, dict[str, Any]], name: str, what: str) -> None:
        if name in things:
            self._say(200, things[name])
        else:
            self._status(404, "NotFound", f'{what} "{name}" not found')

    def _status(self, code: int, reason: str, message: str) -> None:
        said = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "metadata": {}}
        self._say(code, {**said, "message": message, "reason": reason, "code": code})

    def _say(self, code: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _discovery(path: str) -> dict[str, Any]:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        version = {"groupVersion": "batch/v1", "version": "v1"}
        group = {"name": "batch", "versions": [version], "preferredVersion": version}
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
    verbs = ["get", "list", "patch", "delete"]
    resources = [
        {"name": many, "singularName": one, "namespaced": many != "namespaces", "kind": kind, "verbs": verbs}
        for many, kind, one in _KINDS[path]
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": path.split("/", 2)[2],
        "resources": resources,
    }
