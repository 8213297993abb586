"""The whole path as a person meets it: the look-alike's page, the real bot, a real training that goes wrong."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.demo import lookalike
from trainwatch_core.demo.acts import approve_and_see, watch_and_ask
from trainwatch_core.demo.lookalike import DIGEST_CHANNEL, Lookalike
from trainwatch_core.demo.person import Person, person
from trainwatch_core.demo.scene import RUN, Stage, play, training
from trainwatch_core.model.message import StopQuestion

pytestmark = [pytest.mark.system("npm", "chromium"), pytest.mark.timeout(900)]

PROGRAM_AT = Path(__file__).parents[2] / "trainwatch-demo" / "look-alike"
"""Where `make demo` keeps it too."""
SOON = 30.0
"""Seconds. It takes one or two; the machine may have other work."""


@pytest.fixture(scope="session")
def program() -> Path:
    """The look-alike."""
    return lookalike.install(PROGRAM_AT)


@contextmanager
def scene(
    program: Path, folder: Path, *, grace: float = 5.0, further: str = ""
) -> Iterator[tuple[Stage, Lookalike, Person]]:
    """Training, bot, look-alike, and Ana at its page."""
    folder.mkdir(exist_ok=True)
    with (
        training(folder) as (stage, _),
        play(program, stage, print, grace=grace, further=further) as shown,
        person(shown, folder / "screenshots") as ana,
    ):
        yield stage, shown, ana


def runs(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def soon() -> str:
    """The minute of the day that begins in 30 to 90 seconds, in the zone of the machine."""
    return (datetime.now(UTC).astimezone() + timedelta(seconds=90)).strftime("%H:%M")


def latency(shown: Lookalike) -> float:
    """Seconds from `/watch` to the first picture in its thread."""
    log = shown.traffic()
    asked = next(entry["time"] for entry in log if entry["kind"] == "slash_commands")
    drawn = next(entry["time"] for entry in log if entry["summary"] == "files.completeUploadExternal")
    return float(drawn - asked) / 1000


def wait_until_known(folder: Path) -> None:
    """Wait until the bot knows where its question stands: a press before is asked to come again."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        with contextlib.closing(open_store(str(folder / "trainwatch.db"))) as store:
            rows = [row for watch in store.watches() for row in store.outbox(watch.id)]
        if any(isinstance(row.body, StopQuestion) and row.receipt is not None for row in rows):
            return
        time.sleep(0.1)
    raise AssertionError("the question has no receipt")


def words_of(messages: list[dict[str, object]]) -> str:
    """Everything that messages hold."""
    return json.dumps(messages, ensure_ascii=False)


def test_a_person_watches_asks_and_approves(program: Path, tmp_path: Path) -> None:
    """`/watch`, card, report, picture, `check now`, a refusal for Bo, Approve Stop, proof, summary, digest."""
    daily = f'[slack]\ndigest_channel = "{DIGEST_CHANNEL}"\ndigest_at = "{soon()}"\n'
    with scene(program, tmp_path, further=daily) as (stage, shown, ana):
        watch_and_ask(ana, print, RUN)
        assert latency(shown) < SOON
        ana.reply("make me a coffee")
        ana.sees("I know: check now")
        ana.act_as("Bo")
        ana.press("Approve Stop")
        ana.sees("Only @?Ana can approve stops here")
        assert runs(stage.pid)
        ana.act_as("Ana")
        assert "SIGTERM to process group" in words_of([m for m in shown.messages() if "confirm" in words_of([m])])
        approve_and_see(ana, print)
        assert not runs(stage.pid)
        ana.sees_in_channel("Stopped")
        assert not ana.offered("Approve Stop")
        assert "proven gone" in (tmp_path / "NOTES.md").read_text()
        ana.go_to("digest")
        ana.sees_in_channel("stopped", within=240.0)
        ana.screenshot("7-digest")
        ana.go_to("training")
        ana.shrink()
        ana.screenshot("phone-1-card")
        assert not ana.wide()
        ana.open_thread()
        for number, pattern in enumerate(
            ("CONTINUE", "WAIT", "I would stop|Approved", "Stopped: gone", "FINAL_SUMMARY"), 2
        ):
            ana.scroll_to(pattern)
            ana.screenshot(f"phone-{number}-thread")


def test_in_automatic_mode_nobody_presses_anything(program: Path, tmp_path: Path) -> None:
    """P5: it announces itself with Keep running, waits its grace, stops the run, and tells afterwards."""
    with scene(program, tmp_path) as (stage, shown, ana):
        ana.type(f"/watch {RUN} mode=auto")
        ana.sees_in_channel("Healthy")
        ana.open_thread()
        ana.sees("Keep running")
        assert not ana.offered("Approve Stop")
        ana.screenshot("1-announced")
        ana.sees("Stopped: gone")
        ana.sees("FINAL_SUMMARY")
        ana.screenshot("2-stopped")
        assert not runs(stage.pid)
        assert not any(entry["kind"] == "interactive" for entry in shown.traffic())


def test_keep_running_takes_an_automatic_stop_back(program: Path, tmp_path: Path) -> None:
    """One press within the grace, and the run lives."""
    with scene(program, tmp_path, grace=90.0) as (stage, _, ana):
        ana.type(f"/watch {RUN} mode=auto")
        ana.sees_in_channel("Healthy")
        ana.open_thread()
        ana.sees("Keep running")
        wait_until_known(tmp_path)
        ana.press("Keep running")
        ana.sees("Kept running by")
        assert runs(stage.pid)
