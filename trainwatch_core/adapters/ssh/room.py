"""The machines of `[hosts]`: commands and files there, by one kept connection for each."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import paramiko

from trainwatch_core.adapters.shell import OUTPUT_CAP, Ran
from trainwatch_core.adapters.ssh.files import RemoteFiles
from trainwatch_core.adapters.ssh.links import Left, connect, given_up, told, transport_of
from trainwatch_core.adapters.ssh.routes import Route, of_jump, route_of
from trainwatch_core.model.errors import HostUnreachableError, InvalidInputError
from trainwatch_core.ports import Clock

_T = TypeVar("_T")

_PIECE = 65536
_POLL = 0.1
_AT_ONCE = 8  # sessions of one connection: sshd allows 10 (MaxSessions)
_MARGIN = 2.0  # seconds before our own deadline at which the command is ended on the far side
_ENDED_BY_TIMEOUT = frozenset({124, 137})  # exit codes of timeout(1): ended by SIGTERM, by SIGKILL
_HOME = 'HOME="$HOME" USER="$USER" LOGNAME="$LOGNAME"'


class _Host:
    """What is kept of one host."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sessions = threading.BoundedSemaphore(_AT_ONCE)
        self.clients: tuple[paramiko.SSHClient, ...] = ()  # the host's last, before it those to go through

    def close(self) -> None:
        for each in reversed(self.clients):
            each.close()
        self.clients = ()


class SshRoom:
    """Runs commands and reads files on other machines. May be used from any thread.

    Args:
        clock: Time.
        hosts: What trainwatch calls a host -> what ~/.ssh/config calls it. Others are not connected to.
        config: OpenSSH's configuration file, which has everything else.
    """

    def __init__(self, clock: Clock, hosts: Mapping[str, str], config: Path) -> None:
        self._clock = clock
        self._names = dict(hosts)
        self._config = config
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

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
        """Run a command on a host: every word quoted, a fixed environment, an output that is bounded.

        Shortly before the deadline timeout(1) ends the command's process group on the far side, which would otherwise
        live on. At the deadline the connection is taken away, whatever hangs.

        Args:
            host: Its name in `[hosts]`.
            argv: Absolute path of the program and its arguments.
            timeout: Seconds that all of it may take, to connect included.
            environment: All of the command's environment but HOME, USER and LOGNAME, which are the host's.
            cwd: Its working directory.
            stdin: What it reads.
            keep: How many bytes of output are kept, the last ones.

        Returns:
            How it came out. The exit code is None if it was ended at its deadline, or if the connection was lost after
            it was sent (`lost`): nobody knows then what became of it.

        Raises:
            InvalidInputError: If the host is not in `[hosts]`, or ~/.ssh/config cannot be used.
            HostError: If it was not run.
        """
        begun = self._clock.monotonic()
        left = self._until(timeout)
        with self._session(host, left, lambda on: on.open_session(timeout=max(left(), 0.1))) as (client, channel):
            output, within = _Output(keep), max(1, int(left() - _MARGIN))
            try:
                with given_up(left, client.close):
                    code = _talk(channel, command_line(argv, environment, cwd, within=within), stdin, output, left)
            except (OSError, EOFError, paramiko.SSHException):
                # From here on it may have been carried out, in whole or in part.
                code = None
            finally:
                channel.close()
        seconds = self._clock.monotonic() - begun
        ended = code in _ENDED_BY_TIMEOUT and seconds >= within
        return Ran(None if ended else code, bytes(output.kept), output.written, seconds, lost=code is None)

    @contextmanager
    def files(self, host: str, *, timeout: float) -> Iterator[RemoteFiles]:
        """The files of a host, by SFTP, until the block ends or the deadline is over.

        Raises:
            InvalidInputError: If the host is not in `[hosts]`, or ~/.ssh/config cannot be used.
            HostError: If it cannot be reached, or no longer in the block.
            OSError: What the host says of a file: not found, no right to read it.
        """
        left = self._until(timeout)
        with self._session(host, left, _sftp) as (client, sftp), given_up(left, client.close):
            try:
                yield RemoteFiles(sftp, host)
            except (EOFError, paramiko.SSHException, ConnectionError) as error:
                what = "The host did not answer in time" if left() <= 0 else "The connection to the host was lost"
                raise HostUnreachableError(what, where=host) from error
            except OSError as error:
                # A connection that was taken away shows as "Socket is closed", without a number.
                if left() > 0 and error.errno is not None:
                    raise
                raise HostUnreachableError("The host did not answer in time", where=host) from error
            finally:
                sftp.close()

    def host_key(self, host: str, *, timeout: float) -> str:
        """The fingerprint of the pinned key that a host has proven to have, e.g. `SHA256:...`.

        Raises:
            InvalidInputError: If the host is not in `[hosts]`, or ~/.ssh/config cannot be used.
            HostError: If it cannot be reached.
        """
        with self._session(host, self._until(timeout), _host_key) as (_, key):
            return key

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for each in self._hosts.values():
                each.close()
            self._hosts.clear()

    def _until(self, timeout: float) -> Left:
        deadline = self._clock.monotonic() + timeout
        return lambda: deadline - self._clock.monotonic()

    @contextmanager
    def _session(
        self, host: str, left: Left, begin: Callable[[paramiko.Transport], _T]
    ) -> Iterator[tuple[paramiko.SSHClient, _T]]:
        """A connection to a host, and what `begin` makes on it."""
        if host not in self._names:
            raise InvalidInputError(
                "This host is not one that trainwatch may connect to",
                where=host,
                todo=f'Declare it in trainwatch.toml: [hosts.{host}] with ssh = "<its name in ~/.ssh/config>"',
            )
        route = route_of(self._names[host], self._config)
        with self._lock:
            kept = self._hosts.setdefault(host, _Host())
        if not kept.sessions.acquire(timeout=max(left(), 0.1)):
            raise HostUnreachableError("Too much is going on with this host at the same time", where=host)
        try:
            with told(route, left):
                begun = self._begin(kept, route, left, begin)
            yield begun
        finally:
            kept.sessions.release()

    def _begin(
        self, kept: _Host, route: Route, left: Left, begin: Callable[[paramiko.Transport], _T]
    ) -> tuple[paramiko.SSHClient, _T]:
        """Begin something on the kept connection; on a new one if that is dead, which shows now at the latest."""
        client, fresh = self._connected(kept, route, left)
        while True:
            try:
                with given_up(left, client.close):
                    return client, begin(transport_of(client))
            except (OSError, EOFError, paramiko.SSHException):
                client.close()
                if fresh or left() <= 0:
                    raise
            client, fresh = self._connected(kept, route, left)

    def _connected(self, kept: _Host, route: Route, left: Left) -> tuple[paramiko.SSHClient, bool]:
        """The connection to a host, and whether it is a new one."""
        if not kept.lock.acquire(timeout=max(left(), 0.1)):
            raise TimeoutError("another thread still tries to connect")
        try:
            with suppress(EOFError, IndexError):
                transport_of(kept.clients[-1])
                return kept.clients[-1], False
            kept.close()
            for jump in route.jumps:
                self._step(kept, of_jump(jump, self._config), left)
            return self._step(kept, route, left), True
        except BaseException:
            kept.close()
            raise
        finally:
            kept.lock.release()

    def _step(self, kept: _Host, route: Route, left: Left) -> paramiko.SSHClient:
        """One host further on the way."""
        client = connect(route, left, kept.clients[-1] if kept.clients else None)
        kept.clients += (client,)
        return client


