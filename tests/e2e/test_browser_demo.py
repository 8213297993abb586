"""The demo in the browser, as a stranger meets it: what is told, what is left behind, and what if something lacks."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from trainwatch_core.config import load_settings
from trainwatch_core.demo import lookalike
from trainwatch_core.demo.lookalike import CHANNEL, PERSON
from trainwatch_core.demo.scene import RUN, Stage
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.testing.desk import Desk

PROGRAM_AT = Path(__file__).parents[2] / "trainwatch-demo" / "look-alike"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A place of its own, with the look-alike where the demo keeps it."""
    place = Desk(tmp_path)
    yield place
    place.clear()


@pytest.fixture
def program(desk: Desk) -> Path:
    """The look-alike, fetched once for all tests and linked into the demo's folder."""
    found = lookalike.install(PROGRAM_AT)
    (desk.folder / "demo").mkdir()
    (desk.folder / "demo" / "look-alike").symlink_to(PROGRAM_AT)
    return found


def left(folder: Path) -> list[str]:
    """Command lines of processes of a folder that still run."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        words = " ".join([*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()])
        if str(folder / "demo") in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words[:200])
    return found


def nothing_left(folder: Path) -> bool:
    """Whether all of them end within a moment: wandb's helper ends by itself after the training."""
    limit = time.monotonic() + 60
    while left(folder) and time.monotonic() < limit:
        time.sleep(0.1)
    return not left(folder)


def type_watch(address: str) -> None:
    """As the page does when somebody types it."""
    asked = {"channel": CHANNEL, "user": PERSON, "command": "/watch", "text": RUN}
    request = urllib.request.Request(  # noqa: S310  # an address of this machine
        f"{address}/_control/command", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310  # likewise


@pytest.mark.system("npm")
def test_a_person_is_told_what_to_try_and_leaves_nothing_behind(desk: Desk, program: Path) -> None:
    """The address, the command, what the look-alike is not; Ctrl-C ends training, bot and look-alike."""
    del program
    terminal = desk.terminal("demo", "--dir", "demo")
    terminal.expect(r"Open +(http://127\.0\.0\.1:\d+)")
    address = terminal.match.group(1)
    terminal.expect_exact(f"/watch {RUN}")
    terminal.expect_exact("listens on all network interfaces")
    terminal.expect_exact("checks\r\nno tokens")
    terminal.expect_exact("Ctrl-C ends the demo")
    type_watch(address)
    (folder,) = (desk.folder / "demo").glob("browser-*")
    assert (folder / "trainwatch.db").exists()
    terminal.sendintr()
    terminal.expect_exact("The demo has ended, and its training with it.")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 130
    assert nothing_left(desk.folder), left(desk.folder)


@pytest.mark.system("npm")
@pytest.mark.parametrize("moment", ["Starting the Slack look-alike", "Open "])
def test_told_to_end_it_takes_everything_along(desk: Desk, program: Path, moment: str) -> None:
    """SIGTERM, as from a closing session, while things begin and when they stand."""
    del program
    terminal = desk.terminal("demo", "--dir", "demo")
    terminal.expect_exact(moment)
    terminal.kill(signal.SIGTERM)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 143
    assert nothing_left(desk.folder), left(desk.folder)


def bare(folder: Path, npm: str = "") -> dict[str, str]:
    """An environment whose PATH has no npm, or one that does what a test says."""
    path = folder / "bin"
    path.mkdir()
    if npm:
        (path / "npm").write_text(f"#!/bin/sh\n{npm}\n")
        (path / "npm").chmod(0o755)
    return {"PATH": str(path)}


@pytest.mark.parametrize(
    ("npm", "line"),
    [
        ("", "npm is not installed here.*: the demo runs in this terminal instead"),
        ("echo 'npm error network' >&2; exit 1", "npm could not fetch the Slack look-alike.*in this terminal instead"),
    ],
)
def test_without_npm_the_terminal_is_shown(desk: Desk, npm: str, line: str) -> None:
    """One clear line, then the terminal demo."""
    terminal = desk.terminal("demo", "--dir", "demo", environ=bare(desk.folder, npm))
    terminal.expect(line)
    terminal.expect_exact("When I ask, type y and Enter")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)


def test_without_a_browser_nobody_can_be_replaced(desk: Desk) -> None:
    """`--auto` needs Chromium; without it the terminal demo runs by itself."""
    terminal = desk.terminal("demo", "--auto", "--dir", "demo", environ=bare(desk.folder, "exit 0"))
    terminal.expect("no Chromium is installed here: the demo runs in this terminal instead")
    terminal.expect_exact("It is stopped automatically.")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)


def test_another_program_is_not_started(tmp_path: Path) -> None:
    """What npm has brought must be what was looked at."""
    program = tmp_path / "node_modules" / lookalike.PACKAGE / "bin" / "local-slack"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    with pytest.raises(TrainwatchError, match="not the program that is expected"):
        lookalike.install(tmp_path)


def test_a_folder_with_a_strange_name_is_no_trouble(tmp_path: Path) -> None:
    """Quotes, backslashes and other scripts in a path stay a path in the bot's configuration."""
    folder = tmp_path / 'a "b" \\ é ü'
    folder.mkdir()
    (folder / "trainwatch.toml").write_text(
        Stage(folder, 4211, folder / "train.log").config(interval=5.0, grace=5.0, further="")
    )
    settings = load_settings(folder / "trainwatch.toml", {"HOME": os.fspath(tmp_path)}, cwd=tmp_path)
    assert settings.data_dir == folder
    assert re.fullmatch(r"pid:\d+", settings.project[0].launch or "")
