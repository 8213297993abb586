"""Looks at a run one after another, with findings made up for them: what the gates see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainwatch_core.decision.verdict import decide
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.round import Round, SourceReport, SourceStatus, View
from trainwatch_core.model.series import History
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.testing.histories import round_of, view_of_columns

NOTHING = SourceReport(SourceStatus.UNREACHABLE, failures=("The server is away.",))
INFO = Finding("progress", "moving", Decision.CONTINUE, Weight.INFO, "loss 2 at step 9, still falling.", "loss")


def hard(argues_for: Decision = Decision.STOP) -> Finding:
    """NaN in the training loss."""
    return Finding("nan", "persistent", argues_for, Weight.HARD, "loss is NaN.", "loss", 90, until="Numbers.")


def soft(first: float | None = 50, argues_for: Decision = Decision.STOP) -> Finding:
    """A loss that rose."""
    return Finding("divergence", "shift", argues_for, Weight.SOFT, "loss rose.", "loss", first, until="It fell.")


def seen(rows: int, **fields: object) -> View:
    """A look after so many samples of the loss."""
    return view_of_columns({"loss": np.ones(rows)}, **fields)


def blind() -> View:
    """A look at which nothing answered, as the engine hands it over."""
    return replace(seen(1), history=History(), roles={}, source=NOTHING)


def play(looks: Sequence[tuple[View, Sequence[Finding]]]) -> list[Verdict]:
    """The verdicts of looks in a row."""
    past: list[Round] = []
    verdicts = []
    for number, (view, findings) in enumerate(looks, 1):
        verdicts.append(decide(findings, past, view))
        now = round_of(number, view, findings, verdicts[-1])
        if past and view.source is NOTHING:
            # A round at which nothing answered is stored with what was known before.
            now = replace(now, last_step=past[-1].last_step, loss_rows=past[-1].loss_rows, latest=past[-1].latest)
        past.append(now)
    return verdicts


def decisions(looks: Sequence[tuple[View, Sequence[Finding]]]) -> list[Decision]:
    """Their decisions."""
    return [verdict.decision for verdict in play(looks)]
