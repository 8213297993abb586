"""Commands on another machine, against a real sshd."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest

from trainwatch_core.adapters import procfs
from trainwatch_core.adapters.shell import OUTPUT_CAP, Ran
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.model.errors import HostNotTrustedError, HostUnreachableError, InvalidInputError
from trainwatch_core.testing.jobs import gone
from trainwatch_core.testing.sshd import Sshd, make_key
from trainwatch_core.testing.stalling import StallingProxy

pytestmark = pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")

RoomOf = Callable[[Path], SshRoom]
ProxyOf = Callable[..., StallingProxy]
PATH = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def sh(room: SshRoom, script: str, *args: str, timeout: float = 30.0) -> Ran:
    """Run a shell script on gpu1."""
    return room.run("gpu1", ("/bin/sh", "-c", script, "sh", *args), timeout=timeout, environment=PATH)


@pytest.fixture
def proxy_of() -> Iterator[ProxyOf]:
    """Makes proxies that fall silent; ends them."""
    made: list[StallingProxy] = []

    def make(port: int | None, limit: int, pause: float = 0.0) -> StallingProxy:
        made.append(StallingProxy(port, limit, pause))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def through(sshd: Sshd, port: int) -> Path:
    """The server's client configuration, by way of another port."""
    other = sshd.folder / "config.proxy"
    other.write_text(
        sshd.config.read_text(encoding="utf-8").replace(f"Port {sshd.port}", f"Port {port}"), encoding="utf-8"
    )
    known = sshd.known_hosts.read_text(encoding="ascii")
    sshd.known_hosts.write_text(known + known.replace(f":{sshd.port}", f":{port}"), encoding="ascii")
    return other


def test_every_word_arrives_as_it_was_sent(room: SshRoom) -> None:
    """No shell on the way reads quotes, dollars, new lines, globs, or empty words."""
    words = ("a b", "'", '"', "$(id)", "`id`", "\\", "*", "", "a\nb", "!x", "~", "größe", "-n", ";id", "&")
    ran = sh(room, 'printf "[%s]" "$@"', *words)
    assert ran.output.decode() == "".join(f"[{word}]" for word in words)
    assert (ran.exit_code, ran.lost) == (0, False)


def test_what_a_stranger_at_the_port_says_is_told_without_its_secrets(sshd: Sshd, room_of: RoomOf) -> None:
    """F-I06: whatever answers there stands in the error, which goes into a report."""
    secret = "hf_" + "aB3" * 12
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        room = room_of(through(sshd, stranger.getsockname()[1]))

        def chat() -> None:
            connection, _ = stranger.accept()
            with connection, contextlib.suppress(ConnectionError):
                connection.sendall(f"token={secret}\r\n".encode() * 200)
                while connection.recv(1024):
                    pass

        talking = Thread(target=chat, daemon=True)
        talking.start()
        with pytest.raises(HostUnreachableError) as caught:
            sh(room, "true")
        talking.join(30)
    assert "token=" in str(caught.value)
    assert secret not in str(caught.value)


def test_a_command_runs_in_a_room_of_its_own(room: SshRoom) -> None:
    """Its directory is /, its input empty, its environment fixed; both outputs and the exit code come back."""
    ran = sh(room, "pwd; cat; env; echo oops >&2; exit 7")
    lines = ran.output.decode().splitlines()
    assert (lines[0], lines[-1], ran.exit_code) == ("/", "oops", 7)
    assert {line.partition("=")[0] for line in lines[1:-1]} <= {
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
        "LANG",
        "PWD",
        "_",
    } | {
        "SHLVL",
        "OLDPWD",
    }


def test_a_command_reads_what_it_is_given(room: SshRoom) -> None:
    """Input is bytes, whole."""
    given = bytes(range(256)) * 300
    ran = room.run("gpu1", ("/usr/bin/sha256sum",), timeout=30.0, environment=PATH, stdin=given)
    assert ran.output.split()[0].decode() == __import__("hashlib").sha256(given).hexdigest()


