"""Which host keys are trusted: those that somebody pinned in known_hosts, and no others, ever."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import paramiko
from paramiko.hostkeys import HostKeyEntry

from trainwatch_core.adapters.ssh.routes import Route
from trainwatch_core.model.errors import HostNotTrustedError

_REVOKED = "@revoked"


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key nobody pinned, and says which key it showed.

    Args:
        route: The host.
    """

    def __init__(self, route: Route) -> None:
        self._route = route

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        """Always refuse.

        Raises:
            HostNotTrustedError: Always.
        """
        del client
        raise HostNotTrustedError(
            f"The key of this host is not known: {key.get_name()} {key.fingerprint}",
            where=f"{self._route.alias} as {hostname}",
            todo=f"If that is its fingerprint, run once, as the user of trainwatch: ssh {self._route.alias} true",
        )


def changed_key(route: Route, error: paramiko.BadHostKeyException) -> HostNotTrustedError:
    """What is raised when a host shows another key than the pinned one."""
    return HostNotTrustedError(
        f"The key of this host has changed: {error.key.get_name()} {error.key.fingerprint}, "
        f"pinned is {error.expected_key.fingerprint}",
        where=f"{route.alias} as {route.key_name}",
        todo="Somebody may stand in between. Ask whoever runs the host; then correct known_hosts",
    )


def pin(client: paramiko.SSHClient, route: Route) -> None:
    """Let a client trust what the known_hosts files of a route say of it, less what is marked as revoked there.

    Raises:
        HostNotTrustedError: If a file cannot be read.
    """
    lines = [line.strip() for file in route.known_hosts for line in _read(file)]
    revoked = {words[3] for line in lines if line.startswith(_REVOKED) and len(words := line.split()) > 3}  # noqa: PLR2004
    for line in lines:
        if not line or line[0] in "#@":
            continue
        try:
            entry = HostKeyEntry.from_line(line)
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey):
            continue  # a line that nobody understands pins nothing
        if entry is not None and entry.key is not None and entry.key.get_base64() not in revoked:
            for name in entry.hostnames or ():
                client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _read(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostNotTrustedError(f"known_hosts cannot be read: {error.strerror}", where=str(file)) from error
