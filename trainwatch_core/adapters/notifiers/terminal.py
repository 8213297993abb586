"""Messages in a terminal: the same words as everywhere, pictures as files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from trainwatch_core.model.change import Receipt
from trainwatch_core.model.errors import DeliveryError
from trainwatch_core.model.message import Body, Picture
from trainwatch_core.report.text import say_body

_KEPT_PICTURES = 200


class TerminalNotifier:
    """Prints messages and keeps pictures in a directory.

    Args:
        say: Prints a text; `loud` texts are those after which somebody must act.
        pictures: Directory for the PNG files; made when the first one comes.
        zone: The reader's zone; None is the machine's own.
        width: Tells how many columns there are now.
        heard: Told of every message after it was printed, so that a front end can ask its question.
    """

    def __init__(
        self,
        say: Callable[[Body, str], None],
        *,
        pictures: Path,
        zone: tzinfo | None,
        width: Callable[[], int],
        heard: Callable[[Body], None] = lambda _body: None,
    ) -> None:
        self._say = say
        self._pictures = pictures
        self._zone = zone
        self._width = width
        self._heard = heard

    def take_turn(self, body: Body, *, urgent: bool) -> None:
        """At once: a terminal is never busy."""

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Print one message.

        Raises:
            DeliveryError: If it could not be printed, or its picture not be kept.
        """
        try:
            place = self._deliver(key, body, picture)
        except (OSError, ValueError) as error:
            # ValueError: the stream was closed under us.
            raise DeliveryError(f"It could not be shown: {error}", where=key) from error
        self._heard(body)
        return Receipt(place, datetime.now(UTC))

    def _deliver(self, key: str, body: Body, picture: bytes | None) -> str:
        if isinstance(body, Picture):
            path = self._keep(body, picture or b"")
            self._say(body, f"- Picture: {path}\n")
            return str(path)
        text = say_body(body, zone=self._zone, width=self._width())
        self._say(body, f"{text}\n")
        return f"terminal:{key}"

    def _keep(self, body: Picture, picture: bytes) -> Path:
        folder = self._pictures / body.watch_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"round-{body.round_number:05d}.png"
        scratch = path.with_suffix(".part")
        scratch.write_bytes(picture)
        scratch.replace(path)
        for old in sorted(folder.glob("round-*.png"))[:-_KEPT_PICTURES]:
            old.unlink(missing_ok=True)
        return path