def test_one_connection_serves_many_commands(room: SshRoom, sshd: Sshd) -> None:
    """Twenty commands of eight threads, more than sshd allows at once: one connection, all answered."""
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda n: sh(room, f"sleep 0.2; exit {n}", timeout=60.0).exit_code, range(20)))
    assert codes == list(range(20))
    assert sshd.connections == 1


def test_small_commands_are_sent_at_once(room: SshRoom) -> None:
    """The socket does not wait to fill its packets."""
    sh(room, "true")
    client = room._hosts["gpu1"].clients[-1]
    transport = client.get_transport()
    assert transport is not None
    assert isinstance(transport.sock, socket.socket)
    assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_undeclared_host_is_not_connected_to(room: SshRoom) -> None:
    """Whatever a person types in a launch: only hosts of the file are gone to, and the message says how to name one."""
    with pytest.raises(InvalidInputError, match=r"\[hosts.gpu9\]"):
        room.run("gpu9", ("/bin/true",), timeout=5.0, environment=PATH)


def test_an_unknown_host_key_is_refused_with_its_fingerprint(room: SshRoom, sshd: Sshd) -> None:
    """F-S08: a host that nobody pinned is refused, its fingerprint is shown, and it gets no key of ours to see."""
    sshd.trust(None)
    with pytest.raises(HostNotTrustedError, match="not known") as caught:
        sh(room, "true")
    assert fingerprint(sshd.folder / "host_key.pub") in str(caught.value)
    assert "Accepted" not in (sshd.folder / "sshd.log").read_text(encoding="utf-8")
    assert sshd.known_hosts.read_text(encoding="ascii") == ""


def test_a_changed_host_key_is_refused_with_both_fingerprints(room: SshRoom, sshd: Sshd) -> None:
    """F-S08: another key than the pinned one is refused, and both are shown."""
    make_key(sshd.folder / "other")
    sshd.trust(sshd.folder / "other.pub")
    with pytest.raises(HostNotTrustedError, match="has changed") as caught:
        sh(room, "true")
    for name in ("host_key.pub", "other.pub"):
        assert fingerprint(sshd.folder / name) in str(caught.value)
    assert "Accepted" not in (sshd.folder / "sshd.log").read_text(encoding="utf-8")


def test_a_revoked_host_key_is_refused(room: SshRoom, sshd: Sshd) -> None:
    """F-S08: what is marked as revoked is not trusted, also if another line pins it."""
    pinned = sshd.known_hosts.read_text(encoding="ascii")
    sshd.known_hosts.write_text(f"{pinned}\n@revoked * {pinned.split(' ', 1)[1]}", encoding="ascii")
    with pytest.raises(HostNotTrustedError, match="not known"):
        sh(room, "true")


def test_a_key_that_was_taken_back_is_refused_from_the_next_connection_on(room: SshRoom, sshd: Sshd) -> None:
    """F-S08: known_hosts is read at each connection, not once."""
    assert sh(room, "true").exit_code == 0
    sshd.trust(None)
    sshd.drop()
    with pytest.raises(HostNotTrustedError):
        sh(room, "true")


def test_the_host_key_is_part_of_what_is_known(room: SshRoom, sshd: Sshd) -> None:
    """Its fingerprint is the one that ssh-keygen tells."""
    assert room.host_key("gpu1", timeout=30.0) == fingerprint(sshd.folder / "host_key.pub")


def fingerprint(public: Path) -> str:
    """As OpenSSH says it."""
    said = subprocess.run(["ssh-keygen", "-l", "-f", str(public)], capture_output=True, check=True, text=True)
    return said.stdout.split()[1]


