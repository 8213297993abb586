"""What a healthy run is described by."""

from __future__ import annotations

import pytest

from trainwatch_core.checks import progress
from trainwatch_core.model.finding import Weight
from trainwatch_core.testing.columns import CONTINUE, Columns, flat, line
from trainwatch_core.testing.histories import view_of_columns


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"loss": line(3, 2, 101)}, "loss 2 at step 100, still falling."),
        ({"loss": line(2, 3, 101)}, "loss 3 at step 100, rising."),
        ({"loss": [2.0, 2.0]}, "loss 2 at step 1, too early for a trend."),
        ({"val_acc": flat(0.5, 20)}, "val_acc 0.5 at step 19, about level."),
    ],
)
def test_a_healthy_run_is_described(columns: Columns, words: str) -> None:
    """Progress says where the main metric stands and which way it goes, and argues for nothing."""
    (finding,) = progress.check(view_of_columns(columns))
    assert (finding.text, finding.argues_for, finding.weight) == (words, CONTINUE, Weight.INFO)
