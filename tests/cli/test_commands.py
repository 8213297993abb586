"""The short commands: one line each, an exit code each, an error in words."""

from __future__ import annotations

import json
import subprocess
import sys

import pexpect
import pytest

from trainwatch_core.cli import cli
from trainwatch_core.testing.desk import Desk, falling

PUZZLED = ["1.0", "1.01"] * 2


@pytest.mark.parametrize(
    ("losses", "code", "word"),
    [(falling(), 0, "CONTINUE"), ([], 10, "WAIT"), ([*falling(), *["nan"] * 60], 20, "STOP")],
)
def test_check_looks_once_and_exits_with_the_decision(desk: Desk, losses: list[str], code: int, word: str) -> None:
    """For shell scripts and cron: 0 CONTINUE, 10 WAIT, 20 STOP."""
    done = desk.run("check", str(desk.log(losses)))
    assert (done.returncode, f"Decision: {word}" in done.stdout) == (code, True), done.stdout + done.stderr


def test_check_stores_nothing(desk: Desk) -> None:
    """A look in passing leaves no watch behind."""
    desk.run("check", str(desk.log(falling())))
    assert "No open watch" in desk.say(cli, "list").stdout


def test_an_unreachable_run_waits(desk: Desk) -> None:
    """F-W01 B6: a server that does not answer is no reason to stop, and no error of the person's."""
    (desk.folder / "trainwatch.toml").write_text('[wandb]\nbase_url = "http://127.0.0.1:9"\ntimeout = "3s"\n')
    done = desk.run("check", "lab/vision/r1")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "Data source: unreachable" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("check", "nonsense"), 2, "does not name a W&B run"),
        (("check", "./missing.log"), 2, "no such file"),
        (("watch", "lab/vision/r1", "--launch", "pid:1"), 2, "process"),
        (("watch", "lab/vision/r1", "--launch", "carrier-pigeon:7"), 1, "stop"),
        (("watch", "lab/vision/r1", "--baseline", "2.3"), 2, "no metric with a value"),
        (("watch", "lab/vision/r1", "--every", "soon"), 2, "30m"),
        (("watch", "lab/vision/r1", "--stop-command", "kill \u202e1"), 2, "cannot be seen"),
        (("watch", "lab/vision/r1", "--announce", "soon"), 2, "no step"),
        (("watch",), 1, "no open watch"),
        (("expect", "nothing"), 1, "No watch has this name"),
        (("false-alarm", "nothing"), 1, "No watch has this name"),
        (("edit", "nothing", "--every", "5m"), 1, "No watch has this name"),
        (("edit", "nothing"), 2, "Nothing is given"),
        (("snooze", "nothing"), 1, "No watch has this name"),
        (("note", "nothing", "words"), 1, "No watch has this name"),
        (("note", "nothing"), 2, "Missing argument"),
        (("show", "nothing"), 1, "No watch has this name"),
        (("stop", "nothing", "--yes"), 1, "No watch has this name"),
        (("fly",), 2, "No such command"),
    ],
)
def test_bad_input_gets_words_not_a_traceback(desk: Desk, words: tuple[str, ...], code: int, said: str) -> None:
    """What was wrong, where, and what to do."""
    done = desk.say(cli, *words)
    assert done.exit_code == code, done.output
    assert said.lower() in done.stderr.lower()
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_broken_configuration_names_every_problem(desk: Desk) -> None:
    """All at once, each with its key."""
    (desk.folder / "trainwatch.toml").write_text('admin = ["U1"]\n[watch]\ninterval = "soon"\n')
    done = desk.say(cli, "list")
    assert done.exit_code == 2
    assert "admin" in done.stderr
    assert "watch.interval" in done.stderr


def test_pause_resume_end(desk: Desk) -> None:
    """The verbs of a watch, from another terminal."""
    log = desk.log(falling())
    terminal = desk.terminal("watch", str(log))
    desk.skip_questions(terminal)
    terminal.expect("round-00001.png")
    assert "CONTINUE" in desk.say(cli, "list").stdout
    assert "is paused" in desk.run("pause", "train.log").stdout
    assert "paused" in desk.say(cli, "list").stdout
    assert desk.run("pause", "train.log").returncode == 1
    assert "active again" in desk.say(cli, "resume", "train.log").stdout
    assert "has ended" in desk.say(cli, "end", "train.log").stdout
    terminal.wait()
    assert terminal.exitstatus == 0
    assert "No open watch" in desk.say(cli, "list").stdout
    assert "ended" in desk.say(cli, "list", "--all").stdout