def _sftp(transport: paramiko.Transport) -> paramiko.SFTPClient:
    sftp = paramiko.SFTPClient.from_transport(transport)
    if sftp is None:
        raise EOFError("the host has no SFTP")
    return sftp


def _host_key(transport: paramiko.Transport) -> str:
    return str(transport.get_remote_server_key().fingerprint)


class _Output:
    """The end of what a command writes."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.kept = bytearray()
        self.written = 0

    def add(self, piece: bytes) -> None:
        self.written += len(piece)
        self.kept += piece
        del self.kept[: -self._keep]


def command_line(argv: Sequence[str], environment: Mapping[str, str], cwd: str, *, within: int) -> str:
    """The one line that the login shell of the far side reads; no word of ours means anything to it."""
    fixed = " ".join(shlex.quote(f"{name}={value}") for name, value in sorted(environment.items()))
    words = " ".join(shlex.quote(word) for word in argv)
    return f"cd {shlex.quote(cwd)} && exec env -i {_HOME} {fixed} timeout -k 1 {within} {words}"


def _talk(channel: paramiko.Channel, line: str, stdin: bytes, output: _Output, left: Left) -> int | None:
    """Run a command line and read what it writes until it has ended; None if the connection was lost before."""
    channel.set_combine_stderr(True)
    channel.exec_command(line)
    if stdin:
        channel.sendall(stdin)
    channel.shutdown_write()
    while left() > 0:
        channel.settimeout(min(_POLL, max(left(), 0.001)))
        try:
            piece = channel.recv(_PIECE)
        except TimeoutError:
            if channel.exit_status_ready():
                break  # a process in the background holds the output open; it is not waited for
            continue
        if not piece:
            break
        output.add(piece)
    while left() > 0 and not channel.exit_status_ready():
        channel.status_event.wait(_POLL)
    code = channel.recv_exit_status() if channel.exit_status_ready() else -1
    # -1: the channel was closed without an exit status.
    return None if code < 0 else code
