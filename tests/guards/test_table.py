"""The table of guards knows the code as it is; `make guards` takes them out."""

from __future__ import annotations

import pytest

from tests.guards.take_out import ROOT, Guard, guards, misplaced

TABLE = guards(set())


@pytest.mark.parametrize("guard", TABLE, ids=lambda guard: f"{guard.row} {guard.what}")
def test_each_guard_stands_where_the_table_says(guard: Guard) -> None:
    """Once; what stands there without it is something else, and its tests exist."""
    assert not misplaced(guard, ROOT)
    assert guard.put != guard.out
    assert all((ROOT / test.partition("::")[0]).exists() for test in guard.test.split())


@pytest.mark.parametrize("kind", ["A:15", "S:13"])
def test_no_fault_of_stopping_is_left_out(kind: str) -> None:
    """Of who may stop, and of stopping, every row has a guard that was taken out."""
    letter, _, last = kind.partition(":")
    expected = {f"F-{letter}{number:02}" for number in range(1, int(last) + 1)}
    assert {guard.row for guard in TABLE if guard.row.startswith(f"F-{letter}")} == expected
