"""Fixtures for adapters that go to other machines: a real sshd on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.testing.sshd import Sshd


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A server that lets us in as `gpu1`."""
    server = Sshd(tmp_path / "sshd")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def room_of() -> Iterator[Callable[[Path], SshRoom]]:
    """Makes rooms on a configuration file; closes them."""
    rooms: list[SshRoom] = []

    def make(config: Path) -> SshRoom:
        rooms.append(SshRoom(SystemClock(), {"gpu1": "gpu1", "far": "far"}, config))
        return rooms[-1]

    yield make
    for room in rooms:
        room.close()


@pytest.fixture
def room(sshd: Sshd, room_of: Callable[[Path], SshRoom]) -> SshRoom:
    """A room in which `gpu1` is that server."""
    return room_of(sshd.config)
