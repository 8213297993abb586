"""A small training script as people write them, with a bug in its learning-rate schedule.

A network with one hidden layer learns to tell apart points that are drawn when the script starts. It logs with the
wandb SDK, offline, and prints a line every few steps. All is well until the step decay begins: `learning_rate` divides
by the decay where it should multiply, so the rate grows from there on; the loss climbs, then explodes, and the weights
overflow. Nothing is acted: every NaN comes out of the arithmetic. Like its models in the wild the script then goes on
as if nothing had happened, until somebody stops it or its planned steps are over.

Knows nothing of trainwatch: `python -m trainwatch_core.demo.training --dir DIR`.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wandb import Run

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Figures = Mapping[str, float]

SEED = 7
CLASSES = 8
FEATURES = 16
HIDDEN = 64
CLUSTERS_PER_CLASS = 3
TRAIN_POINTS = 4000
EVAL_POINTS = 500
BATCH = 256
PEAK_RATE = 0.02
WARMUP_STEPS = 40
MOMENTUM = 0.9
DECAY = 0.65
DECAY_EPOCHS = 50
STEPS_PER_EPOCH = 20
EVAL_EVERY = 20
PRINT_EVERY = 5
LEAK = np.float32(0.1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asks for.

    Attributes:
        directory: Where wandb writes.
        seconds: How long the planned steps take; the script ends then in any case.
        break_at: Share of the planned steps after which the decay begins.
        steps_per_second: Pace.
        cue: A file; the decay begins when it is there instead. None: at `break_at`.
    """

    directory: Path
    seconds: float
    break_at: float
    steps_per_second: float
    cue: Path | None = None

    @property
    def total_steps(self) -> int:
        """Planned length of the training."""
        return max(1, round(self.seconds * self.steps_per_second))

    @property
    def milestone(self) -> int:
        """The step at which the decay begins, unless a cue tells."""
        return self.total_steps if self.cue else round(self.total_steps * self.break_at)


@dataclass(frozen=True, slots=True)
class Points:
    """Labelled points.

    Attributes:
        inputs: Shape (n, FEATURES).
        labels: Shape (n,), 0 <= label < CLASSES.
    """

    inputs: Floats
    labels: Labels


def draw_points(rng: np.random.Generator, centres: NDArray[np.float64], count: int) -> Points:
    """Draw points around the centres; each class owns several of them, so no straight line tells the classes apart."""
    chosen = rng.integers(0, len(centres), count)
    inputs = centres[chosen] + 0.9 * rng.normal(size=(count, FEATURES))
    return Points(inputs.astype(np.float32), chosen % CLASSES)


def learning_rate(step: int, milestone: int) -> float:
    """Warm up, hold, and from the milestone on multiply by DECAY once an epoch, DECAY_EPOCHS times."""
    warm = PEAK_RATE * min(1.0, (step + 1) / WARMUP_STEPS)
    epochs_past = min(DECAY_EPOCHS, max(0, step - milestone) / STEPS_PER_EPOCH)
    return warm / float(DECAY**epochs_past)  # the bug of this demo: `/` stands where `*` is meant


class Network:
    """A leaky-ReLU network with one hidden layer and a softmax on top, trained by SGD with momentum, in float32."""

    def __init__(self, rng: np.random.Generator) -> None:
        wide = rng.normal(size=(FEATURES, HIDDEN)) * np.sqrt(2.0 / FEATURES)
        narrow = rng.normal(size=(HIDDEN, CLASSES)) * 0.3 * np.sqrt(1.0 / HIDDEN)
        shapes = (wide, np.zeros(HIDDEN), narrow, np.zeros(CLASSES))
        self.weights: list[Floats] = [array.astype(np.float32) for array in shapes]
        self.velocity: list[Floats] = [np.zeros_like(array) for array in self.weights]

    def forward(self, inputs: Floats) -> tuple[Floats, Floats, Floats]:
        """Pre-activations (n, HIDDEN), activations (n, HIDDEN) and log-probabilities (n, CLASSES)."""
        wide, wide_bias, narrow, narrow_bias = self.weights
        before = inputs @ wide + wide_bias
        hidden = np.where(before > 0, before, LEAK * before)
        logits = hidden @ narrow + narrow_bias
        logits = logits - logits.max(axis=1, keepdims=True)
        return before, hidden, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def evaluate(self, points: Points) -> tuple[float, float]:
        """Mean cross-entropy and the share of points told right."""
        logs = self.forward(points.inputs)[2]
        loss = -logs[np.arange(len(points.labels)), points.labels].mean()
        return float(loss), float((logs.argmax(axis=1) == points.labels).mean())

    def train_step(self, batch: Points, rate: float) -> tuple[float, float]:
        """One step down the gradient; returns the batch's loss and the norm of its gradient."""
        before, hidden, logs = self.forward(batch.inputs)
        rows = np.arange(len(batch.labels))
        loss = -logs[rows, batch.labels].mean()
        error = np.exp(logs)
        error[rows, batch.labels] -= 1.0
        error /= np.float32(len(rows))
        behind = (error @ self.weights[2].T) * np.where(before > 0, np.float32(1.0), LEAK)
        gradients = (batch.inputs.T @ behind, behind.sum(axis=0), hidden.T @ error, error.sum(axis=0))
        for index, gradient in enumerate(gradients):
            self.velocity[index] = np.float32(MOMENTUM) * self.velocity[index] + gradient
            self.weights[index] = self.weights[index] - np.float32(rate) * self.velocity[index]
        return float(loss), float(np.sqrt(sum(float(np.vdot(g, g)) for g in gradients)))


