"""A server in front of another one that falls silent after so many bytes: what a broken network looks like."""

from __future__ import annotations

import contextlib
import socket
import threading

_PIECE = 4096


class StallingProxy:
    """Passes bytes on to a port of this machine and back, until the server has said `limit` bytes; then it is silent.

    Nobody is told and nothing is closed, as when a firewall forgets a connection. Ends with `stop`.

    Args:
        port: Of the server; None for one that never says anything.
        limit: Bytes of the server that come through, all connections together.
        pause: Seconds between two bytes of the server: a tarpit.

    Attributes:
        port: Where the proxy listens.
        left: Bytes that still come through; may be set anew.
    """

    def __init__(self, port: int | None, limit: int, pause: float = 0.0) -> None:
        self._to = port
        self.left = limit
        self._pause = pause
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets = [self._listener]
        self._spawn(self._serve)

    def stop(self) -> None:
        """Close everything."""
        self._over.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _spawn(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if self._to is not None:
                    server = socket.create_connection(("127.0.0.1", self._to))
                    self._sockets.append(server)
                    self._spawn(self._pass_on, client, server)
                    self._spawn(self._pass_back, server, client)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(_PIECE):
                server.sendall(piece)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(1 if self._pause else _PIECE):
                client.sendall(piece[: max(0, self.left)])
                self.left -= len(piece)
                self._over.wait(self._pause)
