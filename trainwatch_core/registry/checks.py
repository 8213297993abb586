"""Which checks there are: a check is one file and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from trainwatch_core.checks import (
    baseline,
    blind,
    collapse,
    comparison,
    divergence,
    evaluation,
    forecast,
    gradient,
    learning_rate,
    loss_scale,
    nan,
    oscillation,
    overfit,
    pace,
    plateau,
    progress,
    spike,
    stale,
    too_good,
    unlearned,
)
from trainwatch_core.engine.world import Check

CHECKS: Sequence[Check] = (
    blind.check,
    stale.check,
    nan.check,
    spike.check,
    divergence.check,
    oscillation.check,
    unlearned.check,
    plateau.check,
    baseline.check,
    comparison.check,
    evaluation.check,
    overfit.check,
    collapse.check,
    too_good.check,
    loss_scale.check,
    gradient.check,
    learning_rate.check,
    pace.check,
    progress.check,
    forecast.check,
)
