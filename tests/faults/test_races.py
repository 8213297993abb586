"""F-A07, F-A08, F-A09: whoever decides at the same moment, each request has exactly one outcome."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.model.change import Change
from trainwatch_core.model.message import StopOutcome
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState
from trainwatch_core.testing.fakes import START
from trainwatch_core.testing.store_samples import sample_request, sample_watch

REQUESTS, PROCESSES = 200, 3
WORKER = Path(__file__).parent / "race_worker.py"
DECIDED = {"approve", "declined", "expired"}


def test_two_hundred_requests_have_one_outcome_each(tmp_path: Path) -> None:
    """Three processes of eight threads approve, decline and expire all of them in random order, at the same time."""
    database = str(tmp_path / "race.db")
    store = open_store(database)
    for number in range(REQUESTS):
        watch = replace(sample_watch(f"w{number:07}"), run=RunRef(RunKind.WANDB, f"lab/vision/r{number}"))
        request = sample_request(f"{number:032x}", watch_id=watch.id, created_at=START)
        store.commit(Change(replace(watch, state=watch.state.STOP_PENDING), request=request))
    workers = [
        subprocess.Popen(  # our own worker
            [sys.executable, str(WORKER), database, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        lines = [worker.communicate("go\n", timeout=240)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    decided = Counter(line.split()[0] for text in lines for line in text.splitlines() if not line.endswith("expire"))
    rows = [row for row in store.audited() if row.allowed and row.verb in DECIDED]
    outcomes = Counter(row.request_id for row in rows)
    states = Counter(request.state for request in store.requests())
    assert outcomes == Counter({f"{number:032x}": 1 for number in range(REQUESTS)})
    assert set(decided.values()) == {1}, "two people were told that they had decided the same request"
    assert set(states) == {RequestState.APPROVED, RequestState.DECLINED, RequestState.EXPIRED}
    assert sum(states.values()) == REQUESTS
    for row in rows:
        watch_id = store.request(row.request_id).watch_id
        told = [each for each in store.outbox(watch_id) if isinstance(each.body, StopOutcome)]
        # An approval has its outcome when it was carried out; the others say at once that nothing was stopped.
        assert len(told) == (0 if row.verb == "approve" else 1)
    store.close()
