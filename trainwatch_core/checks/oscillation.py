"""Oscillation: the training loss swings ever wider, the way of a rate that is too high for where the run has come to.

Method: the spread of single samples around their own running median (so that a trend is none), in four stretches of
the samples that are kept in full. Argues for WAIT where it grew from stretch to stretch, GREW times in all, to SHARE
of the level or of all progress made, whichever is more. A swing that ends above the best is the business of the check
for divergence. Losses of reinforcement learning and GANs take no part, nor does a run that was announced to change.
Needs MIN_ROWS finite samples; NaN and infinities are passed over.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.numbers import say, say_step
from trainwatch_core.model.roles import Role, loss_is_a_game
from trainwatch_core.model.round import View
from trainwatch_core.stats import levels, spread, tame

NAME = "oscillation"
MIN_ROWS, WIDTH, STRETCHES = 60, 9, 4
"""Samples that are needed, samples of a running median, stretches that are compared: fifteen samples tell a spread."""
GREW, EACH = 6.0, 1.2
"""Times the spread of the first stretch, and times that of the stretch before. Noise of healthy runs shrinks with the
loss; a smaller batch widens it twice."""
SHARE = 0.15
"""Of the level or of the progress made, whichever is more: a smaller swing endangers nothing."""


def check(view: View) -> tuple[Finding, ...]:
    """Whether the main training loss swings ever wider."""
    series = view.main(Role.TRAIN_LOSS)
    if series is None or loss_is_a_game(view.history.series) or view.announced:
        return ()
    name, (steps, values) = series.name, series.finite
    if len(values) < MIN_ROWS:
        return ()
    values = tame(values)
    running = levels(values, WIDTH)
    rest = values[WIDTH // 2 : WIDTH // 2 + len(running)] - running
    parts = np.array_split(rest, STRETCHES)
    swings = [spread(part) for part in parts]
    size = max(abs(float(running[-1])), float(np.max(running)) - float(np.min(running)))
    grows = all(after > EACH * before for before, after in pairwise(swings))
    if not grows or swings[-1] < GREW * swings[0] or swings[-1] < SHARE * size:
        return ()
    first, last = float(steps[WIDTH // 2 + len(parts[0])]), float(steps[-1])
    text = (
        f"{name} swings ever wider: by {say(swings[0])} around its level up to step {say_step(first)}, by "
        f"{say(swings[-1])} now."
    )
    until = f"This would go away if {name} swung by less than {say(GREW * swings[0])}."
    numbers = {"before": swings[0], "now": swings[-1]}
    return (Finding(NAME, "growing", Decision.WAIT, Weight.SOFT, text, name, first, last, numbers, until),)
