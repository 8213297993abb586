"""The settings: frozen, complete, with every default. Their fields are the keys of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import time, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar

from trainwatch_core.config import readers
from trainwatch_core.config.readers import PLACEHOLDERS, Read
from trainwatch_core.config.targets import HostTable, KubernetesTable, Name, RemoteFolder, ServerTable, StopperTable
from trainwatch_core.model.announcement import Announcement, with_announced
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.watch import Mode, Policy, Posts, WatchContext

Text = Annotated[str, Read(readers.one_line)]
FilePath = Annotated[str, Read(readers.path)]
Folder = Annotated[Path, Read(readers.folder)]
Number = Annotated[float, Read(readers.number)]
Share = Annotated[float, Read(readers.share)]
Duration = Annotated[float, Read(readers.duration)]
PositiveDuration = Annotated[float, Read(readers.positive_duration)]
Count = Annotated[int, Read(readers.count(0))]
PositiveCount = Annotated[int, Read(readers.count(1))]
CheckpointSignal = Annotated[str, Read(readers.checkpoint_signal)]
SwitchFile = Annotated[str, Read(readers.switch_file)]
SlackId = Annotated[str, Read(readers.slack_id)]
SlackChannel = Annotated[str, Read(readers.slack_channel)]

_CLOSED: Mapping[str, object] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """`[watch.policy]`: the figures of `model.watch.Policy`. None: not given, what stands before it holds."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    warmup_rows: Count | None = None
    warmup_share: Share | None = None
    hard_rounds: PositiveCount | None = None
    soft_rounds: PositiveCount | None = None
    soft_rows: Count | None = None
    soft_share: Share | None = None
    confirm_share: Share | None = None
    sparse_rows: Count | None = None
    sparse_share: Share | None = None
    announced_share: Share | None = None
    stale_after: PositiveDuration | None = None
    suspicious_interval: PositiveDuration | None = None
    min_interval: PositiveDuration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTable:
    """`[watch]`: defaults of every watch. None or empty: not given."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    interval: PositiveDuration | None = None
    mode: Annotated[Mode, Read(readers.mode)] | None = None
    rounds: Annotated[Posts, Read(readers.rounds)] | None = None
    notes: Annotated[str, Read(readers.log_place)] | None = None
    baseline: Mapping[str, Number] = field(default_factory=dict)
    baseline_runs: tuple[Annotated[RunRef, Read(readers.run)], ...] = ()
    target: Mapping[str, Number] = field(default_factory=dict)
    key_metrics: tuple[Text, ...] = ()
    roles: Mapping[str, Annotated[Role, Read(readers.role)]] = field(default_factory=dict)
    goals: Mapping[str, Annotated[Goal, Read(readers.goal)]] = field(default_factory=dict)
    planned_steps: Annotated[float, Read(readers.positive)] | None = None
    announce: tuple[Annotated[Announcement, Read(readers.announcement)], ...] = ()
    policy: PolicyTable = field(default_factory=PolicyTable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTable(WatchTable):
    """`[[project]]`: defaults of the watches whose `entity/project` matches, and how its runs are reached."""

    match: Annotated[str, Read(readers.pattern)]
    log: Annotated[str, Read(readers.log_place)] | None = None
    log_command: tuple[Text, ...] = ()
    offline: FilePath | None = None
    launch: Annotated[str, Read(readers.launch)] | None = None
    stop_command: Annotated[str, Read(readers.command_line)] | None = None
    checkpoint_signal: CheckpointSignal | None = None
    checkpoint_wait: PositiveDuration | None = None
    save_switch: SwitchFile | None = None


@dataclass(frozen=True, slots=True)
class WandbTable:
    """`[wandb]`: the server. The key comes from wandb's own settings, never from this file.

    Attributes:
        base_url: Address of the server; None means what wandb itself is set to.
        entities: Whose runs may be watched: `entity`, or a pattern of `entity/project`. Empty means those of the key's
            user and teams for people in chat, who use a key that is not theirs, and all that it sees for its owner.
        timeout: Seconds that one request may take.
        write_back: Whether a run that was stopped gets a tag and a note there; the key must be one that may write.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    base_url: Annotated[str, Read(readers.base_url)] | None = None
    entities: tuple[Annotated[str, Read(readers.entity)], ...] = ()
    timeout: PositiveDuration = 20.0
    write_back: Annotated[bool, Read(readers.yes_or_no)] = False


