"""A real Slurm cluster of one node: munged, slurmctld and slurmd of our own, ended with the test."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("/usr/sbin/munged", "/usr/sbin/mungekey", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "sbatch", "squeue")
"""What it needs of the machine."""

_WITHIN = 90.0
_COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")


class Slurm:
    """One cluster with one node. `start` it; `stop` ends all of it.

    Args:
        folder: Where its files are made.

    Attributes:
        bin: A folder with its commands: the real ones, told which cluster is meant.
        hold: While there is a file of this name, jobs that end stay in the state COMPLETING.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.hold = folder / "hold"
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the daemons and wait until the node is idle.

        Raises:
            AssertionError: If it does not get ready.
        """
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        munge = self.folder / "munge"
        self._call("/usr/sbin/mungekey", "-c", "-k", f"{munge}.key")
        self._daemon(
            "/usr/sbin/munged", "-F", "--force", f"--key-file={munge}.key", f"--socket={munge}.socket",
            f"--pid-file={munge}.pid", f"--log-file={munge}.log", f"--seed-file={munge}.seed",
        )  # fmt: skip
        self._configure()
        epilog = self.folder / "epilog"
        epilog.write_text(f"#!/bin/sh\nwhile [ -e '{self.hold}' ]; do sleep 0.1; done\n", encoding="utf-8")
        epilog.chmod(0o755)
        for command in _COMMANDS:
            script = self.bin / command
            script.write_text(
                f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec /usr/bin/{command} "$@"\n', encoding="ascii"
            )
            script.chmod(0o755)
        conf = f"{self.folder}/slurm.conf"
        self._until(lambda: Path(f"{munge}.socket").exists(), "munged")
        self._daemon("/usr/sbin/slurmctld", "-D", "-f", conf)
        self._daemon("/usr/sbin/slurmd", "-D", "-f", conf, "-N", "node1")
        self._until(lambda: "idle" in self.call("sinfo", "-h", "-o", "%t", check=False), "the node")

    def call(self, command: str, *args: str, check: bool = True) -> str:
        """What a command of the cluster says."""
        return self._call(str(self.bin / command), *args, check=check)

    def stop(self) -> None:
        """End the daemons, and the jobs with them."""
        self.hold.unlink(missing_ok=True)
        with contextlib.suppress(subprocess.SubprocessError, OSError, AssertionError):
            self.call("scancel", "-u", pwd.getpwuid(os.getuid()).pw_name, check=False)
            self._until(lambda: not self.call("squeue", "-h", check=False).strip(), "the end of all jobs")
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(20)

    def log(self) -> str:
        """What the daemons said last."""
        logs = [path.read_text("utf-8", "replace")[-1500:] for path in self.folder.glob("*.log")]
        return "\n".join(logs)

    def _configure(self) -> None:
        # Slurm takes no port 0. Two that are free now will hardly be taken in the next second.
        ports = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as free:
                ports.append(free.getsockname()[1])
        where, host, user = self.folder, socket.gethostname(), pwd.getpwuid(os.getuid()).pw_name
        (where / "slurm.conf").write_text(
            f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={where}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={where}/state
SlurmdSpoolDir={where}/spool
SlurmctldPidFile={where}/slurmctld.pid
SlurmdPidFile={where}/slurmd.pid
SlurmctldLogFile={where}/slurmctld.log
SlurmdLogFile={where}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=2
Epilog={where}/epilog
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_min_interval=100000
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN
PartitionName=main Nodes=node1 Default=YES OverSubscribe=YES
""",
            encoding="ascii",
        )

    def _daemon(self, *argv: str) -> None:
        with (self.folder / f"{Path(argv[0]).name}.out.log").open("ab") as log:
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
            self._daemons.append(
                subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603
            )

    def _call(self, *argv: str, check: bool = True) -> str:
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        if check and ran.returncode:
            raise AssertionError(f"{argv}: {ran.stdout}{ran.stderr}\n{self.log()}")
        return ran.stdout

    def _until(self, ready: object, what: str) -> None:
        deadline = time.monotonic() + _WITHIN
        while not ready():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} does not get ready\n{self.log()}")
            time.sleep(0.1)
