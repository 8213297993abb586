"""Docker and systemd as fakes: programs that answer as the real ones do, without a daemon; labelled so in tests."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

_COMMON = """#!{python} -SE

import json, sys
state = json.load(open({state!r}))
words = sys.argv[1:]
with open({state!r} + ".log", "a") as log:
    log.write(json.dumps(words) + "\\n")
def keep():
    json.dump(state, open({state!r}, "w"))
def fail(said):
    print(said, file=sys.stderr)
    sys.exit(1)
if state["mode"] == "away":
    fail("Cannot connect to the daemon. Is it running? token=hf_" + "a1B2" * 9)
name = words[-1]
assert words[-2] == "--", words
"""

_DOCKER = """
known = [c for c in state["jobs"] if c["Id"] == name or "/" + name == c["Name"]]
if not known:
    fail("Error: No such container: " + name)
job = known[-1]
def down(code, status="exited"):
    job["State"].update(Running=False, Restarting=False, Status=status, ExitCode=code, Pid=0)
if words[0] == "inspect":
    print(json.dumps([job]))
elif words[0] == "stop" and state["mode"] == "restarting":
    job["State"].update(Running=False, Restarting=True, Status="restarting")
elif words[0] == "stop" and state["mode"] == "stubborn":
    pass
elif words[0] == "stop":
    down(143)
elif words[0] == "kill" and "KILL" in words[1] and state["mode"] != "hung":
    down(137)
elif words[0] == "kill":
    state["signals"].append(words[1])
if words[0] != "inspect":
    print(name)
keep()
"""

_SYSTEMCTL = """
known = [u for u in state["jobs"] if u["Id"] == name]
job = known[-1] if known else dict(
    Id=name, LoadState="not-found", ActiveState="inactive", SubState="dead", InvocationID="", MainPID="0",
    Description=name)
def down(active, sub):
    job.update(ActiveState=active, SubState=sub, MainPID="0")
if words[0] == "show":
    print("\\n".join(key + "=" + value for key, value in job.items()))
elif words[0] == "stop" and state["mode"] == "restarting":
    job.update(ActiveState="activating", SubState="auto-restart")
elif words[0] == "stop" and state["mode"] == "stubborn":
    job.update(ActiveState="deactivating", SubState="stop-sigterm")
elif words[0] == "stop":
    down("inactive", "dead")
elif words[0] == "kill" and "KILL" in words[1]:
    down("failed", "failed")
elif words[0] == "kill":
    state["signals"].append(words[1])
keep()
"""

_SCRIPTS = {"docker": _DOCKER, "systemctl": _SYSTEMCTL}


class FakeDaemon:
    """A daemon of one kind with jobs that do not really run.

    Args:
        kind: `docker` or `systemctl`.
        folder: Where its program and its state are.

    Attributes:
        bin: The folder with its program.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.bin = folder
        self._kind = kind
        self._file = folder / f"{kind}.json"
        self._write({"mode": "obedient", "jobs": [], "signals": []})
        program = folder / kind
        program.write_text(
            _COMMON.format(python=sys.executable, state=str(self._file)) + _SCRIPTS[kind], encoding="utf-8"
        )
        program.chmod(0o755)

    def start(self, name: str) -> None:
        """A job of this name begins to run; it is a new one."""
        state = self._read()
        ident = secrets.token_hex(32 if self._kind == "docker" else 16)
        if self._kind == "docker":
            how = {"Status": "running", "Running": True, "Restarting": False, "Paused": False, "Pid": 4211}
            how |= {"ExitCode": 0, "StartedAt": f"2026-11-25T20:00:00.{len(state['jobs']):09d}Z"}
            job: dict[str, Any] = {"Id": ident, "Name": f"/{name}", "State": how, "Config": {"Image": "train:1"}}
        else:
            job = {"Id": name, "LoadState": "loaded", "ActiveState": "active", "SubState": "running"}
            job |= {"InvocationID": ident, "MainPID": "4211", "Description": "Train <!channel>"}
        state["jobs"].append(job)
        self._write(state)

    def end(self) -> None:
        """The job ends by itself."""
        state = self._read()
        if self._kind == "docker":
            state["jobs"][-1]["State"].update(Running=False, Status="exited", Pid=0)
        else:
            state["jobs"][-1].update(ActiveState="inactive", SubState="dead", MainPID="0")
        self._write(state)

    def behave(self, mode: str) -> None:
        """From now on: obedient, stubborn (does not end when asked), hung, restarting (comes back), away."""
        self._write({**self._read(), "mode": mode})

    def runs(self) -> bool:
        """Whether the last job runs."""
        job = self._read()["jobs"][-1]
        return bool(job["State"]["Running"] if self._kind == "docker" else job["ActiveState"] == "active")

    def asked(self) -> list[list[str]]:
        """What the program was called with, but for questions."""
        lines = Path(f"{self._file}.log").read_text(encoding="utf-8").splitlines()
        return [words for words in map(json.loads, lines) if words[0] not in {"inspect", "show"}]

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._file.read_text(encoding="utf-8")))

    def _write(self, state: dict[str, Any]) -> None:
        self._file.write_text(json.dumps(state), encoding="utf-8")
