"""Small trainings with real gradients in numpy: a classifier of two layers, and what can go wrong with it.

Everything follows from the seed. What is logged is what a training logs: the loss of the batch, the learning rate and
the gradient's norm at every step, and the loss and accuracy on data that it is not trained on at every twentieth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
STEPS, EVAL_EVERY = 1200, 20
CLASSES, INPUTS, HIDDEN = 8, 16, 48
BAD = 600
"""The step at which trainings go wrong here."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a classifier is trained.

    Attributes:
        rate: The learning rate at a step.
        seed: Of everything.
        batch: Samples of a step.
        spread: How far the classes reach into each other: 1 is easy, 3 is hard.
        learnt: Steps that were trained before anything is logged, as for a model that is tuned further.
        shuffled_from: From this step on the labels of the training data belong to other samples.
        raw_from: From this step on the inputs come as they are stored, not scaled: too large for half precision.
        half: Whether forward and backward pass are in half precision, with a scaled loss and skipped steps.
        kicked_at: The step of an update so large that no hidden unit answers any more.
    """

    rate: Callable[[int], float] = lambda _step: 0.1
    seed: int = 0
    batch: int = 64
    spread: float = 1.5
    learnt: int = 0
    shuffled_from: float = math.inf
    raw_from: float = math.inf
    half: bool = False
    kicked_at: float = math.inf


@dataclass
class _Model:
    rng: np.random.Generator
    half: bool
    scale: float = 2.0**12
    weights: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        shapes = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
        self.weights = [self.rng.normal(0, 0.3, shape) if len(shape) > 1 else np.zeros(shape) for shape in shapes]

    def forward(self, inputs: Array) -> tuple[Array, Array]:
        """Hidden units and logarithms of the probabilities."""
        kind = np.dtype(np.float16 if self.half else np.float64)
        given, first, bias, second, last = (np.asarray(each, dtype=kind) for each in (inputs, *self.weights))
        hidden: Array = np.maximum(given @ first + bias, 0)
        logits = (hidden @ second + last).astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        return hidden.astype(np.float64), shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def loss_and_gradients(self, inputs: Array, labels: Array) -> tuple[float, list[Array]]:
        """Cross entropy, and its derivatives by all weights."""
        hidden, logs = self.forward(inputs)
        at = np.arange(len(labels))
        error = np.exp(logs)
        error[at, labels] -= 1
        error /= len(labels)
        if self.half:
            error = (error * self.scale).astype(np.float16).astype(np.float64) / self.scale
        below = (error @ self.weights[2].T) * (hidden > 0)
        return float(-logs[at, labels].mean()), [inputs.T @ below, below.sum(0), hidden.T @ error, error.sum(0)]


def train(recipe: Recipe) -> dict[str, dict[float, float]]:
    """The metrics that a training logs, by name: step to value."""
    with np.errstate(all="ignore"):
        return _train(recipe)


def _train(recipe: Recipe) -> dict[str, dict[float, float]]:
    rng = np.random.default_rng(recipe.seed)
    inputs, labels = _data(rng, recipe.spread, 4000)
    held_out = slice(3000, 4000)
    model = _Model(rng, recipe.half)
    logged: dict[str, dict[float, float]] = {}
    for step in range(-recipe.learnt, STEPS):
        chosen = rng.integers(0, 3000, recipe.batch)
        given = inputs[chosen] * (3e4 if step >= recipe.raw_from else 1.0)
        told = labels[rng.integers(0, 3000, recipe.batch)] if step >= recipe.shuffled_from else labels[chosen]
        rate = recipe.rate(max(step, 0))
        row = _step(model, given, told, rate)
        if step == recipe.kicked_at:
            model.weights[1] -= 100.0
        if step >= 0 and (step + 1) % EVAL_EVERY == 0:
            row |= _evaluated(model, inputs[held_out], labels[held_out])
        for name, value in row.items() if step >= 0 else ():
            logged.setdefault(name, {})[float(step)] = value
    return logged


def _step(model: _Model, inputs: Array, labels: Array, rate: float) -> dict[str, float]:
    loss, gradients = model.loss_and_gradients(inputs, labels)
    norm = math.sqrt(sum(float((each**2).sum()) for each in gradients))
    row = {"train/loss": loss, "lr": rate, "grad_norm": norm}
    if model.half:
        row["loss_scale"] = model.scale
    if model.half and not math.isfinite(norm):
        # As a gradient scaler does: the step is left out, and the scale halved.
        model.scale /= 2
        return row
    for weight, gradient in zip(model.weights, gradients, strict=True):
        np.subtract(weight, rate * gradient, out=weight)
    return row


def _evaluated(model: _Model, inputs: Array, labels: Array) -> dict[str, float]:
    _, logs = model.forward(inputs)
    right = float((logs.argmax(axis=1) == labels).mean())
    return {"val/loss": float(-logs[np.arange(len(labels)), labels].mean()), "val/acc": right}


def _data(rng: np.random.Generator, spread: float, count: int) -> tuple[Array, Array]:
    centres = rng.normal(0, 1, (CLASSES, INPUTS))
    labels = rng.integers(0, CLASSES, count)
    return centres[labels] + rng.normal(0, spread / 2, (count, INPUTS)), labels


def cosine(step: int) -> float:
    """A hundred steps of warm-up, then half a cosine to the end."""
    return 0.3 * min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / STEPS))


def dropping(step: int) -> float:
    """A tenth after half of the steps, a hundredth after three quarters."""
    return float(0.3 * 0.1 ** ((step >= STEPS / 2) + (step >= 3 * STEPS / 4)))


def mistyped(step: int) -> float:
    """A schedule in which somebody typed the exponent wrong."""
    return 0.1 if step < BAD else 100.0


def creeping(step: int) -> float:
    """A schedule that grows where it should fall, by two percent a step."""
    return 0.1 * 1.02 ** max(0, step - BAD)


HEALTHY = {
    "constant rate": Recipe(),
    "warm-up and cosine": Recipe(rate=cosine, seed=1),
    "rate drops": Recipe(rate=dropping, seed=2),
    "small noisy batches": Recipe(rate=lambda _step: 0.03, seed=3, batch=8, spread=3.0),
    "hard to tell apart": Recipe(seed=4, spread=4.0),
    "tuned further": Recipe(rate=lambda _step: 0.01, seed=5, learnt=1500),
    "half precision": Recipe(seed=6, half=True, batch=16),
    "slow": Recipe(rate=lambda _step: 0.003, seed=7),
}
BROKEN = {
    "rate a thousand times too high": replace(Recipe(seed=10), rate=mistyped),
    "rate creeps up": replace(Recipe(seed=14), rate=creeping),
    "half precision overflows": Recipe(seed=11, half=True, batch=16, raw_from=BAD),
    "labels shuffled": Recipe(seed=12, shuffled_from=BAD),
    "all units dead": Recipe(seed=13, kicked_at=BAD),
}
