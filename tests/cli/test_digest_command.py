"""`trainwatch digest`."""

from __future__ import annotations

from pathlib import Path

from trainwatch_core.cli import cli
from trainwatch_core.testing.desk import Desk, falling


def watched(desk: Desk) -> None:
    """A training is watched in a terminal, and was looked at."""
    log, job = str(desk.log(falling())), f"pid:{desk.training().pid}"
    terminal = desk.terminal("watch", log, "--launch", job, "--baseline", "x=1", "--notes", "/dev/null")
    terminal.expect_exact("c checks now")


def test_the_day_is_told_and_drawn_in_a_terminal(desk: Desk, tmp_path: Path) -> None:
    """Nothing yet; then a watch with its latest and best value, and a picture where it is wanted."""
    assert desk.say(cli, "digest").stdout == "Nothing is watched, nothing ended.\n"
    watched(desk)
    png = tmp_path / "day.png"
    told = desk.run("digest", "--png", str(png))
    assert told.returncode == 0
    assert "1 healthy" in told.stdout or "1 watching closely" in told.stdout
    assert "best loss" in told.stdout
    assert f"Picture: {png}" in told.stdout
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_place_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    """What was wrong, and where."""
    watched(desk)
    told = desk.say(cli, "digest", "--png", str(tmp_path / "nowhere" / "day.png"))
    assert told.exit_code == 1
    assert "The picture cannot be written" in told.stderr
    assert "nowhere" in told.stderr
