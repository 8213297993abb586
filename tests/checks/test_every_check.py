"""What holds for all checks together: no data breaks them, and they cost what a history costs."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.checks import divergence
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.registry import CHECKS
from trainwatch_core.stats import curve
from trainwatch_core.testing.columns import INF, NAN, falling
from trainwatch_core.testing.histories import view_of_columns

NAMES = [
    "loss",
    "loss_box",
    "val_loss",
    "val_acc",
    "lr",
    "grad_norm",
    "reward",
    "epoch",
    "loss_scale",
    "embedding_std",
    "policy_entropy",
]
ugly = st.lists(
    st.one_of(st.floats(width=64), st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324, NAN, INF, -INF])), max_size=60
)
announced = st.lists(st.builds(Announcement, st.floats(0, 80)), max_size=1).map(tuple)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ugly), st.sampled_from([None, 100.0]), announced)
def test_no_data_whatever_makes_a_check_fail_or_warn(
    columns: dict[str, list[float]], planned: float | None, changes: tuple[Announcement, ...]
) -> None:
    """1e308, infinities, constants, two points and nothing at all pass through every check without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        baseline = {"val_loss": 1e308, "val_acc": 0.0}
        view = view_of_columns(columns, baseline=baseline, planned_steps=planned, announced=changes)
        for check in CHECKS:
            for finding in check(view):
                assert finding.text.endswith(".")


def test_what_the_checks_see_of_a_long_run_is_bounded() -> None:
    """A hundred thousand samples are a few hundred points, and judging them twice gives the same."""
    view = view_of_columns({"loss": np.tile(falling(1000), 100)})
    assert divergence.check(view) == divergence.check(view)
    assert len(view.history.series["loss"]) <= 768
    assert len(curve(view.history.series["loss"])) <= 400
