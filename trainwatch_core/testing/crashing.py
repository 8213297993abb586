"""Lives of trainwatch that end by `kill -9` at a named point, on whatever store and whatever stopper a test brings."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.bootstrap import build, user_name
from trainwatch_core.config import Settings, load_settings
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import Outgoing, Receipt
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import Body
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext, WatchState
from trainwatch_core.ports import Store

WITHIN = 120.0
"""Seconds that one life may take."""
ASKED = 3
"""Exit code of a life in which the stop came to an outcome that only a person can settle."""
_PAUSE, _PACE = 0.02, 0.05
_INTERVAL = 0.2
_ALL_SPAWNED = multiprocessing.get_context("forkserver")
_ALL_SPAWNED.set_forkserver_preload(["trainwatch_core.testing.crashing", "trainwatch_core.adapters.ssh"])


@dataclass(frozen=True)
class Stage:
    """What the lives of one watch have in common.

    Attributes:
        folder: Holds configuration, data, log and messages; its `.ssh/config` says how hosts are reached.
        launch: How the job was launched.
        mode: Whether it asks, which a person here always answers with yes, or acts alone.
        config: The file's text.
        opens: Opens the store of these settings, for a look from outside.
    """

    folder: Path
    launch: str
    mode: Mode
    config: str
    opens: Callable[[Settings], Store] = lambda settings: open_store(str(settings.database))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of each life."""
        return {"HOME": str(self.folder), "TRAINWATCH_DATA_DIR": str(self.folder / "data"), "TZ": "UTC"}

    @property
    def log(self) -> Path:
        """What the training prints."""
        return self.folder / "train.log"

    @property
    def settings(self) -> Settings:
        """As configured."""
        return load_settings(self.folder / "trainwatch.toml", self.environ, cwd=self.folder)

    @property
    def said(self) -> list[str]:
        """Keys of the messages that went out, in order."""
        heard = self.folder / "said"
        return heard.read_text(encoding="utf-8").splitlines() if heard.exists() else []

    def prepare(self) -> None:
        """Write the configuration, and the log of a run that learned and then broke."""
        (self.folder / "trainwatch.toml").write_text(self.config, encoding="utf-8")
        losses = [f"{2.0 - n / 100:.3f}" for n in range(100)] + ["nan"] * 60
        self.log.write_text("".join(f"step={n} loss={loss}\n" for n, loss in enumerate(losses)), encoding="utf-8")

    def train(self) -> None:
        """One step more of the broken run: a verdict rests on new values."""
        step = len(self.log.read_text(encoding="utf-8").splitlines())
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"step={step} loss=nan\n")

    def live(self, crash_at: str = "") -> int:
        """One life of trainwatch in a process of its own, until it has nothing left to do or dies.

        Returns:
            Its exit code: 0 when the watch has ended and all is said, ASKED, or minus the signal that ended it.
        """
        process = _ALL_SPAWNED.Process(
            target=_live, args=(str(self.folder), self.launch, str(self.mode), crash_at), daemon=True
        )
        process.start()
        end = time.monotonic() + WITHIN
        while process.exitcode is None and time.monotonic() < end:
            process.join(_PACE)
            self.train()
        process.kill()
        process.join()
        return process.exitcode or 0


class _Wall:
    """Writes the key of each message into a file, in one piece, before it says that it was delivered."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """Never busy."""
        del body, urgent

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Say a message."""
        del body, picture
        with self._path.open("a", encoding="utf-8") as wall:
            wall.write(f"{key}\n")
        return Receipt(key, datetime.now(UTC))


def _live(folder: str, launch: str, mode: str, crash_at: str) -> None:
    stage = Stage(Path(folder), launch, Mode(mode), "")
    os.environ.update(stage.environ)
    me = Actor(ActorKind.LOCAL, user_name(os.getuid()))
    crashing = {**stage.environ, "TRAINWATCH_CRASH_AT": crash_at}
    with build(stage.settings, _Wall(stage.folder / "said"), environ=crashing) as engine:
        engine.only = None
        watch = _watched(engine, stage, me)
        engine.start()
        code = _until_over(engine, watch, me)
        engine.stop()
    os._exit(code)


def _watched(engine: Engine, stage: Stage, me: Actor) -> Watch:
    """The watch: a new one, or the one of the life before, whose claim is void."""
    for watch in engine.world.store.watches(ended=True):
        return watch if watch.state is WatchState.ENDED else engine.watches.adopt(watch.id, me, "wall", watch.context)
    context = WatchContext(mode=stage.mode, launch=stage.launch, interval=_INTERVAL)
    return engine.watches.register(
        Registration(
            RunRef(RunKind.LOG, str(stage.log)),
            me,
            "wall",
            context,
            Policy(suspicious_interval=_INTERVAL, min_interval=_INTERVAL),
        )
    )


def _until_over(engine: Engine, watch: Watch, me: Actor) -> int:
    store = engine.world.store
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        engine.tick()
        requests = store.requests(watch_id=watch.id)
        for request in requests:
            if request.state is RequestState.PENDING and request.execute_after is None and request.expires_at:
                with contextlib.suppress(TrainwatchError):
                    engine.stops.decide(request.id, me, approve=True)
        # What is said of the end is queued with it: whoever asks for the end first misses none of it.
        ended = store.watch(watch.id).state is WatchState.ENDED
        waiting = [row for row in store.outbox(watch.id) if row.state is Outgoing.WAITING]
        if ended and not waiting:
            return 0
        if not waiting and any(r.state in {RequestState.FAILED, RequestState.UNKNOWN} for r in requests):
            return ASKED
        time.sleep(_PAUSE)
    return 1
