"""Both stores keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trainwatch_core.adapters.stores.memory import MemoryStore
from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.ports import Store
from trainwatch_core.testing.store_conformance import StoreConformance


class TestStores(StoreConformance):
    """The conformance suite on the store in memory and on SQLite."""

    @pytest.fixture(params=["memory", "sqlite"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
        """A new, empty store."""
        fresh: Store = MemoryStore() if request.param == "memory" else open_store(str(tmp_path / "t.db"))
        with closing(fresh):
            yield fresh
