"""`trainwatch test`, as a person uses it."""

from __future__ import annotations

from trainwatch_core.testing.desk import Desk, falling


def watched(desk: Desk, *words: str) -> str:
    """A watch of a log in this folder; returns its id."""
    log = desk.log(falling())
    notes = str(desk.folder / "n.md")
    terminal = desk.terminal("watch", str(log), "--baseline", "x=1", "--notes", notes, *words)
    terminal.expect("Next check")
    terminal.sendintr()
    terminal.expect("trainwatch watch ([a-z0-9]{8})")
    return str(terminal.match.group(1))


def test_a_watch_is_tried_out_and_nothing_is_stopped(desk: Desk) -> None:
    """Every part in a line; the training runs on."""
    job = desk.training()
    done = desk.run("test", watched(desk, "--launch", f"pid:{job.pid}"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "log_fallback (log file) answers" in done.stdout
    assert "I read loss as training loss" in done.stdout
    assert f"pid {job.pid}" in done.stdout
    assert "SIGTERM" in done.stdout
    assert "Nothing was stopped." in done.stdout
    assert job.poll() is None


def test_what_is_missing_is_said_with_what_to_do(desk: Desk) -> None:
    """The job ended meanwhile: exit code 1 and the reason."""
    job = desk.training()
    ident = watched(desk, "--launch", f"pid:{job.pid}")
    job.kill()
    job.wait()
    done = desk.run("test", ident)
    assert done.returncode == 1
    assert "wrong" in done.stdout
    assert "Something is not as it must be." in done.stdout
