"""One made-up run for each rule of the judgement: what docs/judgement.md shows of it (`make figures`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from trainwatch_core.checks import (
    baseline,
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
    too_good,
    unlearned,
)
from trainwatch_core.model.finding import Decision, Finding
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import View
from trainwatch_core.model.series import History, Rows
from trainwatch_core.testing.columns import (
    CONTINUE,
    NAN,
    STOP,
    WAIT,
    Columns,
    cosine,
    every,
    falling,
    flat,
    line,
    noisy,
    then,
)
from trainwatch_core.testing.histories import NOON, history_of, view_of_columns

_FELL = falling(400, noise=0.03)
_UP = then(falling(), noisy(2.5, 100))
_RATE = cosine(400)
_GUESSED = noisy(0.1, 200, 0.005)
_BEAT = np.sin(2 * np.pi * np.arange(240) / 3)


@dataclass(frozen=True, slots=True)
class Rule:
    """A run on which a rule speaks.

    Attributes:
        check: The module of the check.
        argues_for: What it argues for here.
        columns: What was logged.
        known: Fields of the View that are known beside.
    """

    check: ModuleType
    argues_for: Decision
    columns: Columns
    known: Mapping[str, object] = field(default_factory=dict)

    def finding(self, code: str) -> tuple[View, Finding]:
        """What the check itself says of the run.

        Raises:
            LookupError: If it says something else: then the document would lie.
        """
        view = view_of_columns(self.columns, **self.known)
        said: tuple[Finding, ...] = self.check.check(view)
        for each in said:
            if each.code == code and each.argues_for is self.argues_for:
                return view, each
        raise LookupError(f"{self.check.__name__} says {[(s.code, str(s.argues_for)) for s in said]}, not {code}")


def _slow() -> History:
    times = NOON + np.cumsum(then(flat(20.0, 300), flat(240.0, 60)))
    rows = Rows.of(list(10 * np.arange(360)), list(falling(360, noise=0.03)), list(times))
    return History().extend({"loss": rows})


_EVAL_RISE = then(falling(20, noise=0.01), line(1.96, 3.4, 20))
RULES: Mapping[str, Rule] = {
    "nan.persistent": Rule(nan, STOP, {"loss": then(_FELL, flat(NAN, 40))}),
    "nan.hidden": Rule(
        nan, STOP, {"loss": then(_FELL, flat(1.4142, 40)), "grad_norm": then(noisy(1, 400, 0.1), flat(NAN, 40))}
    ),
    "nan.trailing": Rule(
        nan, WAIT, {"loss": _FELL, "val_loss": every(20, then(falling(17, noise=0.02), NAN, NAN, NAN))}
    ),
    "nan.stray": Rule(nan, CONTINUE, {"loss": then(_FELL[:200], NAN, _FELL[200:])}),
    "spike.up": Rule(spike, WAIT, {"loss": then(_FELL, 4.0, 6.0, 5.5)}),
    "spike.recovered": Rule(spike, CONTINUE, {"loss": then(_FELL[:350], 4.0, 6.0, _FELL[350:])}, {"new_rows": 60}),
    "divergence.shift": Rule(divergence, STOP, {"loss": _UP}),
    "divergence.explained": Rule(divergence, WAIT, {"loss": then(falling(), np.geomspace(6, 1.6, 60))}),
    "divergence.harmless": Rule(
        divergence, CONTINUE, {"loss": _UP, "lr": then(flat(1e-2, 150), flat(1e-3, 150), flat(1e-2, 100))}
    ),
    "divergence.runaway": Rule(divergence, STOP, {"loss": then(falling(), np.geomspace(4, 4e4, 30))}),
    "oscillation.growing": Rule(oscillation, WAIT, {"loss": 2 + np.geomspace(0.01, 0.9, 240) * _BEAT}),
    "unlearned.above": Rule(unlearned, STOP, {"loss": then(2.3, 9.0, 7.5, noisy(6.0, 200, 0.3))}),
    "plateau.stuck": Rule(plateau, WAIT, {"loss": noisy(2.1, 200, 0.02)}),
    "plateau.chance": Rule(
        plateau, STOP, {"loss": noisy(np.log(10), 200, 0.01), "acc": _GUESSED}, {"planned_steps": 500.0}
    ),
    "plateau.frozen": Rule(plateau, WAIT, {"loss": then(_FELL, flat(1.23456, 60))}),
    "plateau.pinned": Rule(plateau, WAIT, {"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 2e-4))}),
    "plateau.poor": Rule(
        plateau,
        WAIT,
        {
            "loss": then(falling(200), noisy(1.1, 600)),
            "val_acc": every(20, then(line(0.02, 0.1, 10), noisy(0.1, 30, 0.002))),
        },
    ),
    "plateau.unrewarded": Rule(plateau, WAIT, {"reward": noisy(-200, 1200, 1.0)}),
    "baseline.missed": Rule(
        baseline,
        STOP,
        {"loss": _FELL, "val_loss": every(10, falling(40, 3.0, 1.6, 0.01))},
        {"baseline": {"val_loss": 1.0}, "planned_steps": 600.0},
    ),
    "comparison.behind": Rule(
        comparison,
        WAIT,
        {"loss": _FELL + then(flat(0, 100), flat(0.4, 300))},
        {"baseline_runs": {"lab/vision/r0": history_of({"loss": _FELL})}},
    ),
    "comparison.closing": Rule(
        comparison,
        CONTINUE,
        {"loss": _FELL + then(flat(0, 100), line(0.7, 0.1, 300))},
        {"baseline_runs": {"lab/vision/r0": history_of({"loss": _FELL})}},
    ),
    "comparison.level": Rule(
        comparison,
        CONTINUE,
        {"loss": _FELL - then(flat(0, 100), flat(0.2, 300))},
        {"baseline_runs": {"lab/vision/r0": history_of({"loss": _FELL})}},
    ),
    "evaluation.missing": Rule(evaluation, WAIT, {"loss": _FELL, "val_loss": every(10, falling(20, noise=0.02))}),
    "evaluation.constant": Rule(
        evaluation,
        STOP,
        {"loss": then(falling(200), noisy(1.2, 200)), "val_loss": every(10, then(falling(20), flat(1.94512, 20)))},
        {"planned_steps": 800.0},
    ),
    "overfit.worse": Rule(
        overfit, STOP, {"loss": falling(400, noise=0.005), "val_loss": every(10, _EVAL_RISE)}, {"planned_steps": 500.0}
    ),
    "overfit.rising": Rule(
        overfit, WAIT, {"loss": line(3, 1, 120), "val_loss": {20: 2.0, 40: 1.6, 60: 1.8, 80: 2.1, 100: 2.4, 120: 2.8}}
    ),
    "overfit.aside": Rule(
        overfit,
        CONTINUE,
        {
            "loss": falling(400, noise=0.005),
            "val_loss": every(10, falling(40, noise=0.01)),
            "val_aux_loss": every(10, _EVAL_RISE),
        },
    ),
    "collapse.worse": Rule(
        collapse,
        STOP,
        {"reward": then(line(0, 200, 300), noisy(195, 100, 5), line(180, 20, 40), noisy(15, 160, 5))},
        {"planned_steps": 900.0},
    ),
    "collapse.aside": Rule(
        collapse, CONTINUE, {"reward": then(line(0, 200, 300), line(200, 60, 100), line(60, 120, 80))}
    ),
    "collapse.spread": Rule(
        collapse, WAIT, {"loss": _FELL[:200], "embedding_std": then(noisy(1, 150, 0.02), np.geomspace(1, 1e-3, 50))}
    ),
    "too_good.beyond": Rule(
        too_good,
        WAIT,
        {"loss": _FELL, "val_loss": every(10, then(falling(30, noise=0.01), flat(0.02, 10)))},
        {"baseline": {"val_loss": 1.1}},
    ),
    "too_good.perfect": Rule(too_good, WAIT, {"loss": _FELL, "val_acc": every(10, flat(1.0, 40))}),
    "loss_scale.falling": Rule(
        loss_scale, STOP, {"loss": _FELL[:60], "loss_scale": then(flat(2.0**15, 30), 2.0 ** -np.arange(-14.0, 16.0))}
    ),
    "gradient.exploding": Rule(gradient, WAIT, {"loss": _FELL, "grad_norm": then(noisy(1, 390, 0.1), flat(80.0, 10))}),
    "gradient.vanishing": Rule(gradient, WAIT, {"loss": _FELL, "grad_norm": then(noisy(1, 380, 0.1), flat(1e-6, 20))}),
    "gradient.zero": Rule(gradient, WAIT, {"loss": noisy(2.3, 100, 0.01), "grad_norm": flat(0.0, 100)}),
    "gradient.record": Rule(
        gradient, CONTINUE, {"loss": _FELL, "grad_norm": then(noisy(1, 395, 0.1), 60.0, noisy(1, 4, 0.1))}
    ),
    "gradient.clipped": Rule(
        gradient, CONTINUE, {"loss": _FELL, "grad_norm": then(noisy(0.8, 300, 0.05), flat(1.0, 100))}
    ),
    "learning_rate.invalid": Rule(learning_rate, STOP, {"loss": _FELL, "lr": then(_RATE[:350], flat(-1e-4, 50))}),
    "learning_rate.parked": Rule(
        learning_rate,
        STOP,
        {"loss": then(falling(200), noisy(1.3, 200)), "lr": then(cosine(200), flat(1e-8, 200))},
        {"planned_steps": 800.0},
    ),
    "learning_rate.zero": Rule(
        learning_rate, STOP, {"loss": noisy(2.3, 200, 0.01), "lr": flat(0.0, 200)}, {"planned_steps": 800.0}
    ),
    "learning_rate.jump": Rule(learning_rate, WAIT, {"loss": _FELL, "lr": then(_RATE[:300], flat(1e-2, 100))}),
    "pace.slow": Rule(pace, WAIT, {}, {"history": _slow(), "roles": {"loss": Role.TRAIN_LOSS}}),
    "progress.moving": Rule(
        progress, CONTINUE, {"loss": _FELL, "val_loss": every(20, falling(20, noise=0.02)), "lr": _RATE}
    ),
    "forecast.end": Rule(
        forecast, CONTINUE, {"loss": _FELL, "val_loss": every(10, falling(40, noise=0.01))}, {"planned_steps": 800.0}
    ),
    "forecast.missed": Rule(
        forecast,
        WAIT,
        {"loss": _FELL, "val_loss": every(10, falling(40, noise=0.01))},
        {"planned_steps": 800.0, "target": {"val_loss": 0.5}, "key_metrics": ("val_loss",)},
    ),
}
"""By check and code."""

NOT_DRAWN = frozenset(
    {
        "blind.unreachable",
        "blind.empty",
        "blind.early",
        "blind.unjudged",
        "stale.silent",
        "stale.contradiction",
        "forecast.unknown",
    }
)
"""What has no place on the axis of the steps."""
