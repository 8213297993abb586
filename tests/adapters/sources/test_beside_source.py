"""The source of a run of comparison."""

from __future__ import annotations

import pytest

from trainwatch_core.adapters.sources.beside import BesideSource
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.worlds import loss_rows


@pytest.mark.parametrize(("state", "asked"), [(RunState.FINISHED, 2), (RunState.RUNNING, 4), (None, 4)])
def test_a_run_that_is_over_is_read_to_its_end_and_never_asked_again(state: RunState | None, asked: int) -> None:
    """Over, and nothing new came: what is left to ask?"""
    inner = ScriptedSource([loss_rows(0, 30)], RunInfo(state=state))
    source, cursor = BesideSource(inner, "beside/r0"), None
    counts = []
    for _ in range(4):
        batch = source.fetch(cursor, deadline=5)
        cursor = batch.cursor
        counts.append(sum(len(rows) for rows in batch.rows.values()))
    assert counts == [30, 0, 0, 0]
    assert inner.fetched == asked


def test_it_says_what_its_source_says() -> None:
    """Only its key is another: histories of two runs never mix."""
    inner = ScriptedSource([])
    source = BesideSource(inner, "beside/r0")
    assert (source.key, source.status, source.kind) == ("beside/r0", inner.status, inner.kind)
