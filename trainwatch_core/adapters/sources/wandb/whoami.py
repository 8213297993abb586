"""Whose key it is that opens the W&B server."""

from __future__ import annotations

import json

from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import pick
from trainwatch_core.model.errors import SourceUnavailableError

_WHO = "query TrainwatchWho { viewer { username entity } }"


def whoami(endpoint: Endpoint, *, seconds: float) -> str:
    """The user's name; empty if the server does not know the key.

    Raises:
        SourceUnavailableError: If the server gives no answer.
    """
    answer = post(endpoint, "/graphql", json.dumps({"query": _WHO}).encode(), seconds=seconds)
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or "data" not in said:
        raise SourceUnavailableError("This is no answer of W&B", where=endpoint.host)
    name = pick(said, "data.viewer.username")
    return name if isinstance(name, str) else ""
