"""`trainwatch replay`: what a table, an offline run or a log would have been told, round by round."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from trainwatch_core import registry
from trainwatch_core.adapters.sources.logs.file import LogFileSource
from trainwatch_core.adapters.stores.sql import open_store
from trainwatch_core.cli import cli
from trainwatch_core.decision.authority import Rules
from trainwatch_core.engine import replaying
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.watches import Registration
from trainwatch_core.engine.world import Terms, World
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.round import Round
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.watch import Policy, WatchContext
from trainwatch_core.testing.desk import falling
from trainwatch_core.testing.fakes import (
    DictLocker,
    DictNotebook,
    FakeClock,
    InlineDispatcher,
    ListNotifier,
    PlainPainter,
)
from trainwatch_core.testing.wandb_sdk import OfflineRun, log_offline
from trainwatch_core.testing.worlds import ANA

ROWS = 100
BEGIN = 1_700_000_000


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without a configuration, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "TRAINWATCH_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def replay(*words: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(cli, ["replay", *words])


def played(*words: str, rounds: int = 24) -> list[dict[str, Any]]:
    """The rounds of a replay that went well."""
    done = replay("--rounds", str(rounds), "--format", "jsonl", *words)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def case(name: str, text: str, context: object = None) -> str:
    """A case directory."""
    folder = Path(name)
    folder.mkdir(parents=True)
    (folder / "series.csv").write_text(text)
    if context is not None:
        (folder / "context.json").write_text(context if isinstance(context, str) else json.dumps(context))
    return name


def table(losses: list[str], *, timed: bool = True) -> str:
    """A table of one loss, a row every ten steps and every minute."""
    head = "_step,_timestamp,loss\n" if timed else "_step,loss\n"
    return head + "".join(
        f"{10 * n},{BEGIN + 60 * n},{loss}\n" if timed else f"{10 * n},{loss}\n" for n, loss in enumerate(losses)
    )


def good(rows: int = ROWS) -> str:
    """A table of a run that learns."""
    return table(falling(rows))


@pytest.mark.parametrize("rounds", [1, 7, 12, 24, 48, 96])
def test_round_k_of_n_sees_the_first_rows(rounds: int) -> None:
    """Ceil(rows * k / N) of them, in every rhythm, and each round once."""
    rows = played(case("good", good()), rounds=rounds)
    assert [row["round"] for row in rows] == list(range(1, rounds + 1))
    assert [row["step"] for row in rows] == [10 * (math.ceil(ROWS * k / rounds) - 1) for k in range(1, rounds + 1)]


def test_more_rounds_than_rows_look_again_at_the_same() -> None:
    """Seven rows in 24 rounds: the first round sees the first row, the last one all."""
    steps = [row["step"] for row in played(case("short", good(7)))]
    assert (len(steps), steps[0], steps[-1]) == (24, 0, 60)
    assert steps == sorted(steps)


def test_a_line_tells_what_the_contract_asks_for() -> None:
    """Folder name, round, step, decision, and reasons with check, metric, what they argue for and a sentence."""
    row = played(case("some/where/good", good()), rounds=4)[-1]
    assert (row["case"], row["round"], row["step"]) == ("good", 4, 10 * (ROWS - 1))
    assert row["decision"] in {"CONTINUE", "WAIT", "STOP"}
    assert row["reasons"]
    for reason in row["reasons"]:
        assert {"check", "metric", "argues_for", "text"} <= reason.keys()
        assert reason["argues_for"] in {"CONTINUE", "WAIT", "STOP"}
        assert reason["text"]


@pytest.mark.parametrize("named", [".", "../good", "../good/"])
def test_the_case_is_called_like_its_folder_however_it_is_named(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From inside, with a slash behind it."""
    monkeypatch.chdir(case("good", good()))
    assert {row["case"] for row in played(named, rounds=2)} == {"good"}


def test_a_replay_ends_at_its_first_stop() -> None:
    """NaN to the end: after the STOP nothing is played, and before it nothing asks for one."""
    rows = played(case("dead", table([*falling(50), *["NaN"] * 50])))
    assert rows[-1]["decision"] == "STOP"
    assert len(rows) < 24
    assert "STOP" not in {row["decision"] for row in rows[:-1]}
    assert rows[-1]["step"] >= 500
    assert any("nan" in reason["text"].lower() for reason in rows[-1]["reasons"])