@dataclass(frozen=True, slots=True)
class LogTable:
    """`[log]`: how logs are read.

    Attributes:
        roots: The folders that logs named in chat must lie in; empty means none may be.
        patterns: Lines of a format of one's own, e.g. `it {step}: L={loss}`.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    roots: tuple[Folder, ...] = ()
    patterns: tuple[Annotated[str, Read(readers.line_pattern)], ...] = ()


@dataclass(frozen=True, slots=True)
class StopTable:
    """`[stop]`: how stops are asked for and carried out.

    Attributes:
        approval_ttl: Seconds that a question stays open.
        approvals_required: How many different people must approve a stop.
        self_approval: Whether the owner of a watch, being an approver, may approve its stop.
        auto_requires: How many different approvers must agree to switch a watch to automatic mode.
        auto_grace: Seconds that automatic mode waits for an objection.
        auto_on: Which failures automatic mode acts on.
        auto_per_hour: Automatic stops an hour.
        auto_per_day: Automatic stops a day.
        mass_stop: So many watches that reach STOP together fall back to asking.
        mute: Seconds without a new question after a "keep running".
        remind_every: Seconds from one reminder of an unanswered question to the next.
        reminders: At most so many of a question.
        escalate_after: Seconds without an answer after which others are called, once.
        escalate_to: Slack user ids of those others; empty means nobody.
        grace: Seconds from SIGTERM to SIGKILL.
        kill_wait: Seconds to wait for the end after SIGKILL.
        command_timeout: Seconds that a stop command may take.
        checkpoint_signal: Sent first, so that the trainer saves its state; empty for none.
        save_switch: A file that is made first, on the machine of the job, so that the trainer saves; empty for none.
        checkpoint_wait: Seconds that the trainer may take to save and end.
        path: Folders of this machine that programs are looked for in before the usual ones.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    approval_ttl: PositiveDuration = 3600.0
    approvals_required: PositiveCount = 1
    self_approval: Annotated[bool, Read(readers.yes_or_no)] = True
    auto_requires: PositiveCount = 1
    auto_grace: Duration = 300.0
    auto_on: Annotated[frozenset[Weight], Read(readers.weights)] = frozenset({Weight.HARD, Weight.SOFT})
    auto_per_hour: Count = 2
    auto_per_day: Count = 5
    mass_stop: Annotated[int, Read(readers.count(2))] = 3
    mute: Duration = 7200.0
    remind_every: PositiveDuration = 1200.0
    reminders: Count = 2
    escalate_after: PositiveDuration = 1800.0
    escalate_to: tuple[SlackId, ...] = ()
    grace: Duration = 30.0
    kill_wait: PositiveDuration = 10.0
    command_timeout: PositiveDuration = 60.0
    checkpoint_signal: CheckpointSignal = ""
    save_switch: SwitchFile = ""
    checkpoint_wait: PositiveDuration = 60.0
    path: tuple[RemoteFolder, ...] = ()


@dataclass(frozen=True, slots=True)
class CostTable:
    """`[cost]`: what an hour of a job costs; None if unknown."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    per_hour: Annotated[float, Read(readers.not_negative)] | None = None
    currency: Text = "USD"


@dataclass(frozen=True, slots=True)
class SlackTable:
    """`[slack]`: where the bot speaks. Its tokens come from the environment, never from this file.

    Attributes:
        channel: Where watches report; None means where `/watch` was typed.
        digest_channel: Where the daily digest goes; None means nowhere.
        operator_channel: Told of what cannot be told where it belongs; None means nowhere.
        digest_at: Local time of the digest.
        notes: The folder that notes files named in chat lie in; None means `notes` in the data directory.
        allow_chat_commands: Whether admins may type commands (stop=, log_command=) in chat.
        language: What the bot speaks; a catalogue of that name must be there.
        quiet_hours: Local time of begin and end of the hours in which ordinary rounds are held back; None for none.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    channel: SlackChannel | None = None
    digest_channel: SlackChannel | None = None
    operator_channel: SlackChannel | None = None
    digest_at: Annotated[str, Read(readers.time_of_day)] = "09:00"
    notes: Folder | None = None
    allow_chat_commands: Annotated[bool, Read(readers.yes_or_no)] = False
    language: Annotated[str, Read(readers.language)] = "en"
    quiet_hours: Annotated[tuple[time, time], Read(readers.hours)] | None = None


