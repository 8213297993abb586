"""What the bot is told: the file, and the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwatch_core.config import Settings, find_config, load_settings
from trainwatch_core.config.tokens import Tokens, read_tokens


@dataclass(frozen=True, slots=True)
class BotSettings:
    """Everything the bot is told.

    Attributes:
        core: The file.
        tokens: What it speaks to Slack with.
    """

    core: Settings
    tokens: Tokens


def load(path: Path | None, environ: Mapping[str, str], *, cwd: Path, http: bool = False) -> BotSettings:
    """Read the file and the tokens, or the signing secret if Slack comes by HTTP.

    Raises:
        ConfigError: If anything is missing or wrong.
    """
    file = find_config(path, environ, cwd=cwd)
    tokens = read_tokens(environ, file.parent if file else cwd, http=http)
    return BotSettings(load_settings(path, environ, cwd=cwd), tokens)