def reported(*words: str, rounds: int) -> list[str]:
    """The times of the reports of a replay, in UTC."""
    Path("trainwatch.toml").write_text('timezone = "UTC"\n')
    done = replay("--rounds", str(rounds), *words)
    assert done.exit_code == 0, done.stderr
    head = "## Training Check - "
    return [line.removeprefix(head) for line in done.stdout.splitlines() if line.startswith(head)]


def test_a_round_happens_when_its_last_row_was_logged() -> None:
    """1,700,000,000 is 22:13:20; rows 50 and 100 came 49 and 99 minutes after the first."""
    assert reported(case("good", good()), rounds=2) == ["2023-11-14 23:02:20 +00:00", "2023-11-14 23:52:20 +00:00"]


def test_rounds_of_rows_without_times_are_half_an_hour_apart() -> None:
    """There is no column of times."""
    times = [line[11:16] for line in reported(case("timeless", table(falling(), timed=False)), rounds=3)]
    minutes = [60 * int(time[:2]) + int(time[3:]) for time in times]
    assert list(np.diff(minutes) % (24 * 60)) == [30, 30]


def test_time_goes_on_where_only_the_first_rows_lack_it() -> None:
    """A round before the first known time lies before it, and no later one is held at a made-up time."""
    lines = good().splitlines()
    lines[1:31] = [line.replace(line.split(",")[1], "") for line in lines[1:31]]
    assert reported(case("late", "\n".join(lines)), rounds=4)[1:] == [
        "2023-11-14 23:02:20 +00:00",
        "2023-11-14 23:27:20 +00:00",
        "2023-11-14 23:52:20 +00:00",
    ]


def test_until_spreads_the_rounds_over_wall_time() -> None:
    """Rows stop after 99 minutes, the watch goes on for four hours: the last half of the rounds sees nothing new."""
    named = case("silent", good(), {"until": BEGIN + 4 * 3600})
    assert [row["step"] for row in played(named, rounds=4)][:3] == [600, 990, 990]
    assert reported(named, rounds=4)[:2] == ["2023-11-14 23:13:20 +00:00", "2023-11-15 00:13:20 +00:00"]


ODD = """_step,_timestamp,loss,val_loss,note
0,1700000000,3.0,,x
10,1700000060,NaN,2.9,
,1700000120,2.8,,
30,1700000180,nan,,
40,,inf,2.7,y
20,1700000300,2.5,,
30,1700000360,-Infinity,null,
40,1700000420,2.3,2.4,

50,1700000480,2.2
"""


def test_odd_tables_are_played_to_their_end() -> None:
    """Empty cells, NaN as text, missing and repeated steps, steps that go back, short and empty rows."""
    assert [row["step"] for row in played(case("odd", ODD), rounds=9)] == [0, 10, 10, 30, 40, 40, 40, 40, 50]


def test_a_spreadsheets_mark_and_milliseconds_do_no_harm() -> None:
    """A byte-order mark before the header; times that are no Unix seconds count as unknown."""
    text = "\ufeff" + good().replace(f",{BEGIN // 10**6}", f",{BEGIN // 10**6}000")
    assert len(played(case("spreadsheet", text), rounds=3)) == 3
    absurd = table(falling(30)).replace(f",{BEGIN // 100}", ",1e300")
    assert len(played(case("absurd", absurd), rounds=3)) == 3


def test_rows_at_one_moment_are_looked_at_all_the_same() -> None:
    """A run whose clock stands still."""
    text = "_step,_timestamp,loss\n" + "".join(f"{n},{BEGIN},{loss}\n" for n, loss in enumerate(falling(30)))
    assert len(played(case("frozen", text), rounds=5)) == 5


def test_no_rows_is_something_to_wait_for() -> None:
    """A header and nothing else."""
    assert {row["decision"] for row in played(case("empty", "_step,loss\n"), rounds=3)} == {"WAIT"}


