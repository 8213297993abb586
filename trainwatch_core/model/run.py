"""The run that is watched: how it is named and what a source tells about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from trainwatch_core.model.errors import InvalidInputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}")
_RUN_URL = re.compile(r"/([^/]+)/([^/]+)/runs/([^/]+)(?:/.*)?")
_PROJECT_URL = re.compile(r"/([^/]+)/([^/]+)(?:/(?:workspace|table|overview)?)?")


class RunState(StrEnum):
    """What a tracker says of a run. It is wrong in both directions: crossed with progress before it counts."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    KILLED = "killed"

    @property
    def over(self) -> bool:
        """Whether the run has ended, by its own word."""
        return self not in {RunState.PENDING, RunState.RUNNING}


class RunKind(StrEnum):
    """Where a run is found."""

    WANDB = "wandb"
    WANDB_OFFLINE = "wandb-offline"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class RunRef:
    """The name of a run.

    Attributes:
        kind: Where the run is found.
        target: `entity/project/run_id`, or an absolute path of this machine for the other kinds;
            `host:/path` for a log of another machine.
    """

    kind: RunKind
    target: str

    def __str__(self) -> str:
        return self.target

    @property
    def project(self) -> str:
        """`entity/project` of a W&B run; empty for other kinds."""
        return self.target.rpartition("/")[0] if self.kind is RunKind.WANDB else ""

    @property
    def short(self) -> str:
        """The last part of the name, for narrow places."""
        return self.target.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class RunChoice:
    """A run that a person may choose from a list.

    Attributes:
        run: Which.
        name: Its display name, as people gave it; untrusted.
        state: What the tracker says of it; None if it is a word that nobody here knows.
    """

    run: RunRef
    name: str
    state: RunState | None


def parse_wandb_run(text: str) -> RunRef:
    """Read `entity/project/run` or a run's page address. The address is only parsed, never fetched.

    Raises:
        InvalidInputError: If the text names no run.
    """
    path = text.strip()
    if "://" in path:
        url = urlsplit(path)
        match = _RUN_URL.fullmatch(url.path)
        if url.scheme not in {"http", "https"} or "@" in url.netloc or "\\" in path or match is None:
            raise InvalidInputError(
                "This address is not the page of a W&B run",
                where=path[:200],
                todo="Expected https://wandb.ai/<entity>/<project>/runs/<run>",
            )
        parts = [unquote(part) for part in match.groups()]
    else:
        parts = path.removeprefix("/").split("/")
        if len(parts) == 4 and parts[2] == "runs":  # noqa: PLR2004  # entity/project/runs/run, as copied
            del parts[2]
    if len(parts) != 3 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004
        raise InvalidInputError(
            "This does not name a W&B run",
            where=path[:200],
            todo="Expected <entity>/<project>/<run id>, the address of a run, or a path on this machine",
        )
    return RunRef(RunKind.WANDB, "/".join(parts))


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a source tells about the run beside its metrics. Everything may be unknown.

    Attributes:
        name: The display name.
        url: The run's page; empty if it has none.
        state: The tracker's word.
        heartbeat_at: Unix seconds of the last sign of life that the source knows.
        started_at: Unix seconds.
        planned_steps: Planned length on the axis of the steps.
        last_step: The highest step the source knows of.
        config: Flat settings of the run that help to judge it (never a source of commands).
        host: Name of the machine that it was begun on, as that machine says.
        slurm_job: Id of its job of Slurm, `48213` or `48200_3`.
    """

    name: str = ""
    url: str = ""
    state: RunState | None = None
    heartbeat_at: float | None = None
    started_at: float | None = None
    planned_steps: float | None = None
    last_step: float | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    slurm_job: str = ""


def parse_wandb_project(text: str) -> str:
    """Read `entity/project` or the address of a project's page. The address is only parsed, never fetched.

    Raises:
        InvalidInputError: If the text names no project.
    """
    path = text.strip()
    if "://" in path:
        url = urlsplit(path)
        match = _PROJECT_URL.fullmatch(url.path)
        if url.scheme not in {"http", "https"} or "@" in url.netloc or "\\" in path or match is None:
            raise InvalidInputError(
                "This address is not the page of a W&B project",
                where=path[:200],
                todo="Expected https://wandb.ai/<entity>/<project>",
            )
        path = "/".join(unquote(part) for part in match.groups())
    parts = path.removeprefix("/").removesuffix("/").split("/")
    if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004  # entity and project
        raise InvalidInputError(
            "This does not name a W&B project",
            where=path[:200],
            todo="Expected <entity>/<project>, the address of a project, or a folder of offline runs",
        )
    return "/".join(parts)
