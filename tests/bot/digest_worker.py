"""A process that knocks at the digest of a database until told otherwise; says whether it sent it."""

from __future__ import annotations

import sys
from datetime import UTC, time
from pathlib import Path

from bot.blocks.words import Setting
from bot.notifier.digest import DailyDigest
from bot.notifier.web import Web
from trainwatch_core.bootstrap import build
from trainwatch_core.config import load_settings
from trainwatch_core.testing.fakes import ListNotifier
from trainwatch_core.testing.slack_server import BOT_TOKEN

KNOCKS = 20


def say(word: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(folder: Path, api_url: str, at: str) -> None:
    """Open the database, wait for a word, knock."""
    file = folder / "trainwatch.toml"
    file.write_text(f'data_dir = "{folder}/data"\n')
    settings = load_settings(file, {"HOME": str(folder)}, cwd=folder)
    with build(settings, ListNotifier(), environ={}) as engine:
        digest = DailyDigest(
            engine.world,
            Web(BOT_TOKEN, api_url),
            "C0DIGEST",
            setting=Setting(UTC),
            at=time.fromisoformat(at),
            link=lambda _watch: "",
        )
        say("ready")
        sys.stdin.readline()
        sent = [digest.knock() for _ in range(KNOCKS)]
    say("sent" if any(sent) else "no")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
