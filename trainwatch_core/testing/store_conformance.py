"""What every `ports.Store` must do, as tests that a third party can run too.

Subclass it in a test module and give it a store:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self) -> Iterator[Store]: ...  # a new, empty one
"""

from __future__ import annotations

from trainwatch_core.testing.store_rules_history import HistoryRules
from trainwatch_core.testing.store_rules_messages import MessageRules
from trainwatch_core.testing.store_rules_stops import StopRules
from trainwatch_core.testing.store_rules_watches import WatchRules


class StoreConformance(WatchRules, HistoryRules, StopRules, MessageRules):
    """All rules. The tests use a fixture `store`: a new, empty store."""
