"""Stops a Job of Kubernetes by kubectl: it is suspended, which ends its pods and lets no new ones begin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from trainwatch_core.adapters.stoppers.ladders import Ladder
from trainwatch_core.adapters.stoppers.places import Place
from trainwatch_core.adapters.stoppers.plugin import Looking
from trainwatch_core.config.targets import KubernetesTable
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError, JobNotFoundError, StopRefusedError
from trainwatch_core.model.launch import LOCALHOST, Launch
from trainwatch_core.model.stop import JobIdentity, JobState, Probe, StopStep
from trainwatch_core.report.redact import clean, redact

KIND = "k8s"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_UID = re.compile(r"[0-9a-f-]{36}")
_ENDED = frozenset({"Succeeded", "Failed"})
_KEEP = 8 << 20
_SPARE = 30.0  # seconds that the control plane itself may take
_ASK = "--request-timeout=15s"


class KubernetesJob:
    """A Job, known by its uid. Its pods are those that carry that uid, whatever they are called.

    Args:
        launch: Its host is the namespace (`default` if none is named), its target the Job.
        place: Where kubectl runs.
        ladder: How it is stopped.
        cluster: How kubectl reaches the cluster.

    Raises:
        InvalidInputError: If target or namespace are no names of Kubernetes.
    """

    kind = KIND
    signals: frozenset[str] = frozenset()

    def __init__(self, launch: Launch, place: Place, ladder: Ladder, cluster: KubernetesTable) -> None:
        self._namespace = "default" if launch.host == LOCALHOST else launch.host
        if not _NAME.fullmatch(launch.target) or not _NAME.fullmatch(self._namespace):
            raise InvalidInputError(
                "This is not the name of a Job",
                where=str(launch),
                todo="Give k8s:<namespace>/<job>, see kubectl get jobs",
            )
        self.launch = str(launch)
        self.place = place
        self._name = launch.target
        self._ladder = ladder
        self._cluster = cluster
        self._context = cluster.context or ""
        self._base: tuple[str, ...] = ()

    def find(self) -> JobIdentity:
        """The Job as the cluster shows it now.

        Raises:
            JobNotFoundError: If there is none, or it is over or suspended without pods.
            HostError: If the cluster cannot be asked.
        """
        job = self._job()
        if job is None:
            raise JobNotFoundError(
                "There is no such Job", where=self.launch, todo=f"kubectl -n {self._namespace} get jobs shows them"
            )
        uid = str(job["metadata"]["uid"])
        pods = self._pods(uid)
        over = _over(job)
        if not pods and over:
            raise JobNotFoundError(f"This Job does not run, it is {over}", where=self.launch)
        facts = {"uid": uid, "context": self._context, "namespace": self._namespace, **self.place.facts()}
        named = ", ".join(_named(pod) for pod in pods[:3]) or "none yet"
        label = f"Job {self._namespace}/{self._name} in {self._context}, uid {uid[:8]}, pods: {named}"
        return JobIdentity(KIND, self.place.host, self._name, facts, clean(label, 600))

    def ladder(self, identity: JobIdentity) -> tuple[StopStep, ...]:
        """Suspend the Job if it still has that uid (SIGTERM to its pods), then end its pods by force."""
        how, uid = self._ladder, _uid(identity, self.launch)
        # The cluster itself compares the uid: no Job that was made anew under the name is ever suspended.
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/spec/suspend", "value": True},
        ]
        words = ("patch", "job", self._name, "--type=json", f"--patch={json.dumps(patch)}")
        label = f"Suspend Job {self._namespace}/{self._name}, which ends its pods"
        steps = [StopStep(label, argv=(*self._base, *words), wait=how.grace + _SPARE)]
        if how.kill_wait is not None:
            kill = ("delete", "pods", f"--selector=controller-uid={uid}", "--grace-period=0", "--force", "--wait=false")
            force = f"End the pods of Job {self._namespace}/{self._name} by force"
            steps.append(StopStep(force, argv=(*self._base, *kill), wait=how.kill_wait + _SPARE))
        return tuple(steps)

    def proof(self, identity: JobIdentity) -> str:
        """How it is proven that the job is gone."""
        uid = _uid(identity, self.launch)
        return f"no pod of uid {uid[:8]} is left, and its Job is suspended, over or deleted"

    def chase(self, identity: JobIdentity, note: str) -> Looking:
        """Begin to stop or only to look at the Job."""
        del note
        uid = _uid(identity, self.launch)
        return Looking(lambda: self._look(uid))

    def _look(self, uid: str) -> Probe:
        job = self._job()
        pods = self._pods(uid)
        name = f"Job {self._namespace}/{self._name}"
        if pods:
            states = ", ".join(sorted({_state(pod) for pod in pods}))
            lines = tuple(f"pod {_named(pod)}: {_state(pod)}" for pod in pods[:20])
            return Probe(JobState.ALIVE, f"{name}: {len(pods)} pods are left, state={states}", lines)
        if job is None:
            return Probe(JobState.GONE, f"{name}: deleted, no pods are left")
        if job["metadata"]["uid"] != uid:
            return Probe(JobState.REPLACED, f"{name}: another Job has the name now, no pods of this one are left")
        over = _over(job)
        if not over:
            return Probe(JobState.ALIVE, f"{name}: no pods now, but it will start new ones, state=active")
        return Probe(JobState.GONE, f"{name}: {over}, no pods are left")

    def _job(self) -> dict[str, Any] | None:
        self._reach()
        found = self._asked("get", "job", self._name)
        if found is None or found.get("kind") == "List":
            return None
        if not _UID.fullmatch(str(found.get("metadata", {}).get("uid", ""))):
            raise HostUnreachableError("The cluster's answer is no Job", where=self._context)
        return found

    def _pods(self, uid: str) -> list[dict[str, Any]]:
        found = self._asked("get", "pods", f"--selector=controller-uid={uid}") or {}
        pods = [pod for pod in found.get("items", ()) if isinstance(pod, dict)]
        return [pod for pod in pods if pod.get("status", {}).get("phase") not in _ENDED]

    def _asked(self, *words: str) -> dict[str, Any] | None:
        """The JSON that kubectl prints; None if there is no such thing."""
        ran = self.place.run((*self._base, *words, "--output=json"), keep=_KEEP)
        said = ran.output.decode("utf-8", "replace")
        if ran.exit_code == 0:
            try:
                found = json.loads(said[said.index("{") :])
            except ValueError:
                found = None
            if isinstance(found, dict):
                return found
        elif ran.exit_code is not None and "(NotFound)" in said:
            return None
        raise HostUnreachableError(f"The cluster gives no answer: {clean(redact(said), 200)}", where=self._context)

    def _reach(self) -> None:
        """How kubectl is called: the context is always named, so that another current one changes nothing."""
        if self._base:
            return
        kubectl = self.place.program("kubectl")
        config = (f"--kubeconfig={self._cluster.kubeconfig}",) if self._cluster.kubeconfig else ()
        if not self._context:
            ran = self.place.run((kubectl, *config, "config", "current-context"))
            self._context = ran.output.decode("utf-8", "replace").strip()
            if ran.exit_code != 0 or not self._context:
                raise HostUnreachableError(
                    "kubectl has no current context", where=self.place.host, todo="Set [kubernetes] context"
                )
        self._base = (kubectl, *config, f"--context={self._context}", f"--namespace={self._namespace}", _ASK)


def _over(job: Mapping[str, Any]) -> str:
    """Why a Job starts no more pods; empty if it may."""
    conditions = job.get("status", {}).get("conditions") or ()
    for each in conditions:
        if each.get("type") in {"Complete", "Failed"} and each.get("status") == "True":
            return str(each["type"]).lower()
    if job["metadata"].get("deletionTimestamp"):
        return "being deleted"
    return "suspended" if job.get("spec", {}).get("suspend") else ""


def _state(pod: Mapping[str, Any]) -> str:
    leaving = pod.get("metadata", {}).get("deletionTimestamp")
    phase = clean(str(pod.get("status", {}).get("phase", "unknown")), 20)
    return f"Terminating (since {clean(str(leaving), 30)})" if leaving else phase


def _named(pod: Mapping[str, Any]) -> str:
    node = pod.get("spec", {}).get("nodeName")
    return clean(str(pod.get("metadata", {}).get("name", "?")) + (f" on {node}" if node else ""), 120)


def _uid(identity: JobIdentity, launch: str) -> str:
    uid = identity.facts.get("uid", "")
    if not _UID.fullmatch(uid):
        raise StopRefusedError("The identity names no Job", where=launch)
    return uid
