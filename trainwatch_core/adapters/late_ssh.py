"""The SSH room, entered when the first host is gone to: most people have none, and its import costs 0.2 s."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainwatch_core.adapters.shell import OUTPUT_CAP, Ran
from trainwatch_core.ports import Clock

if TYPE_CHECKING:
    from trainwatch_core.adapters.ssh import SshRoom
    from trainwatch_core.adapters.ssh.files import RemoteFiles


class LateSshRoom:
    """Does as `SshRoom` does.

    Args:
        clock: Time.
        hosts: What trainwatch calls a host -> what ~/.ssh/config calls it.
        config: OpenSSH's configuration file; None for that of this user.
    """

    def __init__(self, clock: Clock, hosts: Mapping[str, str], config: Path | None = None) -> None:
        self._clock = clock
        self._hosts = hosts
        self._config = config
        self._lock = threading.Lock()
        self._room: SshRoom | None = None

    def run(
        self,
        host: str,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str],
        cwd: str = "/",
        stdin: bytes = b"",
        keep: int = OUTPUT_CAP,
    ) -> Ran:
        """Run a command on a host.

        Raises:
            HostError: If it was not run.
        """
        room = self._entered()
        return room.run(host, argv, timeout=timeout, environment=environment, cwd=cwd, stdin=stdin, keep=keep)

    @contextmanager
    def files(self, host: str, *, timeout: float) -> Iterator[RemoteFiles]:
        """The files of a host.

        Raises:
            HostError: If it cannot be reached.
        """
        with self._entered().files(host, timeout=timeout) as files:
            yield files

    def host_key(self, host: str, *, timeout: float) -> str:
        """The fingerprint of a host's key.

        Raises:
            HostError: If it cannot be reached.
        """
        return self._entered().host_key(host, timeout=timeout)

    def close(self) -> None:
        """Close all connections."""
        if self._room is not None:
            self._room.close()

    def _entered(self) -> SshRoom:
        with self._lock:
            if self._room is None:
                from trainwatch_core.adapters.ssh import SshRoom  # noqa: PLC0415  # entered when needed

                self._room = SshRoom(self._clock, self._hosts, self._config or Path.home() / ".ssh" / "config")
            return self._room
