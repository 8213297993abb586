"""The day at a glance as text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.report.digest import Digest, Entry
from trainwatch_core.report.text import stamp, wrapped


def say_digest(digest: Digest, *, zone: tzinfo | None, width: int) -> str:
    """The digest, a paragraph for each of its parts; a day with nothing to tell is one line.

    Args:
        digest: What is told.
        zone: The reader's zone; None is the machine's own.
        width: Columns to wrap at.
    """
    if digest.empty:
        return "Nothing is watched, nothing ended."
    lists = {
        "Needs a look": [_needy(entry) for entry in digest.needy],
        "Goes on": [f"{entry.card.look} · {entry.card.run}\n{entry.values}" for entry in digest.well],
        "Came to its end": [f"{entry.card.run}: {text}" for entry, text in digest.over],
        "Stops that were asked for": [f"{run}: {_answer(request, zone)}" for run, request in digest.answers],
    }
    parts = [wrapped(", ".join(f"{count} {str(look).lower()}" for look, count in digest.counts), width)]
    parts += [_list(title, texts, width) for title, texts in lists.items() if texts]
    parts += [f"Stops saved {digest.saving} of planned training."] if str(digest.saving) else []
    parts += [] if digest.needy else ["Nobody needs to do anything."]
    return "\n\n".join(parts)


def _list(title: str, texts: Sequence[str], width: int) -> str:
    told = [title]
    for text in texts:
        first, *rest = [line for line in text.splitlines() if line]
        told += [wrapped(f"- {first}", width, hang="  "), *(wrapped(f"  {line}", width, hang="  ") for line in rest)]
    return "\n".join(told)


def _needy(entry: Entry) -> str:
    return f"{entry.card.look} · {entry.card.run}: {entry.card.why}\n{entry.values}"


def _answer(request: StopRequest, zone: tzinfo | None) -> str:
    by = request.decided_by.name if request.decided_by is not None else "nobody"
    at = stamp(request.decided_at or request.created_at, zone)
    words = {
        RequestState.PENDING: f"waits for an answer since {at}",
        RequestState.FAILED: f"approved by {by} at {at}, and NOT stopped",
        RequestState.UNKNOWN: f"approved by {by} at {at}, the outcome is unverified",
        RequestState.DECLINED: f"kept running by {by} at {at}",
        RequestState.EXPIRED: f"nobody answered until {at}",
        RequestState.SUPERSEDED: f"withdrawn at {at}",
    }.get(request.state, f"approved by {by} at {at}, on its way")
    return words + (f", to be asked again at {stamp(request.ask_again_at, zone)}" if request.ask_again_at else "")
