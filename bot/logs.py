"""The bot's own log: what it writes has no secrets in it, whoever wrote it."""

from __future__ import annotations

import logging
from typing import TextIO

from trainwatch_core.report.redact import redact

CHATTY = ("slack_bolt", "slack_sdk", "apscheduler", "alembic", "matplotlib", "urllib3")
"""Loggers of others. Bolt writes whole requests at INFO, slack_sdk at DEBUG."""


class RedactingFormatter(logging.Formatter):
    """Redacts the finished line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without what looks like a secret."""
        return redact(super().format(record))


def set_up(stream: TextIO, *, debug: bool) -> None:
    """Send everything to one stream, redacted."""
    out = logging.StreamHandler(stream)
    out.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR if name == "slack_bolt" else logging.WARNING)
