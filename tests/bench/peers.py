"""What people use today to end a bad run, written anew from the published descriptions.

Each rule reads the values that were logged, one after the other, and says at which of them it would have stopped. They
were made for every batch of a training and see here what was logged of it, as trainwatch does.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainwatch_core.adapters.sources.recorded import Recording
from trainwatch_core.model.roles import Goal, Role, infer_role, main_of
from trainwatch_core.model.series import FloatArray

Rule = Callable[[FloatArray], int | None]
"""Values in the order of logging -> index of the one at which it stops; None if it never does."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to end runs.

    Attributes:
        name: In the table.
        stop_row: Recording and directions -> the row of the run at which it stops; None if it never does.
    """

    name: str
    stop_row: Callable[[Recording, Mapping[str, Goal]], int | None]


def early_stopping(values: FloatArray, *, patience: int) -> int | None:
    """Lightning's and Keras' EarlyStopping, for what should fall, with `min_delta` 0 and `check_finite`.

    "Number of checks with no improvement after which training will be stopped", and at once "when the monitor becomes
    NaN or infinite": lightning.ai/docs/pytorch/latest/api/lightning.pytorch.callbacks.EarlyStopping.html, and
    keras.io/api/callbacks/early_stopping.
    """
    best, waited = math.inf, 0
    for at, value in enumerate(values.tolist()):
        if not math.isfinite(value):
            return at
        best, waited = (value, 0) if value < best else (best, waited + 1)
        if waited >= patience:
            return at
    return None


def terminate_on_nan(values: FloatArray) -> int | None:
    """Keras' TerminateOnNaN: the first loss that is NaN or infinite (keras.io/api/callbacks/terminate_on_nan)."""
    return next((at for at, value in enumerate(values.tolist()) if not math.isfinite(value)), None)


def z_score(values: FloatArray, *, window: int = 30, limit: float = 3.0) -> int | None:
    """The textbook control chart (Shewhart, 1931): more than 3 standard deviations above the mean of the last 30.

    That is what dashboards and home-made callbacks mostly do.
    """
    before: deque[float] = deque(maxlen=window)
    for at, value in enumerate(values.tolist()):
        if len(before) == window:
            # An infinity in the window makes both NaN, and nothing is an outlier then.
            with np.errstate(invalid="ignore"):
                deviation, mean = float(np.std(before)), float(np.mean(before))
            if deviation > 0 and value > mean + limit * deviation:
                return at
        before.append(value)
    return None


def kill_loss_spike(values: FloatArray) -> int | None:
    """KillLossSpike of llm-foundry with its defaults, told to stop (`log_only` false).

    Window 100, an outlier is at least twice the window's mean, the fifth outlier in a row stops; so does, from step 200
    on, a window of which half lies above 10: github.com/mosaicml/llm-foundry,
    llmfoundry/callbacks/kill_loss_spike_callback.py.
    """
    window, multiple, patience, cap = 100, 2.0, 4, 10.0
    before: deque[float] = deque(maxlen=window)
    outliers = 0
    for at, value in enumerate(values.tolist()):
        if len(before) == window:
            outliers = outliers + 1 if value >= multiple * float(np.mean(before)) else 0
            high = at >= 2 * window and sum(one > cap for one in before) >= window / 2
            if outliers > patience or high:
                return at
        before.append(value)
    return None


def six_sigma(values: FloatArray) -> int | None:
    """The outlier rule of OLMo-core's SkipStepOptimizer, as if its first outlier ended the run (there it skips a step).

    More than 6 standard deviations from the mean of the last 128, once 64 are there; what is not a number is an outlier
    as well: github.com/allenai/OLMo-core, src/olmo_core/optim/skip_step_optimizer.py.
    """
    length, sigmas = 128, 6.0
    with np.errstate(all="ignore"):
        for at in range(max(20, length // 2) - 1, len(values)):
            before = values[max(0, at - length) : at]
            if not abs(values[at] - before.mean()) <= sigmas * before.std(ddof=1):
                return at
    return None


def _monitored(recording: Recording, goals: Mapping[str, Goal]) -> tuple[str, Goal] | None:
    """What a person would let EarlyStopping monitor: an evaluation whose direction they told or its name tells."""
    roles = {name: infer_role(name)[0] for name in recording.columns}
    counts = {name: len(values) for name, (_, values) in recording.columns.items()}
    chief = [main_of(role, roles, counts) for role in (Role.EVAL_LOSS, Role.EVAL_SCORE)]
    told = {name: infer_role(name)[1] for name in recording.columns} | dict(goals)
    evaluated = [name for name in goals if roles.get(name) in {Role.EVAL_LOSS, Role.EVAL_SCORE}]
    for name in (*evaluated, *chief):
        goal = told.get(name) if name is not None else None
        if name is not None and goal is not None and name in recording.columns:
            return name, goal
    return None


def _on_evaluation(rule: Rule) -> Callable[[Recording, Mapping[str, Goal]], int | None]:
    """Without an evaluation there is nothing to monitor, and the rule never stops."""

    def stop_row(recording: Recording, goals: Mapping[str, Goal]) -> int | None:
        chosen = _monitored(recording, goals)
        if chosen is None:
            return None
        rows, values = recording.columns[chosen[0]]
        at = rule(-values if chosen[1] is Goal.MAXIMIZE else values)
        return None if at is None else int(rows[at])

    return stop_row


def _on(rule: Rule, *roles: Role) -> Callable[[Recording, Mapping[str, Goal]], int | None]:
    """The rule on the main metric of each role: the earliest row counts."""

    def stop_row(recording: Recording, goals: Mapping[str, Goal]) -> int | None:
        del goals
        return min(_first_stops(recording, rule, roles), default=None)

    return stop_row


def _first_stops(recording: Recording, rule: Rule, roles: Sequence[Role]) -> Iterator[int]:
    known = {name: infer_role(name)[0] for name in recording.columns}
    counts = {name: len(values) for name, (_, values) in recording.columns.items()}
    for role in roles:
        name = main_of(role, known, counts)
        if name is not None:
            rows, values = recording.columns[name]
            at = rule(values)
            if at is not None:
                yield int(rows[at])


PEERS: Sequence[Peer] = (
    Peer("EarlyStopping, patience 3", _on_evaluation(lambda values: early_stopping(values, patience=3))),
    Peer("EarlyStopping, patience 10", _on_evaluation(lambda values: early_stopping(values, patience=10))),
    Peer("z-score > 3 over 30 values", _on(z_score, Role.TRAIN_LOSS)),
    Peer("KillLossSpike (llm-foundry)", _on(kill_loss_spike, Role.TRAIN_LOSS)),
    Peer("6 sigma (OLMo-core)", _on(six_sigma, Role.TRAIN_LOSS, Role.GRAD_NORM)),
    Peer("NaN only", _on(terminate_on_nan, Role.TRAIN_LOSS)),
)
