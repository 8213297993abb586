"""`kill -9` of trainwatch at any moment: a restart goes on, and no stop is lost or done twice.

A real process stands for the training, its log turns to NaN, the stop command counts how often it is run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.model.change import Change, OutboxRow, Outgoing
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Watch, WatchState

EVERYTHING = os.environ.get("TRAINWATCH_CRASHES") == "all"
"""All points and thirty random deaths (`make soak`); else those at which a whole program differs from its engine.

The others are tried by test_crash_points.py, whose lives begin sooner.
"""
POINTS = (
    *(("round.claimed", "round.looked", "publish.marked", "stop.before_executing") if EVERYTHING else ()),
    "round.committed",
    "publish.sent",
    "stop.executing",
    "stop.executed",
)
ANSWERED = ("decision.authorised", "decision.committed")
"""Points on the way of an answer to the question."""
OVERVIEW = "quiet.told"
"""Between the overview of a quiet time and the rounds that it stands for."""
QUESTION = "Stop it? [y/N]"
SEEDS, KILLS = (range(1, 4), 10) if EVERYTHING else (range(1, 2), 5)
"""Random deaths of each seed."""
pytestmark = pytest.mark.timeout(900)
"""Lives are started by the dozen; on a machine with ten times the work each takes ten times as long."""
_CONFIG = '[stop]\nauto_grace = "0s"\ngrace = "5s"\n[watch.policy]\nsuspicious_interval = "1s"\n'


@dataclass
class Scene:
    """A training with its log, and a place for trainwatch."""

    folder: Path
    training: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        """What the training prints."""
        return self.folder / "train.log"

    @property
    def executions(self) -> int:
        """How often the stop command was run."""
        counted = self.folder / "executions"
        return len(counted.read_text().splitlines()) if counted.exists() else 0

    @property
    def said(self) -> str:
        """The end of what trainwatch printed."""
        return (self.folder / "out").read_text()[-3000:]

    def write(self, first: int, losses: list[str]) -> None:
        """Let the training print some lines."""
        with self.log.open("a") as log:
            log.writelines(f"step={first + i} loss={loss}\n" for i, loss in enumerate(losses))

    def snooze(self) -> None:
        """Hold its rounds back for a day."""
        with contextlib.closing(open_store(str(self.folder / "data" / "trainwatch.db"))) as store:
            (watch,) = store.watches()
            store.commit(Change(replace(watch, snoozed_until=datetime.now(UTC) + timedelta(days=1))))

    def begun(self) -> bool:
        """Whether trainwatch knows the watch."""
        return bool(self._rows()[0])

    def over(self) -> bool:
        """Whether the watch has ended and all of it was said."""
        watches, outbox = self._rows()
        ended = bool(watches) and all(watch.state is WatchState.ENDED for watch in watches)
        return ended and all(row.state is not Outgoing.WAITING for row in outbox)

    def _rows(self) -> tuple[Sequence[Watch], Sequence[OutboxRow]]:
        place = self.folder / "data" / "trainwatch.db"
        if not place.exists():
            return (), ()
        with contextlib.closing(open_store(str(place))) as store:
            watches = store.watches(ended=True)
            return watches, [row for watch in watches for row in store.outbox(watch.id)]

    def watch(self, *, crash_at: str = "", mode: str = "auto", go_on: bool = False) -> subprocess.Popen[bytes]:
        """Start trainwatch, in a terminal that is none; in mode ask its questions can be answered."""
        environ = {**os.environ, "TRAINWATCH_CRASH_AT": crash_at, "TRAINWATCH_DATA_DIR": str(self.folder / "data")}
        pid = self.training.pid
        # A stop command that ends the training and says that it was run.
        command = f"echo run >> {self.folder}/executions; kill {pid}"
        argv = [sys.executable, "-m", "trainwatch_core.cli", "--config", str(self.folder / "trainwatch.toml")]
        argv += ["watch"]
        if not go_on:
            argv += [str(self.log), "--every", "1s", "--mode", mode, "--launch", f"pid:{pid}"]
            argv += ["--stop-command", command]
        with (self.folder / "out").open("ab") as out:
            stdin = subprocess.PIPE if mode == "ask" else subprocess.DEVNULL
            return subprocess.Popen(argv, env=environ, stdin=stdin, stdout=out, stderr=out)

    def until(self, process: subprocess.Popen[bytes], *, answer: bool = False) -> int:
        """Let the training print NaN until the process has ended; a new question is answered with yes."""
        step = len(self.log.read_text().splitlines())
        asked = (self.folder / "out").read_text().count(QUESTION)
        while process.poll() is None:
            self.write(step, ["nan"] * 5)
            step += 5
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.3)
            if answer and (self.folder / "out").read_text().count(QUESTION) > asked and process.stdin is not None:
                asked += 1
                process.stdin.write(b"y\n")
                process.stdin.flush()
        return process.returncode

    def holds(self) -> None:
        """What must be true whatever happened."""
        store = open_store(str(self.folder / "data" / "trainwatch.db"))
        with contextlib.closing(store):
            (watch,) = store.watches(ended=True)
            requests = store.requests(watch_id=watch.id)
            rounds = store.rounds(watch.id, limit=1000)
            outbox = store.outbox(watch.id)
            acts = [row.verb for row in store.audited(watch_id=watch.id)]
        assert watch.state is WatchState.ENDED, self.said
        assert [r.number for r in rounds] == list(range(1, len(rounds) + 1))
        assert [r.state for r in requests if r.state is not RequestState.SUPERSEDED] == [RequestState.STOPPED]
        assert self.executions == 1
        assert acts.count("execute") == 1
        assert self.training.poll() is not None
        assert {row.state for row in outbox} <= {"sent", "dropped"}
        assert [row.key for row in outbox if row.key.endswith("/summary")] == [f"{watch.id}/summary"]
        text = (self.folder / "out").read_text()
        assert 1 <= text.count("FINAL_SUMMARY") <= 2, "at most one message may be said twice after a crash"


@contextlib.contextmanager
def training(folder: Path) -> Iterator[Scene]:
    """A training that does nothing but live."""
    folder.mkdir(exist_ok=True)
    (folder / "trainwatch.toml").write_text(_CONFIG)
    process = subprocess.Popen(["sleep", "900"], start_new_session=True)
    scene = Scene(folder, process)
    scene.write(0, [f"{2.0 - n / 100:.3f}" for n in range(100)])
    try:
        yield scene
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """One training."""
    with training(tmp_path) as made:
        yield made


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_it_goes_on_after_a_restart(scene: Scene, point: str) -> None:
    """F-T01 F-D06: dead between any two steps of round, message and stop; one execution, proven, told."""
    scene.write(100, ["nan"] * 40)
    assert scene.until(scene.watch(crash_at=point)) == -signal.SIGKILL, scene.said
    assert scene.until(scene.watch()) == 0, scene.said
    scene.holds()


@pytest.mark.parametrize("point", ANSWERED)
def test_killed_while_it_takes_an_answer_it_loses_none_and_asks_again(scene: Scene, point: str) -> None:
    """F-T01: an answer that was not committed is asked for again; one that was committed is carried out."""
    scene.write(100, ["nan"] * 40)
    assert scene.until(scene.watch(crash_at=point, mode="ask"), answer=True) == -signal.SIGKILL, scene.said
    assert scene.executions == 0
    assert scene.until(scene.watch(mode="ask"), answer=True) == 0, scene.said
    scene.holds()


def test_killed_between_an_overview_and_what_it_stands_for_it_tells_no_round_twice(scene: Scene) -> None:
    """G2: snoozed, it ends, its rounds are told in one overview; dead in the middle of that, they are told once."""
    scene.write(100, ["1.0"] * 40)
    life = scene.watch(crash_at="round.committed")
    assert life.wait(120) == -signal.SIGKILL, scene.said
    scene.snooze()
    assert scene.until(scene.watch(crash_at=OVERVIEW, go_on=True)) == -signal.SIGKILL, scene.said
    assert scene.until(scene.watch(go_on=True)) == 0, scene.said
    scene.holds()
    assert (scene.folder / "out").read_text().count("While it was quiet") == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_it_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Deaths at random moments of runs that go bad, as many runs as it takes; the last one ends."""
    rng = random.Random(seed)
    kills = 0
    for number in itertools.count():
        with training(tmp_path / str(number)) as scene:
            healthy = kills + rng.randint(1, 2)
            while kills < KILLS and not scene.over():
                _kill_once(scene, rng, loss="1.0" if kills < healthy else "nan")
                kills += 1
            if not scene.over():
                assert scene.until(scene.watch(go_on=scene.begun())) == 0, scene.said
            scene.holds()
        if kills >= KILLS:
            return


def _kill_once(scene: Scene, rng: random.Random, *, loss: str) -> None:
    """One life of trainwatch: until it has said something so many times, and then a little while."""
    out = scene.folder / "out"
    process = scene.watch(go_on=scene.begun())
    words, size = rng.randint(0, 6), out.stat().st_size
    end = time.monotonic() + rng.uniform(0.0, 0.5) + (60.0 if words else 0.0)
    step, due = len(scene.log.read_text().splitlines()), time.monotonic()
    while time.monotonic() < end and process.poll() is None:
        if time.monotonic() >= due:
            scene.write(step, [loss] * 3)
            step, due = step + 3, time.monotonic() + 0.1  # the pace of the training
        if words and out.stat().st_size > size:
            words, size = words - 1, out.stat().st_size
            end = end if words else time.monotonic() + rng.uniform(0.0, 0.5)
        time.sleep(0.002)
    process.kill()
    process.wait()