def test_nobody_is_asked_for_a_password(room: SshRoom, sshd: Sshd) -> None:
    """A key that the host does not know is an error that says how to try by hand."""
    (sshd.folder / "authorized_keys").write_text("", encoding="ascii")
    with pytest.raises(HostUnreachableError, match="ssh gpu1 true"):
        sh(room, "true")


def test_a_host_is_reached_through_another_one(sshd: Sshd, tmp_path: Path, room_of: RoomOf) -> None:
    """ProxyJump: both hosts check their own key, and commands run on the last one."""
    inner = Sshd(tmp_path / "inner")
    inner.start()
    try:
        config = tmp_path / "both"
        config.write_text(sshd.stanza("gate") + inner.stanza("far", "  ProxyJump gate\n"), encoding="utf-8")
        room = room_of(config)
        ran = room.run("far", ("/usr/bin/env",), timeout=30.0, environment=PATH)
        assert ran.exit_code == 0
        assert (sshd.connections, inner.connections) == (1, 1)
        assert room.host_key("far", timeout=30.0) == fingerprint(inner.folder / "host_key.pub")
        inner.trust(None)
        inner.drop()
        with pytest.raises(HostNotTrustedError):
            room.run("far", ("/bin/true",), timeout=30.0, environment=PATH)
    finally:
        inner.stop()


def test_a_connection_that_breaks_in_a_command_leaves_its_outcome_open(room: SshRoom, sshd: Sshd) -> None:
    """F-S09: the session dies in the middle: no exit code, said to be lost; the next command has a new connection."""
    ran = sh(room, "echo begun; kill -9 $(ps -o ppid= -p $PPID); sleep 20")
    assert (ran.exit_code, ran.lost) == (None, True)
    assert sh(room, "true").exit_code == 0
    assert sshd.connections == 2


def test_a_dead_kept_connection_is_replaced(room: SshRoom, sshd: Sshd) -> None:
    """A connection that the other side closed while nobody used it costs nothing but a new one."""
    assert sh(room, "true").exit_code == 0
    sshd.drop()
    assert sh(room, "true").exit_code == 0
    assert sshd.connections == 2


@pytest.mark.parametrize(("limit", "pause"), [(0, 0.0), (300, 0.0), (1600, 0.0), (2000, 0.0), (10**6, 0.3)], ids=str)
def test_a_host_that_falls_silent_costs_one_deadline(
    sshd: Sshd, room_of: RoomOf, proxy_of: ProxyOf, limit: int, pause: float
) -> None:
    """F-S10: silent at once, in the key exchange, in the login, or a byte at a time: the deadline holds."""
    room = room_of(through(sshd, proxy_of(sshd.port, limit, pause).port))
    begun = time.monotonic()
    with pytest.raises(HostUnreachableError, match="in time"):
        sh(room, "true", timeout=2.0)
    assert time.monotonic() - begun < 8


def test_a_black_hole_costs_one_deadline(sshd: Sshd, room_of: RoomOf, proxy_of: ProxyOf) -> None:
    """F-S10: a port that accepts and says nothing."""
    room = room_of(through(sshd, proxy_of(None, 0).port))
    begun = time.monotonic()
    with pytest.raises(HostUnreachableError, match="in time"):
        sh(room, "true", timeout=1.0)
    assert time.monotonic() - begun < 7


def test_a_network_that_dies_in_a_command_costs_one_deadline(sshd: Sshd, room_of: RoomOf, proxy_of: ProxyOf) -> None:
    """F-S10: silent in the middle of an output: nobody knows what became of the command."""
    room = room_of(through(sshd, proxy_of(sshd.port, 200_000).port))
    begun = time.monotonic()
    ran = sh(room, "yes 0123456789 | head -c 3000000", timeout=4.0)
    assert time.monotonic() - begun < 10
    assert (ran.exit_code, ran.lost) == (None, True)


