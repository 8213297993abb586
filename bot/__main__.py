"""`python -m bot`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from bot import logs
from bot.run import run
from bot.settings import load
from trainwatch_core.model.errors import TrainwatchError


def main() -> int:
    """Run the bot until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="The Slack bot of trainwatch.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="trainwatch.toml; otherwise it is searched for")
    parser.add_argument("--debug", action="store_true", help="Say more, and show tracebacks")
    given = parser.parse_args()
    logs.set_up(sys.stderr, debug=given.debug)
    until = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        until.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        settings = load(given.config, os.environ, cwd=Path.cwd())
        team = ", ".join(settings.core.admins) or "nobody (set admins in trainwatch.toml)"
        run(
            settings,
            environ=os.environ,
            until=until,
            ready=lambda: print(f"trainwatch is connected to Slack. Admins: {team}", flush=True),  # noqa: T201  # told
        )
    except TrainwatchError as error:
        if given.debug:
            raise
        print(error, file=sys.stderr)  # noqa: T201  # this is where a person reads it
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
