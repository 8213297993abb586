"""Runs worth a picture: what a painter and its specification must cope with, for tests, benchmarks and the README."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from trainwatch_core.checks import forecast
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.roles import assign_goals, assign_roles
from trainwatch_core.model.round import SourceReport, SourceStatus, View
from trainwatch_core.model.run import RunInfo
from trainwatch_core.model.series import FloatArray, History, Rows
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.charting import compose_chart

Columns = Mapping[str, tuple[FloatArray, FloatArray]]

_NAN_FROM, _AWAY_FROM = 40_350.0, 38_000.0

FINE = Verdict(Decision.CONTINUE, (Finding("progress", "moving", Decision.CONTINUE, Weight.INFO, "moving"),))


@dataclass(frozen=True, slots=True)
class Sample:
    """One run, at one round.

    Attributes:
        columns: Metric name to steps and values.
        verdict: What was decided.
        last_check: Step of the last check; None if there was none.
        baseline: Metric name to value.
        beside: Name of another run to its columns.
        target: Metric name to value.
        planned: Planned length.
        name: What the run is called.
    """

    columns: Columns
    verdict: Verdict = FINE
    last_check: float | None = None
    baseline: Mapping[str, float] | None = None
    beside: Mapping[str, Columns] = field(default_factory=dict)
    target: Mapping[str, float] | None = None
    planned: float | None = None
    name: str = "resnet50-lr3e4"

    def view(self) -> View:
        """What checks and pictures see of it."""
        history = _history(self.columns)
        return View(
            history=history,
            roles=assign_roles(history.series),
            goals=assign_goals(history.series),
            info=RunInfo(),
            source=SourceReport(SourceStatus.WANDB_OK),
            now=0.0,
            baseline=self.baseline or {},
            baseline_runs={name: _history(columns) for name, columns in self.beside.items()},
            target=self.target or {},
            planned_steps=self.planned,
        )

    def spec(self) -> ChartSpec:
        """Its picture, as data."""
        spec = compose_chart(self.view(), self.verdict, last_check_step=self.last_check, run_name=self.name)
        if spec is None:
            raise ValueError(f"{self.name} has nothing to draw")
        return spec


def _history(columns: Columns) -> History:
    return History().extend({name: Rows.of(*column) for name, column in columns.items()})


def verdict_on(check: str, code: str, first: float, last: float, *, metric: str = "loss") -> Verdict:
    """A STOP for one finding of a check between two steps; of the code `recovered`, a CONTINUE for a recovery."""
    over = code == "recovered"
    decision, weight = (Decision.CONTINUE, Weight.RECOVERED) if over else (Decision.STOP, Weight.HARD)
    return Verdict(decision, (Finding(check, code, decision, weight, "told elsewhere", metric, first, last),))


def falling(count: int, *, every: float = 10.0, noise: float = 0.08, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Steps and values of a loss that falls from 10 to 2.3, as losses do; shape (count,) each."""
    share = np.arange(count) / count
    ripple = noise * np.random.default_rng(seed).standard_normal(count)
    return np.arange(float(count)) * every, 2.3 + 8 * np.exp(-share / 0.12) + 0.25 * (1 - share) + ripple