@dataclass(frozen=True, slots=True)
class WatchDefaults:
    """What the file says for one run: a context and gates, every figure filled in."""

    context: WatchContext
    policy: Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator set, or left at its default.

    Attributes:
        data_dir: Absolute; holds the database, evidence, pictures and tokens. It need not exist yet.
        timezone: Of the times that people read.
        admins: Slack user ids; an empty list means nobody.
        approvers: Likewise.
        watchers: Likewise.
        watch: Defaults of every watch.
        project: Defaults of projects, in the order of the file.
        wandb: The W&B server.
        log: Where logs may lie.
        stop: How stops are asked for and carried out.
        cost: What an hour costs.
        slack: Where the bot speaks.
        hosts: Machines that may be gone to by SSH, by name.
        servers: Jupyter and Ray servers, by name.
        kubernetes: How kubectl reaches the cluster.
        stoppers: Commands of the operator that stop jobs, by name.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLOSED
    data_dir: Folder
    timezone: Annotated[tzinfo, Read(readers.zone)]
    admins: tuple[SlackId, ...] = ()
    approvers: tuple[SlackId, ...] = ()
    watchers: tuple[SlackId, ...] = ()
    watch: WatchTable = field(default_factory=WatchTable)
    project: tuple[ProjectTable, ...] = ()
    wandb: WandbTable = field(default_factory=WandbTable)
    log: LogTable = field(default_factory=LogTable)
    stop: StopTable = field(default_factory=StopTable)
    cost: CostTable = field(default_factory=CostTable)
    slack: SlackTable = field(default_factory=SlackTable)
    hosts: Mapping[Name, HostTable] = field(default_factory=dict)
    servers: Mapping[Name, ServerTable] = field(default_factory=dict)
    kubernetes: KubernetesTable = field(default_factory=KubernetesTable)
    stoppers: Mapping[Name, StopperTable] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.data_dir / "trainwatch.db"

    @property
    def evidence(self) -> Path:
        """Where evidence is kept."""
        return self.data_dir / "evidence"

    @property
    def pictures(self) -> Path:
        """Where pictures of the terminal are kept."""
        return self.data_dir / "pictures"

    @property
    def chat_notes(self) -> Path:
        """The folder that notes files named in chat lie in."""
        return self.slack.notes or self.data_dir / "notes"

    @property
    def tokens(self) -> Path:
        """Where the marks of executed stops are kept."""
        return self.data_dir / "tokens"

    def watch_defaults(self, run: RunRef) -> WatchDefaults:
        """The defaults for a run: `[watch]`, then each `[[project]]` that matches its `entity/project`, in file order.

        What a later table gives wins; tables of names and values (baseline, target, roles, goals, policy) are merged
        name by name. `{entity}`, `{project}` and `{run}` are filled in. Runs that are no W&B runs match no project.
        """
        matching = [table for table in self.project if fnmatchcase(run.project, table.match)] if run.project else []
        tables: list[WatchTable] = [self.watch, *matching]
        context = WatchContext()
        policy = Policy()
        for table in tables:
            context = replace(context, **_given(table, context, run))
            policy = replace(policy, **_named(table.policy, (f.name for f in fields(PolicyTable))))
        return WatchDefaults(context, policy)

    def stop_of(self, run: RunRef) -> StopTable:
        """`[stop]` for a run, with what its projects say of saving."""
        stop = self.stop
        for table in self.project:
            if run.project and fnmatchcase(run.project, table.match):
                stop = replace(stop, **_named(table, ("checkpoint_signal", "checkpoint_wait", "save_switch")))
        return replace(stop, save_switch=_filled(stop.save_switch, run))

    def offline_folder(self, run: RunRef) -> str:
        """The folder in which the offline runs of a W&B project lie; empty if it logs to a server."""
        folders = [t.offline for t in self.project if t.offline and run.project and fnmatchcase(run.project, t.match)]
        return _filled(folders[-1], run) if folders else ""


_PLAIN = ("interval", "mode", "rounds", "baseline_runs", "key_metrics", "planned_steps", "stop_command")
"""What goes into a context as it stands in the file."""


def _given(table: WatchTable, before: WatchContext, run: RunRef) -> dict[str, Any]:
    given = _named(table, _PLAIN)
    for name in ("baseline", "target", "roles", "goals"):
        given[name] = {**getattr(before, name), **getattr(table, name)}
    given["announced"] = with_announced(before.announced, *table.announce)
    reached = _named(table, ("notes", "log", "log_command", "launch"))
    for key, name in (("notes", "notes_path"), ("log", "log_path"), ("launch", "launch")):
        if key in reached:
            given[name] = _filled(reached[key], run)
    if "log_command" in reached:
        given["log_argv"] = tuple(_filled(word, run) for word in reached["log_command"])
    return given


def _named(table: object, names: Iterable[str]) -> dict[str, Any]:
    """Those of the values that the table has and that were given."""
    values = ((name, getattr(table, name, None)) for name in names)
    return {name: value for name, value in values if value is not None and value != ()}


def _filled(text: str, run: RunRef) -> str:
    if not run.project:
        return text
    # Safe in a path and in an argument: the parts of a run's name hold no slash, no blank and no leading dash or dot.
    for placeholder, part in zip(PLACEHOLDERS, run.target.split("/"), strict=False):
        text = text.replace(placeholder, part)
    return text
