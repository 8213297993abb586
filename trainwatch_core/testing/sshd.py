"""A real sshd on the loopback interface, one process for each connection, without a port that was guessed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from trainwatch_core.adapters import procfs

SSHD = "/usr/sbin/sshd"
"""sshd insists on being started by its absolute path."""

_WITHIN = 30.0


class Sshd:
    """An SSH server with a host key of its own and one user: us. `start` it; `stop` ends all of it.

    Args:
        folder: Where its keys and files are made.
        more: Further lines of its configuration.

    Attributes:
        port: Where it listens.
        config: A configuration file for clients, with the host `gpu1`.
        home: The home directory of those who log in.
        known_hosts: The keys that the clients of that file trust.
        connections: How many there were.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.config = folder / "config"
        self.known_hosts = folder / "known_hosts"
        self.home = folder / "home"
        self.connections = 0
        self._more = more
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._children: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Make keys and files, and listen."""
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        for name in ("host_key", "id"):
            make_key(self.folder / name)
        shutil.copy(self.folder / "id.pub", self.folder / "authorized_keys")
        (self.folder / "sshd_config").write_text(
            f"HostKey {self.folder}/host_key\nAuthorizedKeysFile {self.folder}/authorized_keys\nUsePAM no\n"
            f"StrictModes no\nPasswordAuthentication no\nPidFile none\nSubsystem sftp internal-sftp\n"
            f"SetEnv HOME={self.home}\n{self._more}\n",
            encoding="utf-8",
        )
        self.trust(self.folder / "host_key.pub")
        self.config.write_text(self.stanza("gpu1"), encoding="utf-8")
        self._thread.start()

    def stanza(self, name: str, more: str = "") -> str:
        """What ~/.ssh/config would say of this server."""
        return (
            f"Host {name}\n  HostName 127.0.0.1\n  Port {self.port}\n  User {pwd.getpwuid(os.getuid()).pw_name}\n"
            f"  IdentityFile {self.folder}/id\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile none\n{more}\n"
        )

    def trust(self, key: Path | None) -> None:
        """Pin a host key for this server; None for no key."""
        line = f"[127.0.0.1]:{self.port} {key.read_text(encoding='ascii')}" if key else ""
        self.known_hosts.write_text(line, encoding="ascii")

    def drop(self) -> None:
        """Cut all connections, as a network does that goes away: nobody says goodbye."""
        for child in self._children:
            for each in procfs.descendants(procfs.processes(), child.pid):
                if procfs.command_of(each.pid).startswith("sshd"):
                    procfs.send(each, signal.SIGKILL)
            child.kill()
            child.wait(_WITHIN)
        self._children.clear()

    def stop(self) -> None:
        """End the server and all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_WITHIN)
        self.drop()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), (self.folder / "sshd.log").open("ab") as log:
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection:
                    argv = [SSHD, "-i", "-e", "-f", str(self.folder / "sshd_config")]
                    ends = connection.fileno()
                    self._children.append(subprocess.Popen(argv, stdin=ends, stdout=ends, stderr=log))  # noqa: S603


def make_key(path: Path) -> None:
    """A new key pair without a passphrase, at `path` and `path`.pub."""
    keygen = shutil.which("ssh-keygen") or "ssh-keygen"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=_WITHIN)  # noqa: S603
