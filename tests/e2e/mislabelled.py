"""A training that meets badly labelled data for a while and gets over it: `python mislabelled.py FOLDER CUE`.

The network and the points are those of the demo. From when the cue is there the labels of BAD_STEPS batches are those
of other points: the loss jumps to what guessing costs, and falls back with the next good batches.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from trainwatch_core.demo.training import (
    BATCH,
    CLASSES,
    CLUSTERS_PER_CLASS,
    FEATURES,
    PEAK_RATE,
    SEED,
    TRAIN_POINTS,
    Network,
    Plan,
    Points,
    draw_points,
    say,
    start_logging,
)

PACE = 20.0
BAD_STEPS = 120
PLAN = Plan(Path(sys.argv[1]), seconds=300.0, break_at=1.0, steps_per_second=PACE, cue=Path(sys.argv[2]))


def main() -> None:
    """Train at a pace, until the seconds are over or somebody ends it."""
    run = start_logging(PLAN)
    say(pid=os.getpid())
    rng = np.random.default_rng(SEED)
    points = draw_points(rng, rng.normal(size=(CLASSES * CLUSTERS_PER_CLASS, FEATURES)), TRAIN_POINTS)
    network, bad, begun = Network(rng), BAD_STEPS, time.monotonic()
    for step in range(PLAN.total_steps):
        picked = rng.integers(0, TRAIN_POINTS, BATCH)
        labels = points.labels[picked]
        if bad and PLAN.cue is not None and PLAN.cue.exists():
            labels, bad = rng.permutation(labels), bad - 1
        loss, norm = network.train_step(Points(points.inputs[picked], labels), PEAK_RATE)
        run.log({"train/loss": loss, "train/grad_norm": norm, "lr": PEAK_RATE}, step=step)
        say(step=step, loss=loss, grad_norm=norm)
        time.sleep(max(0.0, begun + (step + 1) / PACE - time.monotonic()))
    run.finish()


if __name__ == "__main__":
    main()
