"""`python -m bot`."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from bot import logs
from bot.run import run
from bot.settings import load
from trainwatch_core.model.errors import TrainwatchError


def _address(text: str) -> tuple[str, int]:
    """The address and port in `8080`, `10.0.0.5:8080` or `[::1]:8080`."""
    match = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):)?([0-9]{1,5})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is no port and no address with a port, such as 127.0.0.1:8080")
    host = (match[1] or "127.0.0.1").strip("[]")
    return "127.0.0.1" if host == "localhost" else host, int(match[2])


def main() -> int:
    """Run the bot until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="The Slack bot of trainwatch.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="trainwatch.toml; otherwise it is searched for")
    parser.add_argument("--debug", action="store_true", help="Say more, and show tracebacks")
    parser.add_argument(
        "--http",
        type=_address,
        metavar="[HOST:]PORT",
        help="Listen for Slack there in place of opening a socket to it; the host is 127.0.0.1 unless named",
    )
    given = parser.parse_args()
    logs.set_up(sys.stderr, debug=given.debug)
    until = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        until.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        settings = load(given.config, os.environ, cwd=Path.cwd(), http=given.http is not None)
        team = ", ".join(settings.core.admins) or "nobody (set admins in trainwatch.toml)"
        run(
            settings,
            environ=os.environ,
            until=until,
            ready=lambda how: print(f"trainwatch {how}. Admins: {team}", flush=True),  # noqa: T201  # told
            http=given.http,
        )
    except TrainwatchError as error:
        if given.debug:
            raise
        print(error, file=sys.stderr)  # noqa: T201  # this is where a person reads it
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
