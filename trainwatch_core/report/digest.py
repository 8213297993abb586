"""The day at a glance: who needs somebody, what goes on, what came to its end, who decided, what was saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainwatch_core.model.message import Card, FinalSummary, Look
from trainwatch_core.model.numbers import say, say_duration
from trainwatch_core.model.stop import RequestState, StopRequest

NEEDY = (Look.WANTS_STOP, Look.STOPPING, Look.BLIND, Look.CLOSE)
"""Looks that want a person, the most urgent first."""
OVER = (Look.STOPPED, Look.ENDED, Look.FINISHED)
WORST_FIRST = (*NEEDY, Look.STOPPED, Look.RECOVERED, Look.NEW, Look.HEALTHY, Look.PAUSED, Look.ENDED, Look.FINISHED)
_TOLD = ("Best", "Decided by", "Saved")
_BY_SUMMARY = frozenset({RequestState.STOPPED, RequestState.ALREADY_ENDED})
"""What came of these is told where the run came to its end."""
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One watch of the day.

    Attributes:
        card: How it stands.
        link: Its thread; empty if it has none.
        best: Its best values and where, e.g. `loss 2.31 at step 40,100`.
        summary: Its last words, if they were said since the last digest.
    """

    card: Card
    link: str = ""
    best: tuple[str, ...] = ()
    summary: FinalSummary | None = None

    @property
    def values(self) -> str:
        """Latest and best values and how far it is, as one line; empty if nothing is known."""
        best = f"best {', '.join(self.best)}" if self.best else ""
        return " · ".join(part for part in (*map(str, self.card.metrics[:1]), best, self.card.progress) if part)


@dataclass(frozen=True, slots=True)
class Saving:
    """What stops have saved of planned training.

    Attributes:
        seconds: Of the jobs.
        price: Of an hour; None if unknown.
        currency: Of that price.
    """

    seconds: float = 0.0
    price: float | None = None
    currency: str = ""

    def __str__(self) -> str:
        """`about 9 h 20 min, about 28 USD`; empty if nothing was saved."""
        if self.seconds <= 0:
            return ""
        worth = f", about {say(self.seconds / _HOUR * self.price, 3)} {self.currency}" if self.price else ""
        return f"about {say_duration(self.seconds)}{worth}".rstrip()


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told once a day.

    Attributes:
        counts: How many watches look how, in the order of `Look`.
        needy: Those that want a person, most urgent first.
        well: The others that are open.
        over: Those that came to their end since the last digest, with what is worth telling of it.
        answers: Name of the run and stop request of each question of since then that ended no run.
        saving: What was saved.
    """

    counts: tuple[tuple[Look, int], ...] = ()
    needy: tuple[Entry, ...] = ()
    well: tuple[Entry, ...] = ()
    over: tuple[tuple[Entry, str], ...] = ()
    answers: tuple[tuple[str, StopRequest], ...] = ()
    saving: Saving = Saving()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.counts

    @property
    def worst_first(self) -> tuple[Entry, ...]:
        """All watches of the day in the order of the picture."""
        entries = (*self.needy, *self.well, *(entry for entry, _ in self.over))
        return tuple(sorted(entries, key=lambda entry: WORST_FIRST.index(entry.card.look)))


def compose_digest(
    entries: Sequence[Entry], requests: Sequence[StopRequest] = (), saving: Saving | None = None
) -> Digest:
    """The digest of the open watches and of those that ended since the last one.

    Args:
        entries: The watches.
        requests: The stop requests of since then, oldest first.
        saving: Price and currency; its seconds are counted here.
    """
    counted = Counter(entry.card.look for entry in entries)
    opened = [entry for entry in entries if entry.card.look not in OVER]
    needy = sorted((e for e in opened if e.card.look in NEEDY), key=lambda e: NEEDY.index(e.card.look))
    names = {entry.card.watch_id: entry.card.run for entry in entries}
    seconds = sum(entry.summary.saved for entry in entries if entry.summary is not None)
    known = saving or Saving()
    return Digest(
        counts=tuple((look, counted[look]) for look in Look if counted[look]),
        needy=tuple(needy),
        well=tuple(entry for entry in opened if entry.card.look not in NEEDY),
        over=tuple((entry, _ended(entry.summary)) for entry in entries if entry.card.look in OVER),
        answers=tuple((names[r.watch_id], r) for r in requests if r.watch_id in names and r.state not in _BY_SUMMARY),
        saving=Saving(seconds, known.price, known.currency),
    )


def _ended(summary: FinalSummary | None) -> str:
    if summary is None:
        return "somebody ended the watch"
    told: dict[str, str] = {}
    for label, text in summary.lines:
        if label in _TOLD:
            told.setdefault(label, text)
    return " · ".join(
        [
            summary.title.removeprefix(f"{summary.run}: "),
            *(f"{label.lower()} {told[label]}" for label in _TOLD if label in told),
        ]
    )
