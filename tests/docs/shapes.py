"""One made-up learning rate for each schedule that is recognised, and how: a table of docs/judgement.md."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainwatch_core.model.series import FloatArray
from trainwatch_core.schedules import Shape
from trainwatch_core.testing.columns import cosine, flat, line, then

_WARM, _X = line(1e-5, 1e-3, 50), np.arange(400) / 400
SCHEDULES: Mapping[Shape, tuple[str, FloatArray]] = {
    Shape.WARMING_UP: ("The highest rate is among the last bins: it still rises, or has only just stopped.", _WARM),
    Shape.CONSTANT: ("After the warm-up nothing moves by more than `LEVEL`.", then(_WARM, flat(1e-3, 300))),
    Shape.STEPS: (
        "Level stretches with drops of more than `STEP_DROP` between them, on `STEPS_LEVEL` of the way at least.",
        then(flat(1e-3, 150), flat(1e-4, 150), flat(1e-5, 100)),
    ),
    Shape.LINEAR: (
        "A straight line to zero or to a floor fits to `FITS`, better than the other curves.",
        line(1e-3, 0, 400),
    ),
    Shape.COSINE: ("Half a cosine wave fits so, also where only a part of it has been seen.", cosine(400)[:200]),
    Shape.EXPONENTIAL: ("An exponential decay fits so.", 1e-3 * np.exp(-3 * _X)),
    Shape.INVERSE_SQRT: (
        "One over the root of the step fits so.",
        then(_WARM, 1e-3 * np.sqrt(50 / np.arange(50, 800))),
    ),
    Shape.STABLE_DECAY: (
        "`STABLE` of the way at the highest rate, then down (WSD, trapezoid).",
        then(_WARM, flat(1e-3, 250), line(1e-3, 0, 100)),
    ),
    Shape.RESTARTS: ("It comes up again by more than `RISE`, at once.", then(*[cosine(100)] * 4)),
    Shape.CYCLIC: (
        "It comes up again by more than `RISE`, little by little.",
        1e-3 * (0.1 + 0.9 * np.abs(2 * ((4 * _X) % 1) - 1)),
    ),
    Shape.UNKNOWN: (
        "None of these fits: nothing is concluded.",
        1e-3 * np.interp(_X, [0, 0.15, 0.5, 1], [1, 0.6, 0.55, 0]),
    ),
}
"""How each schedule is recognised, and rates that are taken for it."""
