"""Lines that mean something by themselves: a traceback, out of memory, a collective that hangs, a skipped step."""

from __future__ import annotations

import re

from trainwatch_core.model.round import LogEvent
from trainwatch_core.report.redact import clean, redact

LINE_LENGTH = 300
MAX_EVENTS = 50

# (kind, words of which one must be there, words of which one must be there too)
_SIGNS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "oom",
        (
            "out of memory",
            "outofmemoryerror",
            "oom-kill",
            "oom_kill",
            "oom killer",
            "cannot allocate memory",
            "cublas_status_alloc_failed",
        ),
        (),
    ),
    ("nccl", ("nccl", "processgroup"), ("timeout", "timed out", "error", "abort", "watchdog")),
    ("overflow", ("overflow",), ("skipping", "loss scale", "detected")),
    ("traceback", ("traceback (most recent call last)",), ()),
    ("cuda", ("cuda error", "device-side assert", "illegal memory access", "uncorrectable ecc"), ()),
    ("crash", ("segmentation fault", "bus error", "core dumped"), ()),
    ("killed", ("sigkill", "sigterm", "got signal: 9", "got signal: 15", "due to time limit", "due to preemption"), ()),
    ("killed", ("cancelled at",), ("slurm", "step", "job")),
)
_MARKS = re.compile(
    "emory|MEMORY|oom[-_]|OOM|ALLOC_FAILED|NCCL|nccl|ProcessGroup|verflow|OVERFLOW|Traceback|CUDA error|device-side"
    "|llegal mem|ECC|egmentation|Bus error|core dumped|Killed|SIG|got signal|DUE TO|CANCELLED AT"
)
_KILLED = "killed"  # all that a shell says of a process that was killed


def eventful(line: str) -> bool:
    """Whether a line may be an event at all: a quick look that spares most lines the slow one."""
    return bool(_MARKS.search(line))


def event(line: str, step: float | None) -> LogEvent | None:
    """The event that a line is, or None."""
    if not eventful(line):
        return None
    lowered = line[:4096].lower()
    if lowered.strip() == _KILLED:
        return LogEvent("killed", line.strip(), step)
    for kind, needles, others in _SIGNS:
        if any(word in lowered for word in needles) and (not others or any(word in lowered for word in others)):
            return LogEvent(kind, clean(redact(line[:4096]), LINE_LENGTH), step)
    return None
