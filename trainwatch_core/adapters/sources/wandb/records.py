"""What the records of a `.wandb` file say: samples, and facts about the run."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from trainwatch_core.adapters.sources.wandb.facts import GLOBAL_STEPS, flat_settings, machine, planned_steps, slurm_job
from trainwatch_core.adapters.sources.wandb.keys import choose, hidden
from trainwatch_core.adapters.sources.wandb.values import load_json, number, number_of_json
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.series import Rows

MAX_NAMES = 10_000
"""Further names of metrics are not remembered, not even as left out."""

Message = Any
"""A message of W&B's own protocol: generated code that has no types."""

_TYPED = {"boolean", "integer", "number", "text"}


def decoder() -> Callable[[bytes], Message | None]:
    """What turns the bytes of a record into its message, or None if they are none.

    Raises:
        ImportError: If W&B's package cannot be loaded.
    """
    # Half a second and 60 MB: only when a file is read.
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # see above
    from wandb.proto import wandb_internal_pb2  # noqa: PLC0415  # see above

    parse = wandb_internal_pb2.Record.FromString  # type: ignore[attr-defined]

    def decode(payload: bytes) -> Message | None:
        try:
            return parse(payload)
        except DecodeError:
            return None

    return decode


@dataclass(slots=True)
class RunFacts:
    """What the records told about the run so far; plain JSON, it travels in the cursor.

    Attributes:
        name: The display name, or else the id.
        settings: As `flat_settings` gives them.
        started_at: Unix seconds.
        exit_code: Of the training process, as W&B saw it; None while it runs.
        last_step: The highest step.
        global_step: The trainer's own count of steps there.
        host: Name of the machine that writes it.
        slurm_job: Id of its job of Slurm.
    """

    name: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    started_at: float | None = None
    exit_code: int | None = None
    last_step: float | None = None
    global_step: float | None = None
    host: str = ""
    slurm_job: str = ""

    def info(self, heartbeat_at: float) -> RunInfo:
        """The facts in the words of the model."""
        state = RunState.RUNNING
        if self.exit_code is not None:
            state = RunState.FAILED if self.exit_code else RunState.FINISHED
        return RunInfo(
            name=self.name,
            state=state,
            heartbeat_at=heartbeat_at,
            started_at=self.started_at,
            planned_steps=planned_steps(self.settings, self.last_step, self.global_step),
            last_step=self.last_step,
            config=dict(self.settings),
            host=self.host,
            slurm_job=self.slurm_job,
        )


class Harvest:
    """Takes records one by one and gathers what a fetch is after. Belongs to one fetch.

    Args:
        kept: Names of the metrics that are read; new ones are added while there is room.
        facts: What is known of the run; grows in place.
    """

    def __init__(self, kept: Iterable[str], facts: RunFacts) -> None:
        self.kept = tuple(kept)
        self.facts = facts
        self.left_out: set[str] = set()
        self.samples = 0
        self._columns = {name: _columns() for name in self.kept}
        self._ignored: set[str] = set()

    def take(self, record: Message) -> None:
        """Take one record."""
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self._take_history(record.history)
        elif kind == "run":
            run = record.run
            self.facts.name = run.display_name or run.run_id
            if run.HasField("start_time"):
                self.facts.started_at = run.start_time.seconds + run.start_time.nanos / 1e9
            self._take_settings(run.config)
        elif kind == "config":
            self._take_settings(record.config)
        elif kind == "environment":
            # Told in parts: what a later part leaves out still holds.
            self.facts.host = machine(record.environment.host) or self.facts.host
            self.facts.slurm_job = slurm_job(dict(record.environment.slurm)) or self.facts.slurm_job
        elif kind == "exit":
            self.facts.exit_code = record.exit.exit_code

    def rows(self) -> Mapping[str, Rows]:
        """The samples taken, by metric."""
        return {
            name: Rows.of(steps, values, times) for name, (steps, values, times) in self._columns.items() if len(steps)
        }

    def _take_history(self, history: Message) -> None:
        step = float(history.step.num) if history.HasField("step") else None
        time = float("nan")
        found: dict[str, float] = {}
        for item in history.item:
            name = item_name(item)
            if name in self._ignored:
                continue
            value = item_number(item)
            if name == "_step":
                step = value if value is not None else step
            elif name == "_timestamp":
                time = value if value is not None else time
            elif value is not None and self._wants(name):
                found[name] = value  # of two equal names in a row the last one counts
        if step is None or not isfinite(step):
            return
        self.facts.last_step = max(step, self.facts.last_step if self.facts.last_step is not None else step)
        for name, value in found.items():
            steps, values, times = self._columns[name]
            steps.append(step)
            values.append(value)
            times.append(time)
            if name in GLOBAL_STEPS and isfinite(value):
                self.facts.global_step = value
        self.samples += len(found)

    def _wants(self, name: str) -> bool:
        if name in self._columns:
            return True
        self.kept = choose([name], self.kept)
        if name in self.kept:
            self._columns[name] = _columns()
            return True
        if len(self._ignored) < MAX_NAMES:
            self._ignored.add(name)
            if not hidden(name):
                self.left_out.add(name)
        return False

    def _take_settings(self, config: Message) -> None:
        update = {item_name(item): _loaded(item.value_json) for item in config.update}
        self.facts.settings = flat_settings({**self.facts.settings, **update})


def item_name(item: Message) -> str:
    """The name of an item, nested names joined by dots as W&B shows them."""
    return item.key or ".".join(item.nested_key)


def item_number(item: Message) -> float | None:
    """The float that an item stands for in either form that the SDK writes; None if it is no number."""
    if item.value_json:
        return number_of_json(item.value_json)
    if "value" not in item.DESCRIPTOR.oneofs_by_name:
        return None  # an SDK before 0.31 knows only the form above
    form = item.WhichOneof("value")
    if form == "json":
        return number_of_json(item.json)
    return number(getattr(item, form)) if form in _TYPED else None


def _columns() -> tuple[array[float], array[float], array[float]]:
    return array("d"), array("d"), array("d")


def _loaded(text: str) -> object:
    try:
        return load_json(text)
    except ValueError:
        return None
