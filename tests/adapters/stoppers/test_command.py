"""Stopping by a command of the operator."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from trainwatch_core.adapters.stoppers.command import CommandStopper
from trainwatch_core.model.errors import InvalidInputError, StopRefusedError
from trainwatch_core.model.stop import Execution, JobState, StopStep
from trainwatch_core.ports import Clock
from trainwatch_core.testing.jobs import Jobs, gone


def run(command: str, clock: Clock, tokens: Path, timeout: float = 20.0) -> Execution:
    """Plan and execute."""
    stopper = CommandStopper(command, clock=clock, tokens_dir=tokens, timeout=timeout)
    return stopper.execute(stopper.plan(stopper.identify()), "a" * 32)


def test_a_command_alone_proves_nothing(clock: Clock, tokens: Path) -> None:
    """Exit code 0 without a launch is an unverified outcome, and the plan says that nothing can be proven."""
    stopper = CommandStopper("true", clock=clock, tokens_dir=tokens)
    plan = stopper.plan(stopper.identify())
    assert plan.verify == ""
    assert plan.identity is None
    assert plan.steps[0].argv[1:] == ("-c", "true")
    assert Path(plan.steps[0].argv[0]).is_absolute()
    done = stopper.execute(plan, "a" * 32)
    assert done.probe.state is JobState.UNKNOWN
    assert done.probe.detail.startswith("unverified")
    assert (done.results[0].ok, done.results[0].exit_code) == (True, 0)


def test_a_failing_command_says_how_it_failed(clock: Clock, tokens: Path) -> None:
    """Exit code and the end of both outputs are kept."""
    result = run("echo out; echo err >&2; exit 3", clock, tokens).results[0]
    assert (result.ok, result.exit_code, result.output) == (False, 3, "out\nerr")
    assert result.detail.startswith("Exit code 3 after ")


def test_a_command_runs_in_an_empty_room(clock: Clock, tokens: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of our environment gets in; the directory is /, the input is empty, the session is new."""
    monkeypatch.setenv("WANDB_API_KEY", "planted")
    monkeypatch.setenv("BASH_ENV", "/nowhere")
    output = run("cat; pwd; ps -o sid= -p $$; env", clock, tokens).results[0].output.splitlines()
    assert output[0] == "/"
    assert int(output[1]) != os.getsid(0)
    names = {line.partition("=")[0] for line in output[2:]}
    assert names <= {"PATH", "LANG", "HOME", "USER", "LOGNAME", "PWD", "SHLVL", "_"}


HANGING = "sleep 999 & echo $!; (sleep 999 & echo $!); setsid sleep 999 & echo $!; trap '' TERM; sleep 999"


def test_a_hanging_command_leaves_nothing_behind(clock: Clock, tokens: Path, jobs: Jobs) -> None:
    """F-S02: at the deadline the command, its children, orphans of its group and a setsid child are killed."""
    begun = time.monotonic()
    result = run(HANGING, clock, tokens, timeout=4.0).results[0]
    assert time.monotonic() - begun < 60
    assert (result.ok, result.exit_code) == (False, None)
    assert "Did not end within 4 s" in result.detail
    pids = [int(line) for line in result.output.split()]
    for pid in pids:
        jobs.adopt(pid)
    assert len(pids) == 3
    assert _all_gone(pids)


def test_a_background_process_that_holds_the_output_is_not_waited_for(clock: Clock, tokens: Path, jobs: Jobs) -> None:
    """F-S02: the command ended; who still holds its pipe does not make us hang."""
    begun = time.monotonic()
    result = run("sleep 999 & echo $!", clock, tokens).results[0]
    jobs.adopt(int(result.output))
    assert result.exit_code == 0
    assert time.monotonic() - begun < 15


def test_a_background_process_that_floods_the_output_is_not_waited_for(clock: Clock, tokens: Path) -> None:
    """F-S13: once the command has ended its output is not read for ever; closing the pipe ends the flood."""
    begun = time.monotonic()
    result = run("yes & sleep 0.2; exit 0", clock, tokens).results[0]
    assert result.exit_code == 0
    assert time.monotonic() - begun < 15
    assert len(result.output) <= 65536


