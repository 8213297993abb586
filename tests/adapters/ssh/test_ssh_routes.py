"""What OpenSSH's configuration file says of a host."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from trainwatch_core.adapters.ssh.routes import of_jump, route_of
from trainwatch_core.model.errors import InvalidInputError


def written(folder: Path, text: str, name: str = "config") -> Path:
    """A configuration file."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_host_that_nobody_configured_has_the_usual_settings(tmp_path: Path) -> None:
    """Port 22, the same name, the same user; known_hosts beside the configuration and that of the machine."""
    route = route_of("gpu1.example.org", tmp_path / "none")
    assert (route.hostname, route.port, route.user) == ("gpu1.example.org", 22, getpass.getuser())
    assert route.key_name == "gpu1.example.org"
    assert tmp_path / "known_hosts" in route.known_hosts
    assert Path("/etc/ssh/ssh_known_hosts") in route.known_hosts
    assert (route.identity_files, route.jumps, route.agent) == ((), (), True)


def test_the_file_says_everything_else(tmp_path: Path) -> None:
    """Name, port, user, keys, known hosts with blanks in their path, no agent, an alias for the key."""
    route = route_of(
        "gpu1",
        written(
            tmp_path,
            'Host gpu*\n  HostName 10.0.0.7\n  Port 2222\n  User ana\n  IdentityFile /k/a\n  IdentityFile "/k/b c"\n'
            '  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile "/k/known hosts"\n'
            "  GlobalKnownHostsFile none\nHost *\n  User nobody\n",
        ),
    )
    assert (route.hostname, route.port, route.user, route.key_name) == ("10.0.0.7", 2222, "ana", "[10.0.0.7]:2222")
    assert (route.identities_only, route.agent) == (True, False)
    assert route.identity_files[0] == "/k/a"
    assert Path("/etc/ssh/ssh_known_hosts") not in route.known_hosts
    aliased = route_of("x", written(tmp_path, "Host x\n  Port 2222\n  HostKeyAlias cluster\n"))
    assert aliased.key_name == "cluster"


def test_hosts_to_go_through_are_read_in_order(tmp_path: Path) -> None:
    """ProxyJump may name several, with user and port."""
    file = written(tmp_path, "Host gpu1\n  ProxyJump ana@gate:2200,inner\nHost inner\n  User bo\n  Port 23\n")
    route = route_of("gpu1", file)
    assert route.jumps == (("gate", "ana", 2200), ("inner", None, None))
    gate, inner = (of_jump(jump, file) for jump in route.jumps)
    assert (gate.user, gate.port, gate.key_name) == ("ana", 2200, "[gate]:2200")
    assert (inner.user, inner.port) == ("bo", 23)


def test_included_files_are_read(tmp_path: Path) -> None:
    """An included file does not swallow what follows it, and its hosts count."""
    written(tmp_path, "Host gpu1\n  Port 2001\n", "one.conf")
    written(tmp_path, "Host gpu2\n  Port 2002\n", "two.conf")
    file = written(tmp_path, "Include *.conf\nUser ana\nHost gpu3\n  Port 2003\n")
    found = [(route_of(name, file).port, route_of(name, file).user) for name in ("gpu1", "gpu2", "gpu3")]
    assert found == [(2001, "ana"), (2002, "ana"), (2003, "ana")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Host gpu1\n  ProxyCommand nc %h %p\n", "ProxyJump"),
        ("Host gpu1\n  Include more\n", "Include"),
        ("Include config\n", "Include"),
        ("Host gpu1\n  ProxyJump a b\n", "ProxyJump"),
        ("Host gpu1\n  what\n", "cannot be read"),
    ],
)
def test_what_is_not_supported_is_said(tmp_path: Path, text: str, said: str) -> None:
    """Rather than to connect in another way than ssh would."""
    with pytest.raises(InvalidInputError, match=said):
        route_of("gpu1", written(tmp_path, text))