def test_a_table_by_itself_is_a_case_too() -> None:
    """A CSV file, with a column named like most trainers name it."""
    Path("run.csv").write_text(good().replace("_step", "global_step"))
    assert [row["case"] for row in played("run.csv", rounds=2)] == ["run.csv"] * 2


def said(context: object, text: str | None = None) -> str:
    """What is said of a case with this context."""
    number = len(list(Path().iterdir()))
    done = replay("--rounds", "3", "--format", "jsonl", case(f"told{number}", text or good(), context))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert f"told{number}/context.json" in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "a JSON object"),
        ({"total_steps": "many"}, "'many'"),
        ({"total_steps": -5}, "-5"),
        ('{"total_steps": NaN}', "nan"),
        ({"baseline": {"val_loss": None}}, "None"),
        ({"baseline": 3}, "understood"),
        ({"goals": {"loss": "down"}}, "'down'"),
        ({"announced": [{"what": "new data"}]}, "'step' is missing"),
        ({"until": "tomorrow"}, "'tomorrow'"),
        ({"until": BEGIN - 5}, "after the first row"),
    ],
)
def test_a_context_that_cannot_be_understood_is_said(context: object, words: str) -> None:
    """What is wrong, in which file, and which keys there are."""
    assert words in said(context)


def test_until_needs_times() -> None:
    """Nobody can spread rounds over the time of rows that have none."""
    assert "_timestamp" in said({"until": BEGIN}, table(falling(), timed=False))


def test_what_the_watch_was_told_reaches_the_judgement() -> None:
    """An announced change explains a jump, a goal turns a score round; total_steps is what the ETA counts to."""
    Path("trainwatch.toml").write_text('timezone = "UTC"\n')
    named = case("told", good(), {"total_steps": 12_345, "baseline": {"loss": 0.123}, "goals": {"loss": "min"}})
    done = replay("--rounds", "2", named)
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "12,345" in text
    assert "0.123" in text


def test_a_sick_case_never_keeps_the_others_from_being_played() -> None:
    """They are played in their order; the sick ones are said in words, each with its name; the exit code is 1."""
    sick = [case("headless", "a,b\n1,2\n"), case("mad", good(), "{"), "missing", "nobody/has/this"]
    sick[2] = "./missing"
    done = replay("--rounds", "3", "--format", "jsonl", case("one", good()), *sick[:3], case("two", good()))
    assert done.exit_code == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["case"], row["round"]) for row in rows] == [(n, k) for n in ("one", "two") for k in (1, 2, 3)]
    assert "Traceback" not in done.stderr
    for name, words in (("headless", "no column of steps"), ("mad", "no JSON"), ("missing", "no such file")):
        assert any(name in line and words in line for line in done.stderr.splitlines()), done.stderr


def test_as_text_each_round_is_a_report() -> None:
    """The eight fields, wrapped to what a terminal shows."""
    done = replay("--rounds", "3", case("good", good()))
    assert done.exit_code == 0
    for field in ("## Training Check", "- Data source:", "- Run:", "- Recent metrics:", "- Anomalies:", "- Evidence:"):
        assert done.stdout.count(field) == 3
    for field in ("- Decision:", "- Reason:", "- Next check:"):
        assert done.stdout.count(field) == 3
    assert max(len(line) for line in done.stdout.splitlines() if "/" not in line) <= 100


def test_pictures_of_cases_with_one_name_lie_beside_each_other() -> None:
    """One for each round, readable as what it says it is."""
    done = replay(
        "--rounds", "2", "--format", "jsonl", "--png", "pictures", case("a/run", good()), case("b/run", good(50))
    )
    assert done.exit_code == 0, done.stderr
    found = sorted(path.name for path in Path("pictures").iterdir())
    assert found == ["run-001.png", "run-002.png", "run.2-001.png", "run.2-002.png"]
    for name in found:
        with Image.open(Path("pictures") / name) as image:
            assert (image.format, image.size) == ("PNG", (1200, 800))


def test_pictures_that_cannot_be_kept_are_said() -> None:
    """There is a file where the directory should be."""
    Path("taken").write_text("")
    done = replay("--rounds", "2", "--format", "jsonl", "--png", "taken", case("good", good()))
    assert done.exit_code == 1
    assert "cannot be written" in done.stderr