@pytest.mark.parametrize("through_first", [0, 60, 120])
def test_a_network_that_dies_before_a_command_has_begun_costs_one_deadline(
    sshd: Sshd, room_of: RoomOf, proxy_of: ProxyOf, through_first: int
) -> None:
    """F-S10: silent when the session is opened, or when the command was handed over and nobody confirms it."""
    proxy = proxy_of(sshd.port, 10**6)
    room = room_of(through(sshd, proxy.port))
    sh(room, "true")
    proxy.left = through_first
    begun = time.monotonic()
    try:
        assert sh(room, "true", timeout=2.0).lost
    except HostUnreachableError as error:
        assert "in time" in str(error)  # noqa: PT017  # either is right: it depends on how far the bytes reach
    assert time.monotonic() - begun < 8


def test_a_file_on_a_network_that_dies_costs_one_deadline(sshd: Sshd, room_of: RoomOf, proxy_of: ProxyOf) -> None:
    """F-S10: the same for reading a file."""
    proxy = proxy_of(sshd.port, 10**6)
    room = room_of(through(sshd, proxy.port))
    begun = time.monotonic()
    with pytest.raises(HostUnreachableError, match="in time"):
        read_when_silent(room, proxy)
    assert time.monotonic() - begun < 9


def read_when_silent(room: SshRoom, proxy: StallingProxy) -> None:
    """Silence begins within the session."""
    with room.files("gpu1", timeout=3.0) as files:
        proxy.left = 0
        files.read("/etc/passwd", 0, 100)


def test_a_file_that_is_not_there_is_no_matter_of_the_network(room: SshRoom, tmp_path: Path) -> None:
    """What the host says of a file stays what it is; what is there is read from any place."""
    (tmp_path / "log").write_bytes(bytes(range(256)) * 1000)
    with room.files("gpu1", timeout=30.0) as files:
        assert files.read(f"{tmp_path}/log", 1000, 100_000) == (bytes(range(256)) * 1000)[1000:101_000]
        assert files.read(f"{tmp_path}/log", 255_990, 100) == bytes(range(246, 256))
        assert (files.stat(f"{tmp_path}/log").size, files.stat(str(tmp_path)).regular) == (256_000, False)
    with pytest.raises(FileNotFoundError), room.files("gpu1", timeout=30.0) as files:
        files.stat(f"{tmp_path}/nothing")


@pytest.mark.parametrize(
    "hang", ["sleep 998", "trap '' TERM; sleep 998", "exec >&- 2>&-; sleep 998", "sleep 998 & sleep 998"]
)
def test_a_command_that_hangs_is_ended_on_the_far_side(room: SshRoom, hang: str) -> None:
    """F-S10: also one that closed its outputs or ignores SIGTERM; nothing of its group lives on."""
    sh(room, "true")
    begun = time.monotonic()
    ran = sh(room, f"echo $$; {hang}", timeout=4.0)
    assert time.monotonic() - begun < 10
    assert ran.exit_code is None
    deadline = time.monotonic() + 10
    shell = int(ran.output)
    while not gone(shell) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(shell)
    assert not [each for each in procfs.processes().values() if each.group == shell and not each.over]


def test_a_flood_is_read_and_cut(room: SshRoom) -> None:
    """F-S10: 6 MB on the error output stall nobody, and the last 64 KiB are kept."""
    ran = sh(room, "head -c 6000000 /dev/zero >&2; echo end >&2; exit 3", timeout=60.0)
    assert (ran.exit_code, ran.written, len(ran.output)) == (3, 6_000_004, OUTPUT_CAP)
    assert ran.output.endswith(b"\0end\n")


def test_a_background_process_that_holds_the_output_is_not_waited_for(room: SshRoom) -> None:
    """The command ended; what it left behind keeps nobody."""
    begun = time.monotonic()
    ran = sh(room, "sleep 15 & echo $!", timeout=60.0)
    assert ran.exit_code == 0
    assert time.monotonic() - begun < 10
    sh(room, f"kill {int(ran.output)}")
