"""One made-up run for each rule of the judgement: what docs/judgement.md shows of it (`make figures`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import numpy as np

from tests.docs.rule import Axis, Rule
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
from trainwatch_core.model.roles import Role
from trainwatch_core.model.round import SourceReport, SourceStatus
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.series import History, Rows
from trainwatch_core.model.stop import JobState, Probe
from trainwatch_core.testing.columns import (
    CONTINUE,
    NAN,
    STOP,
    WAIT,
    cosine,
    every,
    falling,
    flat,
    line,
    noisy,
    then,
)
from trainwatch_core.testing.histories import NOON, history_of

_FELL = falling(400, noise=0.03)
_UP = then(falling(), noisy(2.5, 100))
_RATE = cosine(400)
_GUESSED = noisy(0.1, 200, 0.005)
_BEAT = np.sin(2 * np.pi * np.arange(240) / 3)


def _slow() -> History:
    times = NOON + np.cumsum(then(flat(20.0, 350), flat(240.0, 10)))
    rows = Rows.of(list(10 * np.arange(360)), list(falling(360, noise=0.03)), list(times))
    return History().extend({"loss": rows})


_LAST = NOON + 3990
"""When the last of 400 values came."""
_SAID_RUNNING = RunInfo(state=RunState.RUNNING, heartbeat_at=_LAST)
_ALIVE, _GONE = Probe(JobState.ALIVE, "pid 4211 runs"), Probe(JobState.GONE, "pid 4211: no such process")
_DOWN = SourceReport(SourceStatus.UNREACHABLE, failures=("The server said 503.",), since=_LAST + 120)
_EVAL_RISE = then(falling(20, noise=0.01), line(1.96, 3.4, 20))
RULES: Mapping[str, Rule] = {
    "nan.persistent": Rule(nan, STOP, {"loss": then(_FELL, flat(NAN, 40))}),
    "nan.hidden": Rule(
        nan,
        STOP,
        {"loss": then(_FELL, flat(1.4142, 40)), "grad_norm": then(noisy(1, 400, 0.1), flat(NAN, 40))},
        beside="grad_norm",
    ),
    "nan.trailing": Rule(
        nan, WAIT, {"loss": _FELL, "val_loss": every(20, then(falling(17, noise=0.02), NAN, NAN, NAN))}, beside="loss"
    ),
    "nan.stray": Rule(nan, CONTINUE, {"loss": then(_FELL[:200], NAN, _FELL[200:])}),
    "spike.up": Rule(spike, WAIT, {"loss": then(_FELL, 4.0, 6.0, 5.5)}, levels=("level", "peak"), begin=330.0),
    "spike.recovered": Rule(
        spike,
        CONTINUE,
        {"loss": then(_FELL[:350], 4.0, 6.0, _FELL[350:])},
        {"new_rows": 60},
        levels=("level", "peak"),
        begin=280.0,
    ),
    "divergence.shift": Rule(divergence, STOP, {"loss": _UP}, levels=("best", "now")),
    "divergence.explained": Rule(
        divergence, WAIT, {"loss": then(falling(), np.geomspace(6, 1.6, 60))}, levels=("best", "now")
    ),
    "divergence.harmless": Rule(
        divergence, CONTINUE, {"loss": _UP, "lr": then(flat(1e-2, 150), flat(1e-3, 150), flat(1e-2, 100))}, beside="lr"
    ),
    "divergence.runaway": Rule(
        divergence, STOP, {"loss": then(falling(), np.geomspace(4, 4e4, 30))}, levels=("best", "bar"), log=True
    ),
    "oscillation.growing": Rule(oscillation, WAIT, {"loss": 2 + np.geomspace(0.01, 0.9, 240) * _BEAT}),
    "unlearned.above": Rule(
        unlearned, STOP, {"loss": then(2.3, 9.0, 7.5, noisy(6.0, 200, 0.3))}, levels=("start", "quarter", "level")
    ),
    "plateau.stuck": Rule(plateau, WAIT, {"loss": noisy(2.1, 200, 0.02)}, levels=("level",)),
    "plateau.chance": Rule(
        plateau,
        STOP,
        {"loss": noisy(np.log(10), 200, 0.01), "acc": _GUESSED},
        {"planned_steps": 500.0},
        levels=("level",),
        beside="acc",
    ),
    "plateau.frozen": Rule(plateau, WAIT, {"loss": then(_FELL, flat(1.23456, 60))}),
    "plateau.pinned": Rule(
        plateau, WAIT, {"loss": then(noisy(0.8, 50, 0.04), noisy(0.6931, 60, 2e-4))}, levels=("level",)
    ),
    "plateau.poor": Rule(
        plateau,
        WAIT,
        {
            "loss": then(falling(200), noisy(1.1, 600)),
            "val_acc": every(20, then(line(0.02, 0.1, 10), noisy(0.1, 30, 0.002))),
        },
        beside="val_acc",
    ),
    "plateau.unrewarded": Rule(plateau, WAIT, {"reward": noisy(-200, 1200, 1.0)}, levels=("level",)),
    "baseline.missed": Rule(
        baseline,
        STOP,
        {"loss": _FELL, "val_loss": every(10, falling(40, 3.0, 1.6, 0.01))},
        {"baseline": {"val_loss": 1.0}, "planned_steps": 600.0},
        levels=("baseline", "forecast", "best"),
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
    "evaluation.missing": Rule(
        evaluation, WAIT, {"loss": _FELL, "val_loss": every(10, falling(20, noise=0.02))}, beside="loss"
    ),
    "evaluation.constant": Rule(
        evaluation,
        STOP,
        {"loss": then(falling(200), noisy(1.2, 200)), "val_loss": every(10, then(falling(20), flat(1.94512, 20)))},
        {"planned_steps": 800.0},
        beside="loss",
    ),
    "overfit.worse": Rule(
        overfit,
        STOP,
        {"loss": falling(400, noise=0.005), "val_loss": every(10, _EVAL_RISE)},
        {"planned_steps": 500.0},
        levels=("best", "now"),
        beside="loss",
    ),
    "overfit.rising": Rule(
        overfit,
        WAIT,
        {"loss": line(3, 1, 120), "val_loss": {20: 2.0, 40: 1.6, 60: 1.8, 80: 2.1, 100: 2.4, 120: 2.8}},
        levels=("best", "now"),
        beside="loss",
    ),
    "overfit.aside": Rule(
        overfit,
        CONTINUE,
        {
            "loss": falling(400, noise=0.005),
            "val_loss": every(10, falling(40, noise=0.01)),
            "val_aux_loss": every(10, _EVAL_RISE),
        },
        beside="val_loss",
    ),
    "collapse.worse": Rule(
        collapse,
        STOP,
        {"reward": then(line(0, 200, 300), noisy(195, 100, 5), line(180, 20, 40), noisy(15, 160, 5))},
        {"planned_steps": 900.0},
        levels=("best", "now"),
    ),
    "collapse.aside": Rule(
        collapse, CONTINUE, {"reward": then(line(0, 200, 300), line(200, 60, 100), line(60, 120, 80))}
    ),
    "collapse.spread": Rule(
        collapse,
        WAIT,
        {"loss": _FELL[:200], "embedding_std": then(noisy(1, 150, 0.02), np.geomspace(1, 1e-3, 50))},
        levels=("usual", "now"),
        log=True,
    ),
    "too_good.beyond": Rule(
        too_good,
        WAIT,
        {"loss": _FELL, "val_loss": every(10, then(falling(30, noise=0.01), flat(0.02, 10)))},
        {"baseline": {"val_loss": 1.1}},
        levels=("baseline", "now"),
        log=True,
    ),
    "too_good.perfect": Rule(too_good, WAIT, {"loss": _FELL, "val_acc": every(10, flat(1.0, 40))}, beside="loss"),
    "loss_scale.falling": Rule(
        loss_scale,
        STOP,
        {"loss": _FELL[:60], "loss_scale": then(flat(2.0**15, 30), 2.0 ** -np.arange(-14.0, 16.0))},
        levels=("now",),
        beside="loss",
        log=True,
    ),
    "gradient.exploding": Rule(
        gradient,
        WAIT,
        {"loss": _FELL, "grad_norm": then(noisy(1, 390, 0.1), flat(80.0, 10))},
        levels=("usual", "now"),
        log=True,
        begin=300.0,
    ),
    "gradient.vanishing": Rule(
        gradient,
        WAIT,
        {"loss": _FELL, "grad_norm": then(noisy(1, 380, 0.1), flat(1e-6, 20))},
        levels=("usual", "now"),
        log=True,
        begin=300.0,
    ),
    "gradient.zero": Rule(gradient, WAIT, {"loss": noisy(2.3, 100, 0.01), "grad_norm": flat(0.0, 100)}, beside="loss"),
    "gradient.record": Rule(
        gradient,
        CONTINUE,
        {"loss": _FELL, "grad_norm": then(noisy(1, 395, 0.1), 60.0, noisy(1, 4, 0.1))},
        levels=("most", "peak"),
        begin=300.0,
    ),
    "gradient.clipped": Rule(
        gradient,
        CONTINUE,
        {"loss": _FELL, "grad_norm": then(noisy(0.8, 300, 0.05), flat(1.0, 100))},
        levels=("top",),
        beside="loss",
    ),
    "learning_rate.invalid": Rule(
        learning_rate, STOP, {"loss": _FELL, "lr": then(_RATE[:350], flat(-1e-4, 50))}, beside="loss"
    ),
    "learning_rate.parked": Rule(
        learning_rate,
        STOP,
        {"loss": then(falling(200), noisy(1.3, 200)), "lr": then(cosine(200), flat(1e-8, 200))},
        {"planned_steps": 800.0},
        beside="loss",
        log=True,
    ),
    "learning_rate.zero": Rule(
        learning_rate,
        STOP,
        {"loss": noisy(2.3, 200, 0.01), "lr": flat(0.0, 200)},
        {"planned_steps": 800.0},
        beside="loss",
    ),
    "learning_rate.jump": Rule(
        learning_rate, WAIT, {"loss": _FELL, "lr": then(_RATE[:300], flat(1e-2, 100))}, beside="loss"
    ),
    "pace.slow": Rule(
        pace,
        WAIT,
        {},
        {"history": _slow(), "roles": {"loss": Role.TRAIN_LOSS}},
        levels=("usual", "now"),
        begin=3000.0,
        axis=Axis.PACE,
    ),
    "progress.moving": Rule(
        progress, CONTINUE, {"loss": _FELL, "val_loss": every(20, falling(20, noise=0.02)), "lr": _RATE}
    ),
    "forecast.end": Rule(
        forecast,
        CONTINUE,
        {"loss": _FELL, "val_loss": every(10, falling(40, noise=0.01))},
        {"planned_steps": 800.0},
        fan=True,
    ),
    "forecast.missed": Rule(
        forecast,
        WAIT,
        {"loss": _FELL, "val_loss": every(10, falling(40, noise=0.01))},
        {"planned_steps": 800.0, "target": {"val_loss": 0.5}, "key_metrics": ("val_loss",)},
        levels=("wanted",),
        fan=True,
    ),
    "forecast.unknown": Rule(
        forecast,
        CONTINUE,
        {"loss": _FELL, "val_loss": every(10, falling(40, noise=0.01))},
        {"planned_steps": 4000.0, "key_metrics": ("val_loss",)},
    ),
    "stale.silent": Rule(
        stale,
        WAIT,
        {"loss": _FELL},
        {"now": _LAST + 80 * 60, "progress_at": _LAST, "new_rows": 0, "job": _GONE, "info": _SAID_RUNNING},
        axis=Axis.CLOCK,
    ),
    "stale.contradiction": Rule(
        stale,
        WAIT,
        {"loss": _FELL},
        {"job": _ALIVE, "info": RunInfo(state=RunState.CRASHED)},
        axis=Axis.CLOCK,
    ),
    "blind.unreachable": Rule(blind, WAIT, {"loss": _FELL}, {"now": _LAST + 3600, "source": _DOWN}, axis=Axis.CLOCK),
    "blind.empty": Rule(blind, WAIT, {}),
    "blind.early": Rule(blind, WAIT, {"loss": [3.0, 2.8]}),
    "blind.unjudged": Rule(blind, CONTINUE, {"foo": noisy(1.0, 100)}),
}
"""By check and code."""

MODULES: Mapping[str, ModuleType] = {rule.check.__name__.rpartition(".")[2]: rule.check for rule in RULES.values()}
NOT_DRAWN = frozenset({"blind.empty"})
"""A run without a single value has no picture."""
