"""The rules of others do what their descriptions say, and the contest counts as it should."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.bench import contest
from tests.bench.contest import OURS, Judged, Truth, judge, made_up, stopped_by_peers, table, write_table
from tests.bench.peers import early_stopping, kill_loss_spike, six_sigma, terminate_on_nan, z_score

NOISE = np.random.default_rng(0).normal(2.0, 0.1, 300)


def followed(*further: float, values: np.ndarray = NOISE[:250]) -> np.ndarray:
    """Quiet values, and what comes after them."""
    return np.concatenate([values, further])


def test_early_stopping_counts_checks_without_improvement() -> None:
    """An equal value is none; the count begins anew with each improvement; NaN stops at once."""
    values = np.array([5.0, 4.0, 4.0, 4.1, 3.9, 4.0, 4.0, 4.0])
    assert early_stopping(values, patience=3) == 7
    assert early_stopping(values, patience=2) == 3
    assert early_stopping(values, patience=10) is None
    assert early_stopping(np.array([5.0, math.nan]), patience=3) == 1


def test_z_score_looks_up_only_and_needs_thirty_values() -> None:
    """A value far below is no spike; the first thirty judge nobody."""
    quiet = np.tile([1.9, 2.1], 20)
    assert z_score(np.concatenate([quiet, [1.0, 2.0]])) is None
    assert z_score(np.concatenate([quiet, [2.5]])) == 40
    assert z_score(np.concatenate([quiet[:29], [9.0]])) is None


def test_kill_loss_spike_wants_five_outliers_in_a_row_or_a_high_half() -> None:
    """Twice the mean of a hundred; above ten for half a window, from step 200 on."""
    assert kill_loss_spike(followed(5, 5, 5, 5, 2, 5, 5, 5, 5)) is None
    assert kill_loss_spike(followed(5, 5, 5, 5, 5)) == 254
    assert kill_loss_spike(followed(9, 9, 9, 9, 9, values=NOISE[:90])) is None
    assert kill_loss_spike(np.full(300, 11.0)) == 200


def test_six_sigma_needs_sixty_four_values_and_takes_nan_for_an_outlier() -> None:
    """Both sides count; five sigmas are no outlier."""
    assert six_sigma(followed(2.5)) is None
    assert six_sigma(followed(3.2)) == 250
    assert six_sigma(followed(0.8)) == 250
    assert six_sigma(followed(math.nan)) == 250
    assert six_sigma(followed(99.0, values=NOISE[:62])) is None
    assert six_sigma(followed(99.0, values=NOISE[:63])) == 63


def test_nan_only() -> None:
    """The first value that is not finite."""
    assert terminate_on_nan(followed(math.inf, math.nan)) == 250
    assert terminate_on_nan(NOISE) is None


@pytest.mark.parametrize(
    ("truth", "stopped", "judged"),
    [
        (Truth("not_stop"), None, (False, None)),
        (Truth("not_stop"), 24, (True, None)),
        (Truth("stop", 2000, 3000), 12, (True, None)),
        (Truth("stop", 2000, 3000), 13, (False, -6)),
        (Truth("stop", 2000, 3000), 21, (False, 2)),
        (Truth("stop", 2000, 3000), None, (False, None)),
        (Truth("alarm", 2000, 2000), 12, (True, None)),
    ],
)
def test_a_stop_before_the_bad_step_is_false(
    truth: Truth, stopped: int | None, judged: tuple[bool, int | None]
) -> None:
    """Round 12 of 24 has seen step 1990, round 13 step 2160, round 19 is the first one past 3000."""
    case = made_up()[0][0]
    assert judge(case, truth, stopped) == Judged(truth, *judged)


def test_the_made_up_runs_tell_the_rules_apart() -> None:
    """NaN-only catches what becomes NaN; nervous rules stop good runs; each has a line in the table."""
    results = [contest.contest(pair) for pair in made_up()]
    by_rule = {name: [one[name] for one in results] for name in results[0]}
    caught = {name: sum(each.delay is not None for each in some) for name, some in by_rule.items()}
    false = {name: sum(each.false for each in some) for name, some in by_rule.items()}
    assert (caught["NaN only"], false["NaN only"]) == (2, 0)
    assert false["z-score > 3 over 30 values"] >= 5
    assert false["EarlyStopping, patience 3"] > false["EarlyStopping, patience 10"]
    assert false[OURS] == 0
    assert caught[OURS] >= 4
    said = table(results)
    assert "15 runs (10 that must not be stopped, 5 that must be)" in said
    assert all(f"| {name} |" in said for name in by_rule)


def test_a_peer_stops_in_the_first_round_that_sees_its_row() -> None:
    """NaN from row 201 on: round 12 has seen rows 0 to 199, round 13 sees it."""
    case = next(case for case, _ in made_up() if case.name == "bad0")
    assert stopped_by_peers(case)["NaN only"] == 13


def test_the_table_is_written_between_its_markers(tmp_path: Path) -> None:
    """What stands around it stays; a document without markers is refused."""
    document = tmp_path / "page.md"
    document.write_text(f"before\n{contest.BEGIN}\nold\n{contest.END}\nafter\n")
    write_table("new", document)
    write_table("newer", document)
    assert document.read_text() == f"before\n{contest.BEGIN}\n\nnewer\n\n{contest.END}\nafter\n"
    document.write_text("nothing")
    with pytest.raises(ValueError, match="has no"):
        write_table("new", document)


def test_the_document_has_its_markers() -> None:
    """`make peers` has a place to write to."""
    assert contest.BEGIN in contest.DOCUMENT.read_text()
    assert contest.END in contest.DOCUMENT.read_text()