def test_what_is_expected_is_told_from_another_terminal(desk: Desk) -> None:
    """D4: at registration, for a step to come, for now, and as a false alarm; `show` lists it all."""
    log = desk.log(falling())
    terminal = desk.terminal("watch", str(log), "--announce", "30000=harder data")
    desk.skip_questions(terminal)
    terminal.expect("round-00001.png")
    assert (
        "a change at step 90,000 (longer texts)."
        in desk.say(cli, "expect", "train.log", "--at", "90000", "longer", "texts").stdout
    )
    last = len(falling()) - 1
    assert f"a change at step {last}." in desk.say(cli, "expect", "train.log").stdout
    assert f"a false alarm at step {last}" in desk.say(cli, "false-alarm", "train.log").stdout
    shown = desk.say(cli, "show", "train.log").stdout
    wanted = f"step 30,000 (harder data), step 90,000 (longer texts), step {last}, step {last} (false alarm)"
    assert wanted in shown, shown
    assert desk.say(cli, "expect", "train.log", "--at", "soon").exit_code == 2
    desk.say(cli, "end", "train.log")
    terminal.wait()
    assert desk.say(cli, "expect", "train.log", "--at", "5").exit_code == 1


def test_a_watch_is_told_anew_snoozed_and_noted_from_another_terminal(desk: Desk) -> None:
    """The terminal holds its reports back, tells them in one message, and writes the note; `show` lists all."""
    log = desk.log(falling())
    notes = desk.folder / "n.md"
    terminal = desk.terminal("watch", str(log), "--launch", "", "--baseline", "x=1", "--notes", str(notes))
    desk.skip_questions(terminal, 1)
    terminal.expect("round-00001.png")
    assert "told anew" in desk.say(cli, "edit", "train.log", "--every", "1s").stdout
    assert "is quiet until" in desk.say(cli, "snooze", "train.log", "3h").stdout
    assert str(notes) in desk.say(cli, "note", "train.log", "lr", "halved").stdout
    shown = desk.say(cli, "show", "train.log").stdout
    assert "every 1 s" in shown, shown
    assert "not snoozed" not in shown
    for _ in range(3):
        terminal.expect("checking now")
    assert "tells of every check" in desk.say(cli, "snooze", "train.log", "off").stdout
    terminal.expect("While it was quiet")
    assert "told anew" in desk.say(cli, "edit", "train.log", "--rounds", "changes").stdout
    shown = desk.say(cli, "show", "train.log").stdout
    assert "not snoozed" in shown
    assert "what is new" in shown
    assert desk.say(cli, "snooze", "train.log", "9d").exit_code == 2
    desk.say(cli, "end", "train.log")
    terminal.wait()
    assert "lr halved" in notes.read_text()


def test_stop_by_hand_from_another_terminal(desk: Desk) -> None:
    """Break-glass: the same proof, and the terminal that looks after the watch ends with it."""
    job = desk.training()
    log = desk.log(falling())
    terminal = desk.terminal(
        "watch", str(log), "--launch", f"pid:{job.pid}", "--baseline", "x=1", "--notes", str(desk.folder / "n.md")
    )
    terminal.expect_exact("c checks now")
    done = desk.run("stop", "train.log", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SIGTERM to process group {job.pid}" in done.stdout
    assert "Stopped" in done.stdout
    assert job.poll() is not None or job.wait(60) is not None
    terminal.expect_exact("FINAL_SUMMARY")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0


def test_help_enters_no_heavy_room() -> None:
    """`import trainwatch_core` and --help stay light: wandb, matplotlib, sqlalchemy wait for their turn."""
    code = (
        "import sys, trainwatch_core, trainwatch_core.cli as c\n"
        "try: c.cli.main(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "heavy = {'wandb', 'matplotlib', 'sqlalchemy', 'pydantic', 'numpy', 'apscheduler'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


def test_the_audit_says_who_stopped_what_with_command_and_proof(desk: Desk) -> None:
    """P4.9: every act with its actor; for a program one JSON object a line, with command, outcome and proof."""
    job = desk.training()
    assert "Nothing was done" in desk.say(cli, "audit").stdout
    terminal = desk.terminal(
        "watch", str(desk.log(falling())), "--launch", f"pid:{job.pid}", "--baseline", "x=1", "--notes", "/dev/null"
    )
    terminal.expect_exact("c checks now")
    assert desk.run("stop", "train.log", "--yes").returncode == 0
    table = desk.say(cli, "audit").stdout
    rows = [json.loads(line) for line in desk.say(cli, "audit", "--json").stdout.splitlines()]
    assert [row["verb"] for row in rows] == ["watch", "stop", "execute", "stopped"]
    assert len({row["actor"] for row in rows}) == 1
    assert rows[0]["actor"].startswith("local:")
    done = rows[-1]
    assert (done["outcome"], done["proof"]["state"], done["steps"][0]["ok"]) == ("stopped", "gone", True)
    assert len(done["fingerprint"]) == 64
    assert f"{job.pid}" in done["job"]
    assert "proof: gone" in table
    assert desk.say(cli, "audit", "--since", "0.001").stdout.startswith("Nothing was done")
    assert desk.say(cli, "audit", "nothing").exit_code == 1