def test_endless_output_is_capped(clock: Clock, tokens: Path) -> None:
    """F-S13: of a flood the last 64 KiB are kept, in whole lines."""
    result = run("yes 0123456789", clock, tokens, timeout=2.0).results[0]
    assert result.exit_code is None
    assert 60000 < len(result.output) <= 65536
    assert set(result.output.splitlines()) == {"0123456789"}


def test_output_is_redacted_and_harmless(clock: Clock, tokens: Path) -> None:
    """F-S13: keys, escape sequences and binary rubbish of a command do not get out; half a key is dropped."""
    key = "hf_" + "a1B2" * 9
    result = run(f"echo token={key}; printf '\\033[2J\\377\\000ok\\n'", clock, tokens).results[0]
    assert key not in result.output
    assert "\x1b" not in result.output
    assert "\x00" not in result.output
    assert result.output.endswith("ok")
    cut = run(f"printf '{key}%065530d\\n' 0; echo end", clock, tokens.parent / "other").results[0]
    assert cut.output == "end"


@pytest.mark.parametrize(
    "command",
    [
        "kill 1\u202e",
        "kill\u200b 12",
        "kill 12\nrm -rf x",
        "kill\t12",
        "kill \x1b[2J",
        "kill\u00a012",
        "kill \uff11\uff12",
        "kill\u3164 12",
        "kill \ufe0f12",
        "kill\u2028",
        "\ud800",
        "",
        "   ",
        "-x",
        "x" * 2001,
    ],
)
def test_commands_that_hide_something_are_refused(command: str, clock: Clock, tokens: Path) -> None:
    """F-I03: what runs is what is shown: nothing invisible, nothing that pretends, nothing too long to show."""
    with pytest.raises(InvalidInputError):
        CommandStopper(command, clock=clock, tokens_dir=tokens)


def test_a_command_of_another_script_is_no_trick(clock: Clock, tokens: Path) -> None:
    """Letters of other languages, as paths have them, are fine."""
    assert run("echo /mnt/größe/данные", clock, tokens).results[0].output == "/mnt/größe/данные"


def test_the_same_stop_runs_its_command_once(clock: Clock, tokens: Path, tmp_path: Path) -> None:
    """F-T01: the second execution with a token runs nothing."""
    ran = tmp_path / "ran"
    assert len(run(f"echo x >> {ran}", clock, tokens).results) == 1
    assert run(f"echo x >> {ran}", clock, tokens).results == ()
    assert ran.read_text(encoding="ascii") == "x\n"


def test_another_command_than_the_approved_one_is_refused(clock: Clock, tokens: Path, tmp_path: Path) -> None:
    """F-A12: the command was edited between the question and the answer."""
    ran = tmp_path / "ran"
    old = CommandStopper("true", clock=clock, tokens_dir=tokens).plan(None)
    with pytest.raises(StopRefusedError, match="another one"):
        CommandStopper(f"touch {ran}", clock=clock, tokens_dir=tokens).execute(old, "b" * 32)
    signal_step = replace(old, steps=(StopStep("x", signal="SIGKILL"),))
    with pytest.raises(StopRefusedError):
        CommandStopper("true", clock=clock, tokens_dir=tokens).execute(signal_step, "c" * 32)
    assert not ran.exists()


def test_a_command_that_cannot_start_is_a_result(clock: Clock, tokens: Path) -> None:
    """A working directory that is gone makes the rung fail, with its reason, and nothing else."""
    stopper = CommandStopper("true", clock=clock, tokens_dir=tokens)
    plan = replace(stopper.plan(None), cwd="/nowhere")
    result = stopper.execute(plan, "d" * 32).results[0]
    assert not result.ok
    assert "Could not be started" in result.detail


def _all_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 60
    # A killed process is a zombie of its new parent for a moment; gone() counts that, but the kill itself takes time.
    while not all(gone(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    return all(gone(pid) for pid in pids)
