"""Addresses of runs in what people write. They are parsed, never fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from trainwatch_core.config import Settings
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunRef, parse_wandb_run

_CLOUD = "wandb.ai"
_ADDRESS = re.compile(r"https?://[^\s|<>\"\\\\]{1,500}")
_MOST = 20
"""Addresses of one message that are looked at."""


def run_at(url: str, settings: Settings) -> RunRef | None:
    """The run whose page this is, on a W&B server that we know; None for all else. Nothing is fetched."""
    own = urlsplit(settings.wandb.base_url or "").hostname
    try:
        known = urlsplit(url).hostname in {_CLOUD, f"www.{_CLOUD}", own} - {None}
        return parse_wandb_run(url) if known else None
    except (InvalidInputError, ValueError):
        return None


def runs_in(message: object, settings: Settings) -> Sequence[RunRef]:
    """The runs whose pages a message has links to, in its text, its blocks and what stands below it; each once."""
    parts = [message.get(part) for part in ("text", "blocks", "attachments")] if isinstance(message, dict) else []
    found = _ADDRESS.findall(" ".join(json.dumps(part) for part in parts if part))
    runs = [run_at(url.replace("&amp;", "&"), settings) for url in found[:_MOST]]
    return list(dict.fromkeys(run for run in runs if run is not None))