def _strip(steps: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    share = steps / steps[-1]
    rate = np.minimum(share / 0.05, 0.5 + 0.5 * np.cos(np.pi * share / 1.3)) * 3e-4
    norm = np.exp(0.35 * np.random.default_rng(1).standard_normal(len(steps)))
    return {"lr": (steps, rate), "grad_norm": (steps, norm)}


def _evals(end: float) -> dict[str, tuple[FloatArray, FloatArray]]:
    steps = np.arange(end / 20, end, end / 20)
    ripple = 0.03 * np.random.default_rng(2).standard_normal(len(steps))
    curve = np.exp(-steps / end / 0.12)
    return {"val_loss": (steps, 2.4 + 8 * curve + ripple), "val_acc": (steps, 0.7 - 0.5 * curve)}


def healthy(count: int = 4120) -> Sample:
    """Loss, evaluations, learning rate and gradient norm as one wants them, with a baseline."""
    steps, loss = falling(count)
    end = float(steps[-1])
    columns = {"loss": (steps, loss), **_evals(end), **_strip(steps)}
    return Sample(columns, last_check=0.88 * end, baseline={"val_loss": 2.6}, planned=90_000)


def diverged_to_nan() -> Sample:
    """The loss climbs from step 38,900 on and is NaN from 40,350 on, the gradient norm with it."""
    steps, loss = falling(4300)
    strip, evals = _strip(steps), _evals(43_000)["val_loss"]
    climb = np.exp(np.maximum(0.0, steps - 38_900) / 400)
    gone = steps >= _NAN_FROM
    columns = {
        "loss": (steps, np.where(gone, np.nan, loss * climb)),
        "val_loss": (evals[0][:17], evals[1][:17]),
        "lr": strip["lr"],
        "grad_norm": (steps, np.where(gone, np.nan, strip["grad_norm"][1] * climb)),
    }
    verdict = verdict_on("nan", "persistent", _NAN_FROM, 42_990)
    return Sample(columns, verdict, last_check=41_000, planned=90_000)


def exploded() -> Sample:
    """The loss leaves for 10^13 at step 38,000."""
    steps, loss = falling(4300)
    away = np.where(steps >= _AWAY_FROM, np.exp(np.minimum(np.maximum(0.0, steps - 38_000) / 150, 30)), 1.0)
    verdict = verdict_on("divergence", "runaway", 38_000, 42_990)
    return Sample({"loss": (steps, loss * away), **_strip(steps)}, verdict, last_check=41_000)


def jumped() -> Sample:
    """The loss jumps to the chance level of 1,000 classes at step 38,000 and stays."""
    steps, loss = falling(4300)
    verdict = verdict_on("divergence", "shift", 38_000, 42_990)
    return Sample({"loss": (steps, np.where(steps >= _AWAY_FROM, 6.91, loss)), **_strip(steps)}, verdict)


def spiked() -> Sample:
    """A spike between the steps 12,000 and 12,400 that is long over."""
    steps, loss = falling(3000)
    spike = 4 * np.exp(-np.maximum(0.0, steps - 12_000) / 80) * (steps // 12_000 == 1)
    verdict = verdict_on("spike", "recovered", 12_000, 12_400)
    return Sample({"loss": (steps, loss + spike), **_strip(steps)}, verdict, last_check=28_000)


def plateau() -> Sample:
    """Nothing falls any more, and baseline and target are out of reach."""
    steps, loss = falling(3000, noise=0.05)
    flat = {"loss": (steps, np.maximum(loss, 2.4)), "val_loss": _evals(30_000)["val_loss"]}
    verdict = verdict_on("plateau", "slow", 14_000, 29_990)
    return Sample(flat, verdict, last_check=29_000, baseline={"val_loss": 2.31}, target={"val_loss": 2.1})


def million() -> Sample:
    """A million steps with one spike and three NaN, long folded into buckets."""
    steps, loss = falling(1_000_000, every=1.0)
    loss[400_000], loss[700_000:700_003] = 30.0, np.nan
    return Sample({"loss": (steps, loss), **_strip(steps)}, last_check=980_000, name="llm-7b")


def resumed() -> Sample:
    """A run that went back twice, with a score that has a scale of its own."""
    steps = np.concatenate([np.arange(500.0), np.arange(400.0, 700.0), np.arange(650.0, 1000.0)])
    score = np.arange(50.0, 1000.0, 50.0), np.linspace(0.1, 0.7, 19)
    columns = {"loss": (steps, 2.3 + 5 * np.exp(-steps / 150)), "val_acc": score}
    return Sample(columns, last_check=900, baseline={"val_acc": 0.65}, target={"val_acc": 0.9})


def foretold(sample: Sample) -> Sample:
    """The same run in a round that speaks of where it is going."""
    findings = forecast.check(sample.view())
    if not findings:
        raise ValueError(f"nothing is foretold of {sample.name}")
    return replace(sample, verdict=Verdict(max(each.argues_for for each in findings), findings))


def missed() -> Sample:
    """A validation loss that will miss its baseline by far."""
    steps, loss = falling(4120)
    at = np.arange(1500.0, float(steps[-1]), 1500.0)
    val = 2.0 + 6 * (at / 2250 + 1) ** -0.6 + 0.015 * np.random.default_rng(3).standard_normal(len(at))
    columns = {"loss": (steps, loss), "val_loss": (at, val), **_strip(steps)}
    return foretold(Sample(columns, last_check=38_000, baseline={"val_loss": 2.1}, planned=90_000))


def rising_score() -> Sample:
    """An accuracy on its way to a target, with a scale of its own beside a loss."""
    steps, loss = falling(4120)
    at = np.arange(1500.0, float(steps[-1]), 1500.0)
    score = 0.8 - 0.7 * (at / 2250 + 1) ** -0.5 + 0.004 * np.random.default_rng(4).standard_normal(len(at))
    return foretold(Sample({"loss": (steps, loss), "val_acc": (at, score)}, target={"val_acc": 0.72}, planned=90_000))


def over_decades() -> Sample:
    """A loss that fell from 3 to 0.02, on a logarithmic axis, half-way."""
    steps = np.arange(0.0, 30_000.0, 20.0)
    noise = np.exp(0.1 * np.random.default_rng(1).standard_normal(len(steps)))
    return foretold(Sample({"loss": (steps, (3 * np.exp(-steps / 3000) + 0.02) * noise)}, planned=60_000))


def _plain(values: object, name: str = "odd") -> Sample:
    series = np.asarray(values, dtype=np.float64)
    return Sample({"loss": (np.arange(float(len(series))), series)}, name=name)


def _huge() -> Sample:
    values = np.where(np.arange(300) % 2, 1.7e308, -1.7e308)
    return Sample({"loss": (np.arange(300.0), values), "grad_norm": (np.arange(300.0), np.abs(values))}, last_check=250)


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "healthy": healthy,
    "diverged to nan": diverged_to_nan,
    "exploded": exploded,
    "jumped": jumped,
    "spiked": spiked,
    "plateau": plateau,
    "million": million,
    "resumed": resumed,
    "only nan": lambda: _plain(np.full(100, np.nan)),
    "only infinite": lambda: _plain([np.inf, -np.inf] * 20),
    "nan now and then": lambda: _plain([2.5, np.nan, 2.4, np.inf, np.nan, 2.3, -np.inf, 2.2] * 40),
    "constant": lambda: _plain(np.full(500, 0.6931)),
    "zero": lambda: _plain(np.zeros(500)),
    "falls to zero": lambda: _plain(np.maximum(0.0, 2.3 * np.exp(-np.arange(200) / 9) - 1e-6)),
    "negative": lambda: _plain(-100 - 50 * (1 - np.exp(-np.arange(500) / 80))),
    "huge": _huge,
    "huge pair": lambda: _plain([-1.7e308, 1.7e308]),
    "tiny": lambda: _plain([5e-324, 1e-310, 0.0, 5e-324]),
    "ulp apart": lambda: _plain([1.0, np.nextafter(1.0, 2.0)] * 20),
    "one point": lambda: _plain([2.5]),
    "two points": lambda: _plain([2.5, 2.4]),
    "mathematics in the name": lambda: _plain([3.0, 2.0, 1.0], r"$\frac{$"),
    "endless name": lambda: _plain([3.0, 2.0, 1.0], "x" * 100_000),
    "letters of all kinds": lambda: _plain([3.0, 2.0, 1.0], "عربي \u202e\x1b[31m 漢字 🔥 \ud800 a\u0301\u0301\u0301"),
    "odd metric": lambda: Sample({"$\\frac{$ loss\n\u202e": (np.arange(3.0), np.array([3.0, 2.0, 1.0]))}),
    "rate only": lambda: Sample({"lr": (np.arange(9.0), np.arange(9.0) * 1e-4)}),
    "foretold": lambda: foretold(healthy()),
    "foretold to miss": missed,
    "foretold score": rising_score,
    "foretold over decades": over_decades,
    "evaluations only": lambda: Sample(_evals(1000), last_check=800),
    "huge steps": lambda: Sample({"loss": (np.array([-1.7e308, 0.0, 1.7e308]), np.array([3.0, 2.0, 1.0]))}),
}
"""Every kind of run a picture must show, by name."""
