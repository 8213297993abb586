"""A log that a command prints: only what is new in it counts, and the command is held on a short leash."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from trainwatch_core.adapters.sources.logs.command import LogCommandSource
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.ports import Source


def _line(step: int) -> str:
    return f"step={step} loss={1000 - step}.5\n"


def _steps(batch: Batch) -> list[float]:
    return batch.rows["loss"].steps.tolist() if "loss" in batch.rows else []


def _next(cursor: Cursor) -> Cursor:
    """The cursor as the store gives it back."""
    loaded: Cursor = json.loads(json.dumps(cursor, allow_nan=False))
    return loaded


def _python(code: str) -> LogCommandSource:
    return LogCommandSource([sys.executable, "-c", code])


def _gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in {"Z", "X"}


def test_a_command_is_a_source(tmp_path: Path) -> None:
    """It says what it is and what was run."""
    log = tmp_path / "x.log"
    log.write_text(_line(1) + _line(2))
    source: Source = LogCommandSource(("cat", str(log)))
    batch = source.fetch(None, deadline=60)
    assert (source.key, source.status, source.kind) == ("log", SourceStatus.LOG_FALLBACK, "log command")
    assert _steps(batch) == [1, 2]
    assert batch.inspected == (f"cat {log}",)
    assert batch.tail == ("step=1 loss=999.5", "step=2 loss=998.5")
    assert batch.info.last_step == 2


@pytest.mark.parametrize("window", [5, 50, 1000])
def test_a_sliding_tail_brings_every_sample_once(tmp_path: Path, window: int) -> None:
    """`tail -n` prints mostly what is known; only new lines are read, also where the window slides."""
    log = tmp_path / "x.log"
    log.write_text("")
    source = LogCommandSource(("tail", "-n", str(window), str(log)))
    cursor: Cursor | None = None
    seen: list[float] = []
    for step in range(1, 100, 4):
        with log.open("a") as stream:
            stream.write("".join(map(_line, range(step, step + 4))))
        batch = source.fetch(cursor, deadline=60)
        seen += _steps(batch)
        cursor = _next(batch.cursor)
        assert batch.notes == ()
    assert seen == list(range(1, 101))


def test_equal_lines_are_told_apart_by_their_place(tmp_path: Path) -> None:
    """Lines without a step are counted, each once, though they look alike."""
    log = tmp_path / "x.log"
    log.write_text("loss: 1.0\nloss: 2.0\nloss: 1.0\n")
    source = LogCommandSource(("cat", str(log)))
    batch = source.fetch(None, deadline=60)
    with log.open("a") as stream:
        stream.write("loss: 2.0\n")
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.rows["loss"].values.tolist() == [2.0]
    assert _steps(batch) == [3]


def test_a_window_that_slid_too_far_repeats_nothing(tmp_path: Path) -> None:
    """Where the old end is gone, steps that are known are passed over, and the gap is told."""
    log = tmp_path / "x.log"
    source = LogCommandSource(("cat", str(log)))
    log.write_text("".join(map(_line, range(1, 100))))
    batch = source.fetch(None, deadline=60)
    log.write_text("another header\n" + "".join(map(_line, range(90, 121))))
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert _steps(batch) == list(range(100, 121))
    assert "lines between may be missing" in batch.notes[0]
    assert not batch.restarted


def test_a_new_run_in_the_output_begins_anew(tmp_path: Path) -> None:
    """Other lines at lower steps are another run: what was known is void."""
    log = tmp_path / "x.log"
    source = LogCommandSource(("cat", str(log)))
    log.write_text("".join(map(_line, range(1, 100))))
    batch = source.fetch(None, deadline=60)
    log.write_text("".join(f"step={step} loss=3.0\n" for step in range(1, 5)))
    batch = source.fetch(_next(batch.cursor), deadline=60)
    assert batch.restarted
    assert _steps(batch) == [1, 2, 3, 4]


def test_an_unfinished_last_line_is_read_when_it_stays(tmp_path: Path) -> None:
    """Half a number is no number; the same half line twice is whole."""
    log = tmp_path / "x.log"
    source = LogCommandSource(("cat", str(log)))
    log.write_text(_line(1) + "step=2 loss=99")
    batch = source.fetch(None, deadline=60)
    assert _steps(batch) == [1]
    again = source.fetch(_next(batch.cursor), deadline=60)
    assert again.rows["loss"].values.tolist() == [99.0]
    assert source.fetch(_next(again.cursor), deadline=60).rows == {}
    log.write_text(_line(1) + _line(2))
    assert source.fetch(_next(batch.cursor), deadline=60).rows["loss"].values.tolist() == [998.5]


def test_no_shell_sees_the_command(tmp_path: Path) -> None:
    """F-S06: Semicolons, substitutions and globs are arguments like any other."""
    marker = tmp_path / "pwned"
    source = LogCommandSource(("echo", f"step=1 loss=1.0 ; touch {marker} $(touch {marker}) *"))
    assert _steps(source.fetch(None, deadline=60)) == [1]
    assert not marker.exists()


def test_the_command_gets_no_secret_and_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-I06: Its environment is a short list, and its input is empty."""
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("TRAINWATCH_DB", "x")
    code = "import os, sys; print(*sorted(os.environ), sep='\\n'); print('input', repr(sys.stdin.read()))"
    tail = _python(code).fetch(None, deadline=90).tail
    assert "PATH" in tail
    assert not {name for name in tail if name.startswith(("WANDB", "TRAINWATCH", "PYTEST"))}
    assert tail[-1] == "input ''"


