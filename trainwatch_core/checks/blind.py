"""Blind: nothing, or too little, can be seen. Blind is not broken: it argues for WAIT and never for more.

Method: the word of the sources, and counts of samples; no statistics. NaN counts as a sample.
"""

from __future__ import annotations

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import SourceStatus, View

NAME = "blind"
MIN_SAMPLES = 3
"""With fewer samples than this there is no curve, only dots."""
_JUDGED = frozenset({Role.TRAIN_LOSS, Role.EVAL_LOSS, Role.TRAIN_SCORE, Role.EVAL_SCORE})


def check(view: View) -> tuple[Finding, ...]:
    """Says when the sources do not answer, when there are no samples, and when no metric can be judged."""
    if view.source.status is SourceStatus.UNREACHABLE:
        return (_unreachable(view),)
    counts = {name: series.count for name, series in view.history.series.items()}
    if not any(counts.values()):
        return (_wait("empty", "The run answers, but has not logged any metric yet.", "the first values arrived"),)
    judged = {name: count for name, count in counts.items() if view.roles.get(name) in _JUDGED}
    if not judged:
        words = "No metric's name tells a loss or a score; only NaN and silence can be noticed."
        return (Finding(NAME, "unjudged", Decision.CONTINUE, Weight.INFO, words),)
    name = max(judged, key=lambda each: (judged[each], each))
    if judged[name] < MIN_SAMPLES:
        few = "1 sample" if judged[name] == 1 else f"{judged[name]} samples"
        return (
            _wait("early", f"Only {few} of {name} so far: too early to tell.", f"{MIN_SAMPLES} samples were there"),
        )
    return ()


def _unreachable(view: View) -> Finding:
    lasted = view.now - view.source.since if view.source.since is not None else 0.0
    since = f" for {say_duration(lasted)}" if lasted >= 1 else ""
    why = view.source.failures[0].rstrip(".") if view.source.failures else "no source is known"
    return _wait("unreachable", f"Nothing could be read{since}: {why}.", "a source answered again")


def _wait(code: str, text: str, when: str) -> Finding:
    return Finding(NAME, code, Decision.WAIT, Weight.BLIND, text, until=f"This would go away if {when}.")
