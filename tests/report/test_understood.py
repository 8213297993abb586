"""The sentence of the first report that says which metric was taken for what."""

from __future__ import annotations

from trainwatch_core.report.understood import role_line
from trainwatch_core.testing.columns import Columns, every, falling, flat, line
from trainwatch_core.testing.histories import view_of_columns


def test_every_role_names_its_metric() -> None:
    """In the order of importance, and scores with the direction that counts as better."""
    columns: Columns = {
        "lr": flat(1e-3, 100),
        "grad_norm": flat(1.0, 100),
        "train/loss": falling(100),
        "val/loss": every(20, falling(5)),
        "val/acc": every(20, line(0.1, 0.5, 5)),
    }
    assert role_line(view_of_columns(columns)) == (
        "I read train/loss as training loss, val/loss as eval loss, val/acc as eval score (higher is better), "
        "lr as learning rate, grad_norm as gradient norm."
    )


def test_a_score_of_unknown_direction_is_said_to_decide_nothing() -> None:
    """So that its owner can tell which way is up."""
    line_ = role_line(view_of_columns({"loss": falling(100), "val/score": every(20, line(0.1, 0.5, 5))}))
    assert "val/score as eval score (direction unknown, so it decides nothing)" in line_


def test_an_error_rate_is_better_when_lower() -> None:
    """The direction is that of the metric, not of the role."""
    assert "val/wer as eval score (lower is better)" in role_line(
        view_of_columns({"loss": falling(100), "val/wer": every(20, line(0.9, 0.5, 5))})
    )


def test_a_long_name_is_cut_and_no_role_is_no_sentence() -> None:
    """A name may be of any length; where nothing is understood, nothing is claimed."""
    assert role_line(view_of_columns({"loss/" + "x" * 500: falling(50)})).startswith("I read loss/" + "x" * 55 + " as")
    assert role_line(view_of_columns({})) == ""