def start_logging(plan: Plan) -> Run:
    """Start an offline run that can be read while it is written.

    wandb-core hands rows to the `.wandb` file every 15 s or 32 KiB; a demo that is looked at every three seconds wants
    them sooner. The interval is set by the environment because older releases do not know the setting.
    """
    os.environ.setdefault("WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL", "1")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb  # noqa: PLC0415  # half a second and 60 MB: not for those who only read this module

    return wandb.init(
        mode="offline",
        dir=plan.directory,
        project="trainwatch-demo",
        name="two-layer-net",
        config={
            "total_steps": plan.total_steps,
            "peak_learning_rate": PEAK_RATE,
            "decay": DECAY,
            "batch_size": BATCH,
            "seed": SEED,
            "host": platform.node(),
            "pid": os.getpid(),
        },
        settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True),
    )


def say(**figures: float) -> None:
    """Print one line of `name=value`."""
    words = (f"{name}={value}" if isinstance(value, int) else f"{name}={value:.6g}" for name, value in figures.items())
    print(*words, flush=True)  # noqa: T201  # a training script prints; its log is this output


def train(plan: Plan, run: Run) -> None:
    """Train until the planned steps or the seconds are over, at the plan's pace."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(size=(CLASSES * CLUSTERS_PER_CLASS, FEATURES))
    training, held_out = draw_points(rng, centres, TRAIN_POINTS), draw_points(rng, centres, EVAL_POINTS)
    network = Network(rng)
    begun = time.monotonic()
    milestone = plan.milestone
    for step in range(plan.total_steps):
        picked = rng.integers(0, TRAIN_POINTS, BATCH)
        if plan.cue is not None and milestone > step and plan.cue.exists():
            milestone = step
        rate = learning_rate(step, milestone)
        loss, norm = network.train_step(Points(training.inputs[picked], training.labels[picked]), rate)
        row = {"train/loss": loss, "train/grad_norm": norm, "lr": rate, "epoch": step / STEPS_PER_EPOCH}
        if step % PRINT_EVERY == 0:
            say(step=step, epoch=step // STEPS_PER_EPOCH, loss=loss, grad_norm=norm, lr=rate)
        if step % EVAL_EVERY == 0:
            eval_loss, accuracy = network.evaluate(held_out)
            row |= {"eval/loss": eval_loss, "eval/accuracy": accuracy}
            say(step=step, eval_loss=eval_loss, eval_accuracy=accuracy)
        run.log(row, step=step)
        if time.monotonic() - begun > plan.seconds:
            break
        # Paced against the clock, not by equal naps: what a step costs is not added to each nap.
        time.sleep(max(0.0, begun + (step + 1) / plan.steps_per_second - time.monotonic()))


def read_arguments(arguments: Sequence[str] | None) -> Plan:
    """The plan that a command line asks for."""
    parser = argparse.ArgumentParser(prog="training", description="Train a small network, and let it go wrong.")
    parser.add_argument("--dir", type=Path, required=True, help="where wandb writes; made if missing")
    parser.add_argument("--seconds", type=float, default=180.0, help="planned length; it ends then (default 180)")
    parser.add_argument(
        "--break-at", type=float, default=0.03, help="share of it after which the rate decays (default 0.03)"
    )
    parser.add_argument("--break-when", type=Path, help="a file: the rate decays from when it is there")
    parser.add_argument("--steps-per-second", type=float, default=20.0, help="pace (default 20)")
    given = parser.parse_args(arguments)
    if not (0 < given.seconds <= 3600 and 0 <= given.break_at <= 1 and 0 < given.steps_per_second <= 1000):  # noqa: PLR2004  # the limits are named in the message
        parser.error("--seconds is at most 3600, --break-at between 0 and 1, --steps-per-second at most 1000")
    return Plan(given.dir, given.seconds, given.break_at, given.steps_per_second, given.break_when)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    plan = read_arguments(arguments)
    plan.directory.mkdir(parents=True, exist_ok=True)
    run = start_logging(plan)
    print(f"run directory: {Path(run.dir).parent}", flush=True)  # noqa: T201  # a training script prints
    print(f"training {plan.total_steps} steps, pid {os.getpid()}", flush=True)  # noqa: T201  # likewise
    train(plan, run)
    run.finish()


if __name__ == "__main__":
    main()
