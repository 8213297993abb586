"""Lines that mean something by themselves: a traceback, out of memory, a collective that hangs, a skipped step."""

from __future__ import annotations

from trainwatch_core.model.round import LogEvent
from trainwatch_core.report.redact import clean, redact

LINE_LENGTH = 300
MAX_EVENTS = 50

# (kind, words of which one must be there, words of which one must be there too)
_SIGNS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "oom",
        ("out of memory", "outofmemoryerror", "oom-kill", "cannot allocate memory", "cublas_status_alloc_failed"),
        (),
    ),
    ("nccl", ("nccl", "processgroup"), ("timeout", "timed out", "error", "abort", "watchdog")),
    ("overflow", ("overflow",), ("skipping", "loss scale", "detected")),
    ("traceback", ("traceback (most recent call last)",), ()),
)
_MARKS = ("emory", "MEMORY", "NCCL", "nccl", "ProcessGroup", "verflow", "OVERFLOW", "Traceback", "ALLOC_FAILED", "oom-")


def eventful(text: str) -> bool:
    """Whether a block of lines may hold an event at all: a quick look that spares most blocks the slow one."""
    return any(mark in text for mark in _MARKS)


def event(line: str, step: float | None) -> LogEvent | None:
    """The event that a line is, or None."""
    if not eventful(line):
        return None
    lowered = line[:4096].lower()
    for kind, needles, others in _SIGNS:
        if any(word in lowered for word in needles) and (not others or any(word in lowered for word in others)):
            return LogEvent(kind, clean(redact(line[:4096]), LINE_LENGTH), step)
    return None
