"""The real SDK on both sides of the stand-in server: it logs, `wandb.Api` reads, and the source agrees with it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainwatch_core.adapters.sources.wandb.offline import WandbOfflineSource
from trainwatch_core.adapters.sources.wandb.server import WandbServerSource
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.model.run import RunState, parse_wandb_run
from trainwatch_core.testing.wandb_server import API_KEY, FakeWandb


def source_of(fake: FakeWandb, path: str) -> WandbServerSource:
    endpoint = Endpoint(fake.url, fake.url, API_KEY)
    return WandbServerSource(parse_wandb_run(path), endpoint=lambda: endpoint)


READ = """
import json, pathlib, wandb
run = wandb.Api().run("e/p/abc12345")
keys = ["train/loss", "val/loss", "nested.a"]
scan = {key: [row[key] for row in run.scan_history(keys=[key])] for key in keys}
read = {"state": run.state, "last": run.lastHistoryStep, "scan": scan,
        "sampled": len(run.history(samples=50, pandas=False)), "config": run.config["lr"]}
pathlib.Path("read.json").write_text(json.dumps(read))
"""


def test_what_the_sdk_logs_is_what_the_source_reads(fake: FakeWandb, train: Callable[..., Path]) -> None:
    """A training that logs online is read alike by `wandb.Api`, by the server source and from its own file on disk."""
    folder = train(300, exit_code=3, **fake.environment())
    batch = source_of(fake, "e/p/abc12345").fetch(None, deadline=20)
    theirs: dict[str, Any] = json.loads((train(script=READ, **fake.environment()) / "read.json").read_text())
    assert (theirs["state"], theirs["last"], theirs["sampled"], theirs["config"]) == ("failed", 350, 50, 0.001)
    for name, values in theirs["scan"].items():
        assert str([float(value) for value in values]) == str(batch.rows[name].values.tolist())
    assert math.isnan(batch.rows["val/loss"].values[2])
    assert batch.info.state is RunState.FAILED
    assert (batch.info.name, batch.info.planned_steps) == ("my <run>", 400)
    disk = WandbOfflineSource(str(folder / "wandb" / "latest-run")).fetch(None, deadline=30)
    assert disk.rows.keys() - batch.rows.keys() == {"huge"}  # to the server it never was a number
    for name, rows in batch.rows.items():
        assert str(rows.values.tolist()) == str(disk.rows[name].values.tolist())
        assert rows.steps.tolist() == disk.rows[name].steps.tolist()
        assert rows.times.tolist() == disk.rows[name].times.tolist()


PART = """
import sys, wandb
run = wandb.init(project="p", entity="e", id="parts", dir=sys.argv[1], resume="allow")
for count in range(int(sys.argv[2])):
    run.log({"loss": float(count), **({"val_loss": 1.0} if run.resumed else {})})
run.finish()
"""


def test_a_run_that_the_sdk_resumes_goes_on(fake: FakeWandb, train: Callable[..., Path]) -> None:
    """Rows of a training that was resumed arrive behind the first ones, each once, new metrics too."""
    source, cursor = source_of(fake, "e/p/parts"), None
    for first, end in ((0, 40), (40, 80)):
        train(40, script=PART, **fake.environment())
        batch = source.fetch(cursor, deadline=60)
        cursor = json.loads(json.dumps(batch.cursor))
        assert batch.rows["loss"].steps.tolist() == list(range(first, end))
        assert batch.rows["loss"].values.tolist() == list(range(40))
        assert batch.info.state is RunState.FINISHED
        assert not batch.restarted
    assert batch.rows["val_loss"].steps.tolist() == list(range(40, 80))


def test_reading_a_server_costs_no_import_before_the_first_look() -> None:
    """The rooms are light until they are used: naming the sources does not import wandb."""
    code = (
        "import sys, trainwatch_core.adapters.sources.wandb.server, trainwatch_core.adapters.sources.wandb.offline\n"
        "import trainwatch_core.testing.wandb_server\nsys.exit('wandb' in sys.modules or 'google' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
