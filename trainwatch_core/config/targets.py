"""The tables that say which machines, servers and commands stops may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from trainwatch_core.config import readers
from trainwatch_core.config.readers import Read

CLOSED: Mapping[str, object] = {"extra": "forbid"}

_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.\-]*)\}")

Name = Annotated[str, Read(readers.plain_name)]
Word = Annotated[str, Read(readers.one_line)]
Argv = Annotated[tuple[str, ...], Read(readers.argv)]
RemoteFolder = Annotated[str, Read(readers.remote_folder)]
FilePath = Annotated[str, Read(readers.path)]
Duration = Annotated[float, Read(readers.duration)]
PositiveDuration = Annotated[float, Read(readers.positive_duration)]
SlackId = Annotated[str, Read(readers.slack_id)]
SlackChannel = Annotated[str, Read(readers.slack_channel)]
WholeNumber = Annotated[int, Read(readers.count(-1_000_000_000))]


@dataclass(frozen=True, slots=True)
class HostTable:
    """`[hosts.NAME]`: a machine that trainwatch may go to by SSH. ~/.ssh/config and known_hosts say everything else.

    Attributes:
        ssh: What ~/.ssh/config calls it; None for NAME itself.
        log_roots: Folders there that logs must lie in; empty means that no log is read there.
        notes_roots: Folders there that project notes must lie in; empty means that no note is written there.
        path: Folders there that programs (tmux, scancel, ...) are looked for in before the usual ones.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    ssh: Annotated[str, Read(readers.plain_name)] | None = None
    log_roots: tuple[RemoteFolder, ...] = ()
    notes_roots: tuple[RemoteFolder, ...] = ()
    path: tuple[RemoteFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerTable:
    """`[servers.NAME]`: a Jupyter or Ray server.

    Attributes:
        url: Its address.
        token_file: A file that only its owner may read, with the server's token; None if it wants none.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    url: Annotated[str, Read(readers.base_url)]
    token_file: FilePath | None = None


@dataclass(frozen=True, slots=True)
class KubernetesTable:
    """`[kubernetes]`: how kubectl reaches the cluster.

    Attributes:
        kubeconfig: The file with its address and our credentials; None for kubectl's own.
        context: The context in it; None for the current one, whose name is part of a job's identity either way.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    kubeconfig: FilePath | None = None
    context: Annotated[str, Read(readers.argument)] | None = None


@dataclass(frozen=True, slots=True)
class ParamTable:
    """`params = { NAME = { ... } }`: what may be put into the words of a command.

    Attributes:
        type: `int` for a whole number, `word` for letters, digits and `_.@%+=~:/-` that do not begin with `-`.
        min: The smallest number; None for 1.
        max: The largest number; None for no bound.
        choices: The words that are allowed; empty for all.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    type: Annotated[str, Read(readers.param_type)]
    min: WholeNumber | None = None
    max: WholeNumber | None = None
    choices: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifyTable:
    """`verify = { ... }`: the command that shows whether the job is gone.

    Attributes:
        argv: The command.
        gone_if: `stdout_empty`: exit code 0 and no output; `exit_nonzero`: any exit code but 0.
        within: Seconds that the job may take to be gone after a rung.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    argv: Argv
    gone_if: Annotated[str, Read(readers.gone_if)] = "stdout_empty"
    within: PositiveDuration = 120.0


@dataclass(frozen=True, slots=True)
class RungTable:
    """An entry of `escalate`: a harder command, run if the job is still there `after` so many seconds."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    argv: Argv
    after: PositiveDuration = 60.0


@dataclass(frozen=True, slots=True)
class AllowTable:
    """`allow = { ... }`: who may use a stopper. A list that is not given narrows nothing; an empty one means nobody.

    Attributes:
        channels: The channels whose watches may use it.
        approvers: Those of the approvers and admins who may approve it.
        approvals: So many of them must agree.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    channels: tuple[SlackChannel, ...] | None = None
    approvers: tuple[SlackId, ...] | None = None
    approvals: Annotated[int, Read(readers.count(1))] = 1


@dataclass(frozen=True, slots=True)
class StopperTable:
    """`[stoppers.NAME]`: commands of the operator that stop a kind of job that the built-in ones do not cover.

    Attributes:
        argv: Stops the job: absolute path and words, `{name}` is filled in with a parameter.
        params: What may be filled in.
        identity: Prints what names the job for ever; the job's state must not be in it. Empty: identity is not known.
        verify: Shows whether the job is gone; None: the outcome is unverified.
        escalate: Harder commands.
        timeout: Seconds that each command may take.
        allow: Who may use it; None: whoever may stop at all.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = CLOSED
    argv: Argv
    params: Mapping[Name, ParamTable] = field(default_factory=dict)
    identity: Argv = ()
    verify: VerifyTable | None = None
    escalate: tuple[RungTable, ...] = ()
    timeout: PositiveDuration = 60.0
    allow: AllowTable | None = None

    def __post_init__(self) -> None:
        argvs = [self.argv, self.identity, *(rung.argv for rung in self.escalate)]
        words = [word for argv in [*argvs, self.verify.argv if self.verify else ()] for word in argv]
        unknown = sorted({name for word in words for name in _PLACEHOLDER.findall(word)} - set(self.params))
        if unknown:
            raise ValueError(f'a stopper whose {{names}} all stand in params; "{unknown[0]}" does not')
        if self.escalate and self.verify is None:
            raise ValueError("a stopper with verify, where escalate stands: nobody could see that more is needed")
        if any("{" in argv[0] for argv in argvs if argv):
            raise ValueError("a stopper whose programs are named in full, without {names}")