def test_a_command_that_fails_says_so_without_its_secrets() -> None:
    """F-I06: The exit code and the end of what it complained about are told, redacted; nothing it printed counts."""
    code = "import sys; print('step=1 loss=1.0'); sys.stderr.write('no host\\npassword=hunter2\\n'); sys.exit(3)"
    with pytest.raises(SourceUnavailableError, match="exit code 3: no host password=") as caught:
        _python(code).fetch(None, deadline=90)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("argv", [["no-such-program-here"], ["/"], ["a\0b"]])
def test_a_command_that_cannot_start_is_a_source_that_gives_nothing(argv: list[str]) -> None:
    """A wrong name is an error of the source, with the name in it."""
    with pytest.raises(SourceUnavailableError, match="could not be started"):
        LogCommandSource(argv).fetch(None, deadline=60)


def test_a_command_needs_a_program() -> None:
    """An empty command is refused when it is given."""
    with pytest.raises(InvalidInputError, match="needs a program"):
        LogCommandSource([])


@pytest.mark.timeout(200)
def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """F-S02: At the deadline the whole process group goes, also what the command has started."""
    pids = tmp_path / "pids"
    code = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(300)
"""
    start = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="took too long"):
        _python(code).fetch(None, deadline=6)
    assert time.monotonic() - start < 60
    until = time.monotonic() + 60
    left = [int(pid) for pid in pids.read_text().split()]
    assert len(left) == 2
    while not all(map(_gone, left)) and time.monotonic() < until:
        time.sleep(0.01)
    assert all(map(_gone, left))


@pytest.mark.timeout(200)
def test_a_child_that_holds_the_output_open_does_not_hold_the_round(tmp_path: Path) -> None:
    """When the command has ended and nothing more comes, what it left behind is ended and its output counts."""
    pid = tmp_path / "pid"
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open({str(pid)!r}, "w").write(str(child.pid))
print("step=1 loss=1.0")
"""
    start = time.monotonic()
    assert _steps(_python(code).fetch(None, deadline=150)) == [1]
    assert time.monotonic() - start < 100
    until = time.monotonic() + 60
    while not _gone(int(pid.read_text())) and time.monotonic() < until:
        time.sleep(0.01)
    assert _gone(int(pid.read_text()))


@pytest.mark.timeout(200)
def test_output_without_end_is_cut() -> None:
    """F-L01: Of a long output the last 8 MiB are kept; one without end is ended, long before memory is."""
    code = "import sys\nfor step in range(900_000): sys.stdout.write(f'step={step} loss=0.5\\n')"
    batch = _python(code).fetch(None, deadline=150)
    assert _steps(batch)[-1] == 899_999
    assert 100_000 < len(_steps(batch)) < 600_000
    assert "not read" in batch.notes[0]
    with pytest.raises(SourceUnavailableError, match="too much"):
        LogCommandSource(("yes",)).fetch(None, deadline=150)


def test_no_descriptor_is_left_open() -> None:
    """A failing command costs nothing that stays."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(SourceUnavailableError):
            LogCommandSource(("false",)).fetch(None, deadline=60)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