def test_an_offline_run_of_the_sdk_is_replayed(tmp_path: Path) -> None:
    """Directory and `.wandb` file. How it ended is not known meanwhile, or its first round would be its last."""
    rows = [{"loss": float(loss), "_timestamp": BEGIN + 60.0 * n} for n, loss in enumerate(falling(60))]
    dead = [*rows, *({"loss": math.nan, "_timestamp": BEGIN + 60.0 * n} for n in range(60, 120))]
    fine, bad = log_offline(tmp_path, OfflineRun("fine", rows), OfflineRun("bad", dead, exit_code=1))
    for name in (fine, next(fine.glob("*.wandb"))):
        assert [row["step"] for row in played(str(name), rounds=6)] == [9, 19, 29, 39, 49, 59]
    assert reported(str(fine), rounds=1) == ["2023-11-14 23:12:20 +00:00"]
    assert [row["decision"] for row in played(str(bad), rounds=24)][-1] == "STOP"


def test_a_log_is_replayed() -> None:
    """Lines of a trainer; its steps go back once, as after a restart from a checkpoint."""
    lines = [f"step={n} loss={loss}" for n, loss in enumerate(falling(50))]
    Path("train.log").write_text("\n".join([*lines, *lines[40:], "done"]) + "\n")
    assert [row["step"] for row in played("train.log", rounds=6)] == [9, 19, 29, 39, 49, 49]


def live(path: Path, lines: list[str], rounds: int) -> Iterator[Round]:
    """A watch over a log that grows, with a database, its own source, and the tick that finds it due."""
    clock, dispatcher = FakeClock(datetime.fromtimestamp(replaying.BEGIN, UTC)), InlineDispatcher()
    path.touch()
    world = World(
        store=open_store(str(path.with_suffix(".db"))),
        clock=clock,
        dispatcher=dispatcher,
        notifier=ListNotifier(clock),
        painter=PlainPainter(),
        locker=DictLocker(),
        notebook=DictNotebook(),
        sources=lambda _watch: (LogFileSource(str(path)),),
        stopper=lambda _watch: None,
        checks=registry.CHECKS,
        rules=Rules(local_user="ana"),
        terms=Terms(),
        exclusive=lambda _name: contextlib.nullcontext(enter_result=True),
        owner="here:1",
    )
    engine = Engine(world)
    engine.start()
    clock.advance(replaying.EVERY)
    watch = engine.watches.register(
        Registration(RunRef(RunKind.LOG, str(path)), ANA, "terminal", WatchContext(), Policy())
    )
    for k in range(1, rounds + 1):
        path.write_text("".join(lines[: math.ceil(len(lines) * k / rounds)]))
        now = clock.now().timestamp()
        os.utime(path, (now, now))
        engine.tick()
        dispatcher.drain()
        done = world.store.rounds(watch.id, limit=1)[-1]
        yield done
        if done.verdict.decision is Decision.STOP:
            break
        clock.advance(replaying.EVERY)
    world.store.close()


SPIKED = [*falling(40), *["7.5"] * 3, *falling(120)[40:]]


@pytest.mark.parametrize(
    "losses",
    [falling(), SPIKED, [*falling(60), *["nan"] * 60], [*falling(60), *[f"{2 + 0.05 * n:.3f}" for n in range(80)]]],
    ids=["healthy", "spike", "nan", "diverging"],
)
def test_a_replay_decides_what_the_live_watch_decides(losses: list[str], tmp_path: Path) -> None:
    """The same rows at the same times, here from a file that grows and a database, there from a recording in memory."""
    lines = [f"step={n} loss={loss}\n" for n, loss in enumerate(losses)]
    watched = list(live(tmp_path / "live.log", lines, 24))
    Path("again.log").write_text("".join(lines))
    again = played("again.log")
    assert [row["decision"] for row in again] == [str(done.verdict.decision) for done in watched]
    assert [[reason["text"] for reason in row["reasons"]] for row in again] == [
        [reason.text for reason in done.verdict.reasons] for done in watched
    ]
    assert {row["decision"] for row in again} != {"WAIT"}
