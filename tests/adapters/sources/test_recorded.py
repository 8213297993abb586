"""Finished runs as tables: what a source gave in series is put back into the order in which it was logged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from trainwatch_core.adapters.sources.recorded import RecordedSource, Recording, read_source
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.series import Rows
from trainwatch_core.testing.fakes import ScriptedSource


def rows(steps: Sequence[float], *, times: Sequence[float] | None = None) -> Rows:
    """Rows whose values are ten times their steps."""
    return Rows.of(steps, 10 * np.asarray(steps), times)


def seen(recording: Recording, shown: int) -> dict[str, list[float]]:
    """The steps of each metric that a watch knows when so many rows are there, read in two looks."""
    source, found = RecordedSource(recording), dict[str, list[float]]()
    cursor = None
    for count in (shown // 2, shown):
        source.shown = count
        batch = source.fetch(cursor, deadline=1)
        cursor = batch.cursor
        for name, each in batch.rows.items():
            assert (each.values == 10 * each.steps).all()
            found.setdefault(name, []).extend(each.steps.tolist())
    return found


def test_metrics_of_one_step_are_one_row() -> None:
    """Also if they came in several fetches."""
    recording = read_source(
        ScriptedSource([{"loss": rows([0, 1]), "lr": rows([0, 1])}, {"loss": rows([2, 3]), "lr": rows([3])}])
    )
    assert recording.steps.tolist() == [0, 1, 2, 3]
    assert seen(recording, 3) == {"loss": [0, 1, 2], "lr": [0, 1]}


def test_nothing_is_known_before_it_was_logged_though_the_run_was_rewound() -> None:
    """An evaluation behind the rewind is logged seldom, and its own steps never go back: its time tells where it is."""
    loss = rows([0, 1, 2, 3, 4, 2, 3, 4, 5, 6], times=[10, 11, 12, 13, 14, 20, 21, 22, 23, 24])
    val = rows([2, 6], times=[12.5, 24.5])
    recording = read_source(ScriptedSource([{"loss": loss, "val_loss": val}]))
    assert recording.steps.tolist() == [0, 1, 2, 3, 4, 2, 3, 4, 5, 6]
    assert seen(recording, 9) == {"loss": [0, 1, 2, 3, 4, 2, 3, 4, 5], "val_loss": [2]}
    assert seen(recording, 10)["val_loss"] == [2, 6]


def test_a_run_that_was_rewound_without_times_is_read_whole() -> None:
    """Every sample once, each metric in its order."""
    recording = read_source(ScriptedSource([{"loss": rows([0, 1, 2, 1, 2, 3]), "val_loss": rows([0, 3])}]))
    assert seen(recording, len(recording)) == {"loss": [0, 1, 2, 1, 2, 3], "val_loss": [0, 3]}


def test_a_run_without_metrics_is_no_recording() -> None:
    """Said, not played as an empty one."""
    with pytest.raises(SourceUnavailableError, match="no metrics"):
        read_source(ScriptedSource([{}]))
