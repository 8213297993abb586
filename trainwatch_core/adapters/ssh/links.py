"""One connection to one host, and everything about it bounded by one deadline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko

from trainwatch_core.adapters.ssh.routes import Route
from trainwatch_core.adapters.ssh.trust import RefuseUnknown, changed_key, pin
from trainwatch_core.model.errors import HostUnreachableError
from trainwatch_core.report.redact import clean, redact

Left = Callable[[], float]
"""How many seconds are left until the deadline; 0 or less when it is over."""

_KEEPALIVE = 15


@contextmanager
def given_up(left: Left, give_up: Callable[[], None]) -> Iterator[None]:
    """Call `give_up` from a thread of its own when the deadline is over before the block is.

    paramiko's own time-outs cover single waits: `recv_exit_status` has none, a full window or a new key exchange can
    block a send for ever. What always works is to take the connection away from under it.
    """
    timer = threading.Timer(max(left(), 0.001), give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def told(route: Route, left: Left) -> Iterator[None]:
    """Errors of the network and of paramiko, in our words.

    Raises:
        HostNotTrustedError: If the host showed a key that is not trusted.
        HostUnreachableError: For everything else.
    """
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise changed_key(route, error) from error
    except (OSError, EOFError, paramiko.SSHException, ValueError) as error:
        raise HostUnreachableError(
            "The host did not answer in time" if left() <= 0 else f"The host cannot be reached: {_words(error)}",
            where=f"{route.alias}: {route.user}@{route.hostname}:{route.port}",
            todo=f"As the user of trainwatch, this must work without a question: ssh {route.alias} true",
        ) from error


def connect(route: Route, left: Left, through: paramiko.SSHClient | None) -> paramiko.SSHClient:
    """Open a connection: pinned keys only, the agent and key files of the configuration, never a password.

    Args:
        route: The host.
        left: The deadline.
        through: A connection to the host to go through; None to go straight.

    Raises:
        HostNotTrustedError: If the host showed a key that is not trusted. No key of ours was offered to it.
        HostUnreachableError: If there is no connection when the deadline is over, or it was refused.
    """
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(RefuseUnknown(route))
    pin(client, route)
    with told(route, left):
        sock = _socket(route, left, through)
        try:
            with given_up(left, lambda: _take_away(client, sock)):
                _log_in(client, route, left, sock)
        except BaseException:
            _take_away(client, sock)
            raise
    return client


def _socket(route: Route, left: Left, through: paramiko.SSHClient | None) -> socket.socket | paramiko.Channel:
    if through is not None:
        return transport_of(through).open_channel(
            "direct-tcpip", (route.hostname, route.port), ("127.0.0.1", 0), timeout=max(left(), 0.1)
        )
    sock = socket.create_connection((route.hostname, route.port), timeout=max(left(), 0.1))
    # Without it each small request waits for the acknowledgement of the one before: 44 ms instead of 2.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _log_in(client: paramiko.SSHClient, route: Route, left: Left, sock: socket.socket | paramiko.Channel) -> None:
    wait = max(left(), 0.1)
    client.connect(
        # With a socket given, name and port only say under which name the pinned key stands.
        route.key_name,
        username=route.user,
        key_filename=list(route.identity_files),  # type: ignore[arg-type]  # one or a list, says its documentation
        allow_agent=route.agent,
        look_for_keys=not route.identities_only and not route.identity_files,
        sock=sock,
        timeout=wait,
        banner_timeout=wait,
        auth_timeout=wait,
        channel_timeout=wait,
    )
    transport_of(client).set_keepalive(_KEEPALIVE)


def transport_of(client: paramiko.SSHClient) -> paramiko.Transport:
    """The transport of a client that is connected.

    Raises:
        EOFError: If it is not (any more).
    """
    transport = client.get_transport()
    if transport is None or not transport.is_active():
        raise EOFError("the connection is closed")
    return transport


def _take_away(client: paramiko.SSHClient, sock: socket.socket | paramiko.Channel) -> None:
    sock.close()
    client.close()


def _words(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return clean(redact(said or type(error).__name__), 300)
