"""The Slack look-alike of the demo: a program from npm that shows a workspace in the browser.

It is no Slack: it listens on all network interfaces, checks no tokens, draws fewer kinds of blocks and asks nothing in
confirm dialogs. Nothing but the demo and the tests use it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwatch_core.demo.service import service
from trainwatch_core.model.errors import TrainwatchError

PACKAGE, VERSION = "local-slack-linux-x64", "0.1.8"
SHA256 = "3332007b797969d835f694b463ac526f7ef1fc66afac93f950f585105fe4815f"
"""Of its program: another one is not started."""
CHANNEL, DIGEST_CHANNEL = "C0TRAIN", "C0DIGEST"
PERSON, COLLEAGUE, BOT = "U0ANA", "U0BO", "U0WATCH"
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-look-alike", "SLACK_APP_TOKEN": "xapp-look-alike"}
_INSTALL_WITHIN, _START_WITHIN, _ANSWER_WITHIN = 180.0, 20.0, 10.0
_ADDRESS = re.compile(r"Web UI:\s+(http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A running look-alike.

    Attributes:
        address: Of its page.
        files: Where uploaded files are kept.
    """

    address: str
    files: Path

    @property
    def api_url(self) -> str:
        """What a bot takes for the Web API."""
        return f"{self.address}/api/"

    def messages(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """All messages of a channel, those in threads too, oldest first."""
        found: list[dict[str, Any]] = self._ask(f"messages/{channel}")["messages"]
        return found

    def connected(self) -> bool:
        """Whether a bot has opened its socket."""
        return any(str(entry.get("summary")).startswith("socket connected") for entry in self._ask("log")["log"])

    def traffic(self) -> list[dict[str, Any]]:
        """What went to and from the bot, oldest first, the last thousand entries."""
        found: list[dict[str, Any]] = self._ask("log")["log"]
        return found

    def _ask(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/_control/{what}", timeout=_ANSWER_WITHIN) as answer:  # noqa: S310  # its own address, http on this machine
            found: dict[str, Any] = json.load(answer)
        return found


def lacking() -> str:
    """What this machine lacks to run it; empty if nothing."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "The Slack look-alike runs on Linux x86-64 only"
    return "" if shutil.which("npm") else "npm is not installed here, and the Slack look-alike comes from it"


def install(folder: Path) -> Path:
    """The program; fetched by npm into a folder unless it is there.

    Raises:
        TrainwatchError: If npm cannot fetch it, or what it fetched is not what is expected.
    """
    program = folder / "node_modules" / PACKAGE / "bin" / "local-slack"
    if not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(folder)
    with contextlib.suppress(OSError), program.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == SHA256:
            return program
    raise TrainwatchError(
        "The Slack look-alike is not the program that is expected", where=str(program), todo=f"Remove {folder}"
    )


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as fresh:
        _npm_install(fresh)
        # Whole or not at all, also if two demos begin at once: the second one finds it there.
        with contextlib.suppress(OSError):
            Path(fresh, "node_modules").rename(folder / "node_modules")


def _npm_install(folder: str) -> None:
    npm = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
    try:
        done = subprocess.run(  # noqa: S603  # a fixed package
            [*npm, f"{PACKAGE}@{VERSION}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise TrainwatchError("npm could not fetch the Slack look-alike", todo="Is the network there?") from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "npm error" in line), "")[:200]
        raise TrainwatchError("npm could not fetch the Slack look-alike", where=said, todo="Is the network there?")


@contextlib.contextmanager
def lookalike(program: Path, folder: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Lookalike]:
    """Run it on a free port while the block lasts.

    Raises:
        TrainwatchError: If it does not begin.
    """
    config = folder / "look-alike.json"
    config.write_text(json.dumps(_workspace()))
    files = folder / "files"
    argv = [str(program), "--config", str(config), "--port", "0", "--base-host", "127.0.0.1", "--files-dir", str(files)]
    log = folder / "look-alike.log"
    with service("The Slack look-alike", argv, log, environ, patience=5.0) as running:
        found = running.until(lambda: _ADDRESS.search(log.read_text(errors="replace")), within=_START_WITHIN)
        yield Lookalike(found[1], files)


def _workspace() -> dict[str, Any]:
    return {
        "workspace": {"name": "Demo lab", "domain": "demo", "teamId": "T0DEMO"},
        "app": {
            "appId": "A0WATCH",
            "botUserId": BOT,
            "botName": "trainwatch",
            "botToken": TOKENS["SLACK_BOT_TOKEN"],
            "appToken": TOKENS["SLACK_APP_TOKEN"],
            "mode": "socket",
        },
        "users": [
            {"id": PERSON, "name": "ana", "real_name": "Ana"},
            {"id": COLLEAGUE, "name": "bo", "real_name": "Bo"},
        ],
        "channels": [
            {"id": CHANNEL, "name": "training", "members": [PERSON, COLLEAGUE, BOT]},
            {"id": DIGEST_CHANNEL, "name": "digest", "members": [PERSON, COLLEAGUE, BOT]},
        ],
    }
