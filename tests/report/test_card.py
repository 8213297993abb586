"""A watch at a glance."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Figure, Look
from trainwatch_core.model.round import Round, SourceReport, SourceStatus, View
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import EndReason, Watch, WatchState
from trainwatch_core.report.card import compose_card, sparkline
from trainwatch_core.testing.fakes import START
from trainwatch_core.testing.histories import round_of, view_of_columns
from trainwatch_core.testing.worlds import FakeWorld

FINE = Finding("progress", "falling", Decision.CONTINUE, Weight.INFO, "Loss 2, still falling.")
LOST = Finding("blind", "unreachable", Decision.WAIT, Weight.BLIND, "Nothing answers.")
FALLING = {"train/loss": np.linspace(4.0, 2.0, 80), "val/acc": np.linspace(0.1, 0.5, 80)}


def watch(**fields: object) -> Watch:
    """A watch of Ana's."""
    return replace(FakeWorld().watch(), **fields)  # type: ignore[arg-type]  # as given


def rounds_of(view: View, *, before: dict[str, float] | None = None, found: Finding = FINE) -> tuple[Round, Round]:
    """Two rounds half an hour apart, with what the first one saw."""
    last = round_of(2, view, (found,), Verdict(found.argues_for, (found,)))
    last = replace(last, at=START, latest={name: float(s.last) for name, s in view.history.series.items()})
    return replace(last, number=1, at=START - timedelta(minutes=30), latest=before or {}), last


def test_a_loss_moves_by_percent_and_a_score_by_points() -> None:
    """A hundredth more of an accuracy of 0.5 is what a person wants to know, not two percent of it."""
    view = view_of_columns(FALLING)
    told = compose_card(watch(), view, rounds_of(view, before={"train/loss": 2.5, "val/acc": 0.49}))
    assert told.metrics == (
        Figure("train/loss 2", "█▇▆▅▄▃▂▁", "\N{MINUS SIGN}20 %"),
        Figure("val/acc 0.5", "", "+0.01"),
    )
    assert told.compared_at == START - timedelta(minutes=30)


def test_the_loss_comes_first_though_another_metric_is_the_key_one() -> None:
    """Its curve is the pulse of the run; the key metric follows it."""
    view = view_of_columns(FALLING, key_metrics=("val/acc",))
    metrics = compose_card(watch(), view, rounds_of(view)).metrics
    assert [figure.now.split()[0] for figure in metrics] == ["train/loss", "val/acc"]
    assert [bool(figure.curve) for figure in metrics] == [True, False]


def test_a_run_without_a_loss_shows_the_curve_of_what_it_has() -> None:
    """No card without a curve where there is anything to draw."""
    view = view_of_columns({"val/acc": np.linspace(0.1, 0.5, 80)})
    assert compose_card(watch(), view, rounds_of(view)).metrics == (Figure("val/acc 0.5", "▁▂▃▄▅▆▇█"),)


def test_nothing_is_said_to_have_changed_where_nobody_knows() -> None:
    """The first round, a value that is no number, one that stayed."""
    view = view_of_columns(FALLING)
    first = compose_card(watch(), view, rounds_of(view)[1:])
    assert (first.compared_at, first.metrics[0].change) == (None, "")
    assert compose_card(watch(), view, rounds_of(view, before={"train/loss": np.nan})).metrics[0].change == ""
    assert compose_card(watch(), view, rounds_of(view, before={"train/loss": 2.0})).metrics[0].change == ""


def test_nan_is_seen_in_the_curve() -> None:
    """A stretch that ends in NaN is a cross, in the value as well."""
    values = np.concatenate([np.linspace(4.0, 2.0, 60), np.full(20, np.nan)])
    view = view_of_columns({"train/loss": values})
    figure = compose_card(watch(), view, rounds_of(view)).metrics[0]
    assert figure == Figure("train/loss NaN", "█▇▅▄▂▁✕✕")
    assert sparkline(view_of_columns({"train/loss": np.full(4, np.inf)}).history.series["train/loss"]) == "✕✕✕✕"


def test_the_planned_end_is_a_moment() -> None:
    """Eighty steps came in eighty seconds and as many are left; a watch that is over waits for no end."""
    view = view_of_columns(FALLING, planned_steps=159.0)
    told = compose_card(watch(), view, rounds_of(view))
    times = view.history.series["train/loss"].times
    assert told.done_at == START + timedelta(seconds=80 * float(times[1] - times[0]))
    assert told.progress == "step 79 of 159 (50 %)"
    over = watch(state=WatchState.ENDED, ended_reason=EndReason.RUN_ENDED)
    assert compose_card(over, view, rounds_of(view)).done_at is None
    assert compose_card(watch(), replace(view, planned_steps=1e300), rounds_of(view)).done_at is None


def test_a_card_says_since_when_nothing_is_seen() -> None:
    """From the first of the looks in a row that saw nothing; a look that saw something before them does not count."""
    view = view_of_columns(FALLING)
    away = SourceReport(SourceStatus.UNREACHABLE, failures=("W&B does not answer",))
    seen, last = rounds_of(view, found=LOST)
    looks = [replace(last, number=n, source=away, at=START + timedelta(hours=n)) for n in (2, 3, 4)]
    told = compose_card(watch(), view, (seen, *looks))
    assert (told.look, told.why, told.blind_since) == (Look.BLIND, "W&B does not answer", START + timedelta(hours=2))
    assert compose_card(watch(), view, rounds_of(view)).blind_since is None
