"""The terminal watch, as a person meets it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pexpect

from trainwatch_core.cli import cli
from trainwatch_core.testing.desk import Desk, falling

BUSY = "[watch.policy]\nhard_rounds = 1\nsuspicious_interval = '1s'\n[stop]\ngrace = '5s'\nauto_grace = '1s'\n"


def test_it_asks_for_what_is_missing_and_enter_skips(desk: Desk) -> None:
    """A person who gave only a run is asked for the rest, and what was skipped is stated in the first report."""
    log = desk.log(falling())
    terminal = desk.terminal("watch", str(log))
    terminal.expect_exact("Baseline (metric=value)")
    terminal.sendline("nonsense")
    terminal.expect_exact("This is no metric with a value")
    terminal.sendline("")
    terminal.expect_exact("How it was launched")
    terminal.sendline("")
    terminal.expect_exact("Notes file")
    terminal.sendline("")
    terminal.expect_exact("Decision: CONTINUE")
    terminal.expect("Next check: ")
    terminal.sendintr()
    terminal.expect_exact("Nothing was stopped")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 130
    shown = desk.say(cli, "show", "train.log").stdout
    assert "Job           unknown" in shown


def test_without_a_run_it_asks_which(desk: Desk) -> None:
    """Nothing is open and nothing was named: the first question is the run."""
    log = desk.log(falling())
    terminal = desk.terminal("watch")
    terminal.expect_exact("Which run?")
    terminal.sendline(str(log))
    desk.skip_questions(terminal)
    terminal.expect_exact("Decision: CONTINUE")


def test_the_report_has_exactly_the_eight_fields(desk: Desk) -> None:
    """E1: the structure is a contract that scripts may read."""
    out = desk.run("check", str(desk.log(falling()))).stdout
    heads = re.findall(r"^(?:## (Training Check) - |- ([A-Z][a-z ]+):)", out, flags=re.MULTILINE)
    assert ["".join(pair) for pair in heads] == [
        "Training Check",
        "Data source",
        "Run",
        "Recent metrics",
        "Anomalies",
        "Evidence",
        "Decision",
        "Reason",
        "Next check",
        "Picture",
    ]
    assert re.search(r"^## Training Check - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d$", out, flags=re.MULTILINE)


def test_typing_c_checks_now_and_a_later_call_goes_on(desk: Desk) -> None:
    """Thirty minutes are long; a key is short. After Ctrl-C the same watch goes on with its rounds."""
    log = desk.log(falling())
    (desk.folder / "trainwatch.toml").write_text(f'[watch]\nnotes = "{desk.folder}/n.md"\nbaseline = {{ x = 1 }}\n')
    job = desk.training()
    terminal = desk.terminal("watch", str(log), "--launch", f"pid:{job.pid}")
    terminal.expect("round-00001.png")
    terminal.expect_exact("c checks now")
    terminal.send("c")
    terminal.expect("round-00002.png")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert job.poll() is None
    again = desk.terminal("watch")
    again.expect(r"round\s+3\s+comes\s+next")
    again.expect_exact("c checks now")
    again.send("c")
    again.expect("round-00003.png")


def test_a_second_terminal_is_told_who_looks_after_the_watch(desk: Desk) -> None:
    """Two terminals would say everything twice."""
    log = desk.log(falling())
    first = desk.terminal("watch", str(log))
    desk.skip_questions(first)
    first.expect_exact("Decision")
    second = desk.run("watch", str(log))
    assert second.returncode == 1
    assert "looked after by another process" in second.stderr


def test_yes_stops_the_run_and_proves_it(desk: Desk) -> None:
    """The question, the answer, the proof, the FINAL_SUMMARY, the end: exit code 0."""
    (desk.folder / "trainwatch.toml").write_text(BUSY)
    job, terminal = desk.broken()
    terminal.expect_exact("Stop it? [y/N]")
    assert job.poll() is None
    terminal.sendline("y")
    terminal.expect_exact("FINAL_SUMMARY")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    assert job.wait(60) == -signal.SIGTERM
    assert "stopped, proven gone" in (desk.folder / "n.md").read_text()
    (evidence,) = (desk.folder / "data" / "evidence").iterdir()
    assert {"loss.png", "metrics.csv", "verdict.json", "log_tail.txt"} <= {path.name for path in evidence.iterdir()}


def test_enter_keeps_it_running(desk: Desk) -> None:
    """The default of [y/N] is no, and no question follows at the next check."""
    (desk.folder / "trainwatch.toml").write_text(BUSY)
    job, terminal = desk.broken()
    terminal.expect_exact("Stop it? [y/N]")
    terminal.sendline("")
    terminal.expect_exact("Nothing was stopped")
    terminal.expect_exact("c checks now")
    desk.log(["nan"] * 10)
    terminal.send("c")
    terminal.expect("keep it running")
    assert job.poll() is None


def test_a_k_within_the_grace_takes_the_automatic_stop_back(desk: Desk) -> None:
    """In automatic mode one clear word is enough, and Enter alone is none."""
    (desk.folder / "trainwatch.toml").write_text(BUSY.replace("auto_grace = '1s'", "auto_grace = '30s'"))
    job, terminal = desk.broken("--mode", "auto")
    terminal.expect_exact("Type k and Enter")
    terminal.sendline("")
    terminal.sendline("k")
    terminal.expect_exact("Kept running by")
    assert job.poll() is None


def test_a_process_that_ends_ends_its_watch(desk: Desk) -> None:
    """D5 for a run that is only a log and a process."""
    job = desk.training()
    log = desk.log(falling())
    job.kill()
    done = desk.run("watch", str(log), "--launch", f"pid:{job.pid}")
    assert done.returncode == 1
    assert "what to do" in done.stderr
    job = desk.training()
    terminal = desk.terminal(
        "watch", str(log), "--launch", f"pid:{job.pid}", "--baseline", "x=1", "--notes", str(Path(desk.folder, "n.md"))
    )
    terminal.expect("round-00001.png")
    job.kill()
    job.wait()
    terminal.send("c")
    terminal.expect_exact("FINAL_SUMMARY")
    terminal.expect_exact("gone")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0


def test_several_runs_at_once(desk: Desk) -> None:
    """One terminal, two runs, two reports."""
    logs = [str(desk.log(falling(), name)) for name in ("a.log", "b.log")]
    terminal = desk.terminal("watch", *logs)
    desk.skip_questions(terminal, 6)
    seen = ""
    while not ("Run: " in seen and "a.log" in seen and "b.log" in seen and seen.count("Decision") >= 2):
        terminal.expect_exact("Decision")
        seen += terminal.before + terminal.after


def test_sigterm_puts_everything_in_order(desk: Desk) -> None:
    """F-D06: told to end, it drains, gives its claims back, and says so."""
    log = desk.log(falling())
    terminal = desk.terminal("watch", str(log))
    desk.skip_questions(terminal)
    terminal.expect_exact("c checks now")
    terminal.kill(signal.SIGTERM)
    terminal.expect_exact("I was told to end")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 143
