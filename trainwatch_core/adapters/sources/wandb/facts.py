"""What a run's settings tell about it: a few flat values, and how long it is meant to run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from trainwatch_core.adapters.sources.wandb.values import number, pick

MAX_SETTINGS = 50
GLOBAL_STEPS = ("train/global_step", "trainer/global_step", "global_step")
"""Names under which trainers log their own count of steps, which W&B's `_step` is not."""

_SLURM_JOB = re.compile(r"[1-9][0-9]{0,9}(?:_[0-9]{1,9})?")
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,127}")
_LONGEST_NAME = 80
_LONGEST_VALUE = 200
_DEEPEST = 4
_LONGEST_PLAN = 1e12
_PLANS = frozenset(
    {
        "max_steps",
        "total_steps",
        "num_train_steps",
        "max_train_steps",
        "num_training_steps",
        "total_train_steps",
        "train_steps",
        "training_steps",
        "max_iters",
        "max_iter",
        "total_iters",
        "num_iterations",
        "train_iters",
    }
)


def flat_settings(config: Mapping[str, object]) -> dict[str, str]:
    """At most MAX_SETTINGS short scalars of a run's config, nested names joined by dots; planned lengths come first."""
    found = dict(_scalars(config, "", _DEEPEST))
    order = sorted(found, key=lambda name: (_last_part(name) not in _PLANS, name.count("."), name))
    return {name: found[name] for name in order[:MAX_SETTINGS]}


def writers_of(config: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """What the SDK noted of the machines that wrote a run, newest first: `host`, `slurm`, `startedAt`, ...

    It lies in the config below `_wandb.e`, since wandb 0.19; there is one for each resume.
    """
    known = pick(config, "_wandb.e")
    writers = [each for each in known.values() if isinstance(each, dict)] if isinstance(known, dict) else []
    return sorted(writers, key=lambda writer: str(writer.get("startedAt")), reverse=True)


def slurm_job(slurm: object) -> str:
    """The id of a job of Slurm, `48213` or `48200_3`, as the SDK noted it; empty if there is none."""
    if not isinstance(slurm, Mapping):
        return ""
    array, task = str(slurm.get("array_job_id", "")), str(slurm.get("array_task_id", ""))
    job = f"{array}_{task}" if array and task else str(slurm.get("job_id", ""))
    return job if _SLURM_JOB.fullmatch(job) else ""


def machine(name: object) -> str:
    """A machine's name; empty if it is none."""
    return name if isinstance(name, str) and _MACHINE.fullmatch(name) else ""


def planned_steps(settings: Mapping[str, str], last_step: float | None, global_step: float | None) -> float | None:
    """The planned length on the axis of `_step`; None if the settings do not tell it plausibly.

    Args:
        settings: As `flat_settings` gives them.
        last_step: The newest `_step`.
        global_step: The trainer's own count there; a trainer that logs every tenth step counts ten times as fast.
    """
    for name, text in settings.items():
        if _last_part(name) not in _PLANS:
            continue
        try:
            planned = float(text)
        except ValueError:
            continue
        if last_step and global_step and global_step > last_step:
            planned *= last_step / global_step
        if 1 < planned < _LONGEST_PLAN and planned + 1 >= (last_step or 0):
            return planned
    return None


def unix_seconds(moment: object) -> float | None:
    """Unix seconds of an ISO 8601 time; without a zone it is UTC, as W&B writes it. None if it is none."""
    if not isinstance(moment, str):
        return None
    try:
        parsed = datetime.fromisoformat(moment)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _last_part(name: str) -> str:
    return name.replace("/", ".").rpartition(".")[2].lower()


def _scalars(config: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        name = f"{prefix}{key}"
        if str(key).startswith("_") or len(name) > _LONGEST_NAME:
            continue
        if isinstance(value, dict):
            if depth:
                yield from _scalars(value, f"{name}.", depth - 1)
        elif isinstance(value, str | bool) or number(value) is not None:
            yield name, str(value)[:_LONGEST_VALUE]
