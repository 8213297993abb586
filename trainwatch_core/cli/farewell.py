"""What a person is told who leaves: how each watch stands, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.report.compose import run_name

_STANDS = {
    RequestState.APPROVED: "The stop of {} is approved, but nothing was sent yet.",
    RequestState.EXECUTING: "The stop of {} is under way and not proven yet.",
    RequestState.FAILED: "{} still runs: its stop failed.",
    RequestState.UNKNOWN: "Whether {} still runs is not known: its stop could not be proven.",
}
"""How a run stands after a stop was begun, by the state of its last request."""


def farewell(why: str, watches: Sequence[Watch], requests: Sequence[StopRequest]) -> str:
    """The last words of a session that was left.

    Args:
        why: Half a sentence, e.g. `You left`.
        watches: The session's, as their rows say now.
        requests: Their stop requests, oldest first.
    """
    left = [watch for watch in watches if watch.state is not WatchState.ENDED]
    if not left:
        return f"{why}. All watches have ended."
    last = {request.watch_id: request.state for request in requests}
    if len(left) == len(watches) and not _STANDS.keys() & set(last.values()):
        stands = "Nothing was stopped: the training runs on, and nobody looks at it"
    else:
        stands = f"{' '.join(_stands(watch, last) for watch in left)} Nobody looks at it"
    lines = [f"{why}. {stands} until you go on with", f"    trainwatch watch {' '.join(w.id for w in left)}"]
    if any(watch.state is WatchState.STOP_PENDING for watch in left):
        lines.append("There the open question is asked again.")
    # What is being stopped cannot be given up.
    lines += [f"To give the watch up: trainwatch end {w.id}" for w in left if w.state is not WatchState.STOPPING]
    return "\n".join(lines)


def _stands(watch: Watch, last: Mapping[str, RequestState]) -> str:
    name, state = run_name("", watch), last.get(watch.id)
    return _STANDS[state].format(name) if state in _STANDS else f"{name} was not stopped and runs on."
