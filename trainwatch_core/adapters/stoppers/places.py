"""Where the commands of a stopper run: on this machine, or on a host of `[hosts]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from trainwatch_core.adapters import shell
from trainwatch_core.adapters.machines import LocalMachine, Machine
from trainwatch_core.adapters.remote_machine import RemoteMachine
from trainwatch_core.adapters.shell import OUTPUT_CAP, Ran
from trainwatch_core.adapters.stoppers.remote_tokens import RemoteTokens, remote_place
from trainwatch_core.adapters.stoppers.rungs import SEARCH_PATH, minimal_environment
from trainwatch_core.adapters.stoppers.tokens import Marks, Tokens, once
from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.launch import LOCALHOST
from trainwatch_core.ports import Clock

ASK_WITHIN = 20.0
"""Seconds that a question to a scheduler, a multiplexer or a daemon may take."""

_OF_THE_HOST = frozenset({"HOME", "USER", "LOGNAME"})


class Remote(Protocol):
    """What is needed of the SSH room."""

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
        """Run a command on a host."""
        ...

    def host_key(self, host: str, *, timeout: float) -> str:
        """The fingerprint of a host's key."""
        ...


class Place(Protocol):
    """One machine, as a stopper uses it."""

    @property
    def host(self) -> str:
        """Its name; `localhost` for this machine."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """All the environment that commands get there."""
        ...

    @property
    def marks(self) -> Marks:
        """Where stops that were begun are marked, as near to the job as can be."""
        ...

    @property
    def machine(self) -> Machine:
        """Its processes."""
        ...

    def facts(self) -> Mapping[str, str]:
        """What else must be equal for it to be the same machine.

        Raises:
            HostError: If it cannot be asked.
        """
        ...

    def program(self, name: str) -> str:
        """The absolute path of a program, looked for in fixed folders.

        Raises:
            StopRefusedError: If it is not there.
            HostError: If the machine cannot be asked.
        """
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = ASK_WITHIN,
        environment: Mapping[str, str] | None = None,
        cwd: str = "/",
        keep: int = OUTPUT_CAP,
        mark: str = "",
    ) -> Ran:
        """Run a command, in the environment of this place or another one.

        Args:
            argv: Absolute path of the program and its arguments.
            timeout: Seconds.
            environment: All of its environment; None for that of this place.
            cwd: Its working directory.
            keep: How many bytes of output are kept, the last ones.
            mark: The mark of a rung, made in the same breath; where it is there already nothing is run, and the exit
                code is BEGUN_BEFORE.

        Raises:
            OSError: If it cannot be started (this machine).
            HostError: If it was not run (another machine).
        """
        ...


class LocalPlace:
    """This machine.

    Args:
        clock: Time.
        tokens_dir: Where marks of begun stops are kept.
        folders: Absolute paths of folders that programs are looked for in before the usual ones.
    """

    host = LOCALHOST

    def __init__(self, clock: Clock, tokens_dir: Path, folders: Sequence[str] = ()) -> None:
        self._clock = clock
        self._tokens = Tokens(tokens_dir)
        self.marks: Marks = self._tokens
        self.machine: Machine = LocalMachine()
        self.environment = _with(minimal_environment(), folders)

    def facts(self) -> Mapping[str, str]:
        """Nothing: there is only one of it."""
        return {}

    def program(self, name: str) -> str:
        """The absolute path of a program.

        Raises:
            StopRefusedError: If it is not there.
        """
        found = shell.find(name, self.environment["PATH"])
        if found is None:
            raise _no_program(name, self.host, self.environment["PATH"])
        return found

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = ASK_WITHIN,
        environment: Mapping[str, str] | None = None,
        cwd: str = "/",
        keep: int = OUTPUT_CAP,
        mark: str = "",
    ) -> Ran:
        """Run a command.

        Raises:
            OSError: If it cannot be started.
        """
        room = self.environment if environment is None else environment
        if mark:
            argv = once(argv, str(self._tokens.path(mark).absolute()))
        return shell.run(argv, clock=self._clock, timeout=timeout, environment=room, cwd=cwd, keep=keep)


class RemotePlace:
    """A host of `[hosts]`.

    Args:
        room: The SSH room.
        host: Its name.
        folders: Absolute paths of folders that programs are looked for in before the usual ones.
    """

    def __init__(self, room: Remote, host: str, folders: Sequence[str] = ()) -> None:
        self._room = room
        self.host = host
        self.environment = _with({"PATH": SEARCH_PATH, "LANG": "C.UTF-8"}, folders)
        self.machine: Machine = RemoteMachine(
            host, lambda argv, seconds, keep: self.run(argv, timeout=seconds, keep=keep), remote_place
        )
        self.marks: Marks = RemoteTokens(host, self._write)
        self._programs: dict[str, str] = {}

    def facts(self) -> Mapping[str, str]:
        """The fingerprint of its key.

        Raises:
            HostError: If it cannot be asked.
        """
        return {"host_key": self._room.host_key(self.host, timeout=ASK_WITHIN)}

    def program(self, name: str) -> str:
        """The absolute path of a program.

        Raises:
            StopRefusedError: If it is not there.
            HostError: If the machine cannot be asked.
        """
        if name not in self._programs:
            ran = self.run(("/bin/sh", "-c", 'command -v -- "$1"', "trainwatch", name))
            found = ran.output.decode("utf-8", "replace").strip()
            if ran.exit_code != 0 or not found.startswith("/"):
                raise _no_program(name, self.host, self.environment["PATH"])
            self._programs[name] = found
        return self._programs[name]

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = ASK_WITHIN,
        environment: Mapping[str, str] | None = None,
        cwd: str = "/",
        keep: int = OUTPUT_CAP,
        mark: str = "",
    ) -> Ran:
        """Run a command. HOME, USER and LOGNAME are those of the host.

        Raises:
            HostError: If it was not run.
        """
        if mark:
            argv = once(argv, remote_place(mark))
        room = {k: v for k, v in (environment or self.environment).items() if k not in _OF_THE_HOST}
        return self._room.run(self.host, argv, timeout=timeout, environment=room, cwd=cwd, keep=keep)

    def _write(self, argv: Sequence[str], stdin: bytes) -> Ran:
        return self._room.run(self.host, argv, timeout=ASK_WITHIN, environment=self.environment, stdin=stdin)


def _with(environment: Mapping[str, str], folders: Sequence[str]) -> Mapping[str, str]:
    return {**environment, "PATH": ":".join([*folders, environment["PATH"]])}


def _no_program(name: str, host: str, path: str) -> StopRefusedError:
    return StopRefusedError(
        f"There is no {name} on this machine",
        where=f"{host}: {path}",
        todo="Install it there, or name its folder: path = [...] in [stop], or in [hosts.<name>]",
    )


class Places:
    """This machine and the hosts of `[hosts]`, each made once.

    Args:
        here: This machine.
        room: The SSH room.
        folders: For each host, where its programs are looked for in before the usual folders.
    """

    def __init__(self, here: Place, room: Remote, folders: Mapping[str, Sequence[str]]) -> None:
        self._made: dict[str, Place] = {LOCALHOST: here}
        self._room = room
        self._folders = folders

    def known(self, host: str) -> bool:
        """Whether trainwatch may go there."""
        return host == LOCALHOST or host in self._folders

    def at(self, host: str) -> Place:
        """A machine by its name.

        Raises:
            StopRefusedError: If it is not one that trainwatch may go to.
        """
        if not self.known(host):
            raise StopRefusedError(
                "This host is not one that trainwatch may connect to",
                where=host,
                todo=f'Declare it in trainwatch.toml: [hosts.{host}] with ssh = "<its name in ~/.ssh/config>"',
            )
        if host not in self._made:
            self._made[host] = RemotePlace(self._room, host, self._folders[host])
        return self._made[host]
