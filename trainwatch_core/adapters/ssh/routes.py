"""How a host is reached: what OpenSSH's own configuration file says of it."""

from __future__ import annotations

import getpass
import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import paramiko

from trainwatch_core.model.errors import InvalidInputError

_PORT = 22
_MOST_FILES = 64
_WORDS = re.compile(r'"([^"]*)"|(\S+)')
_JUMP = re.compile(r"(?:([^@,\s]+)@)?(\[[^\]]+\]|[^:,\s]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Route:
    """How one host is reached.

    Attributes:
        alias: What the person calls it.
        hostname: What is connected to.
        port: TCP port.
        user: Who we are there.
        key_name: Under which name known_hosts has its key.
        known_hosts: Files with keys that are trusted.
        identity_files: Private keys to try; empty for the usual ones.
        identities_only: Whether no others are tried, be they in the agent or in ~/.ssh.
        agent: Whether an agent may be asked.
        jumps: Hosts to go through, the first one first: alias, user and port as written (None: as configured).
    """

    alias: str
    hostname: str
    port: int
    user: str
    key_name: str
    known_hosts: tuple[Path, ...]
    identity_files: tuple[str, ...] = ()
    identities_only: bool = False
    agent: bool = True
    jumps: tuple[tuple[str, str | None, int | None], ...] = ()


def route_of(alias: str, config: Path) -> Route:
    """Look a host up in a configuration file such as ~/.ssh/config; what that does not say has OpenSSH's defaults.

    Raises:
        InvalidInputError: If the file cannot be read, or wants what is not supported here.
    """
    try:
        parsed = paramiko.SSHConfig.from_text("\n".join(_lines(config, config.parent)))
        found: Mapping[str, Any] = parsed.lookup(alias)
    except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
        raise InvalidInputError(f"The SSH configuration cannot be read: {error}", where=str(config)) from error
    if found.get("proxycommand") not in {None, "none"}:
        raise InvalidInputError(
            "ProxyCommand is not supported",
            where=f"Host {alias} in {config}",
            todo="Use ProxyJump <host>, which does the same without a program in between",
        )
    hostname, port = str(found.get("hostname", alias)), int(found.get("port", _PORT))
    by_port = hostname if port == _PORT else f"[{hostname}]:{port}"
    return Route(
        alias=alias,
        hostname=hostname,
        port=port,
        user=str(found.get("user", getpass.getuser())),
        key_name=str(found.get("hostkeyalias", by_port)),
        known_hosts=_known_hosts(found, config.parent),
        identity_files=tuple(found.get("identityfile", ())),
        identities_only=found.get("identitiesonly") == "yes",
        agent=found.get("identityagent") != "none",
        jumps=_jumps(str(found.get("proxyjump", "none")), alias, config),
    )


def of_jump(jump: tuple[str, str | None, int | None], config: Path) -> Route:
    """The route to a host that another one is reached through."""
    alias, user, port = jump
    route = route_of(alias, config)
    if port is not None and port != route.port:
        route = replace(route, port=port, key_name=f"[{route.hostname}]:{port}")
    return route if user is None else replace(route, user=user)


def _known_hosts(found: Mapping[str, Any], home: Path) -> tuple[Path, ...]:
    usual = {
        "userknownhostsfile": f"{home}/known_hosts {home}/known_hosts2",
        "globalknownhostsfile": "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2",
    }
    words = [word for key, default in usual.items() for word in _split(str(found.get(key, default)))]
    return tuple(Path(word).expanduser() for word in words if word != "none")


def _jumps(text: str, alias: str, config: Path) -> tuple[tuple[str, str | None, int | None], ...]:
    if text == "none":
        return ()
    found = [_JUMP.fullmatch(part.strip().removeprefix("ssh://")) for part in text.split(",")]
    if not all(found):
        raise InvalidInputError(
            "ProxyJump cannot be read", where=f"Host {alias} in {config}", todo="[user@]host[:port]"
        )
    return tuple((each[2].strip("[]"), each[1], int(each[3]) if each[3] else None) for each in found if each)


def _lines(file: Path, home: Path, depth: int = 0) -> Iterator[str]:
    """The lines of a configuration file with those that it includes, which paramiko does not do.

    After an included file its last Host no longer holds, so the whole is what OpenSSH reads as long as files are
    included before the first Host or Match, as they are almost everywhere.
    """
    if not file.exists() and depth == 0:
        return
    within = False
    for line in file.read_text(encoding="utf-8").splitlines():
        words = _split(line.replace("=", " ", 1))
        keyword = words[0].lower() if words else ""
        within = within or keyword in {"host", "match"}
        if keyword != "include":
            yield line
            continue
        if within or depth > 8:  # noqa: PLR2004  # files that include each other
            raise InvalidInputError(
                "Include is supported before the first Host or Match only", where=str(file), todo="Move it to the top"
            )
        for name in words[1:]:
            pattern = str(home / Path(name).expanduser())
            for each in sorted(glob.glob(pattern))[:_MOST_FILES]:  # noqa: PTH207  # an absolute pattern
                yield from _lines(Path(each), home, depth + 1)
                yield "Host *"


def _split(text: str) -> list[str]:
    return [quoted or word for quoted, word in _WORDS.findall(text.partition("#")[0] if text[:1] == "#" else text)]
