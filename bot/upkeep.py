"""What keeps the bot going beside its listeners: whose watches, who works, which channels, whether it still hears."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from slack_bolt.adapter.socket_mode import SocketModeHandler

from bot.ids import in_slack
from bot.texts import text
from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.actor import SYSTEM
from trainwatch_core.model.errors import DeliveryError, NotAllowedError

_LOG = logging.getLogger(__name__)
DEAF = 60.0
"""Seconds after which a socket that answers no ping is replaced (python-slack-sdk #1446)."""
WAITED = 2.0
"""Seconds that a person's command may take before they are told that it takes longer: Slack waits for three."""
_FRESH = 300.0
_LATELY = timedelta(hours=12)
_T = TypeVar("_T")


class Roster:
    """Which watches this process looks after: those that report to Slack. Terminals have their own.

    Args:
        engine: Told of them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        # Ended ones too: their last words may wait to be delivered.
        self._mine = {w.id for w in engine.world.store.watches(ended=True) if in_slack(w.channel)}

    def renew(self) -> None:
        """Take new watches in, and let those go that a terminal has taken over."""
        with self._lock:
            for watch in self._engine.world.store.watches():
                (self._mine.add if in_slack(watch.channel) else self._mine.discard)(watch.id)
            self._engine.only = frozenset(self._mine)


def take_over(engine: Engine) -> None:
    """Void the claims of the bot before us: it is gone, or we would not be here; its rounds are due now, not later."""
    for watch in engine.world.store.watches():
        if in_slack(watch.channel) and watch.lease_owner:
            engine.watches.adopt(watch.id, SYSTEM, watch.channel, watch.context)


class Errands:
    """Work that listeners hand over.

    Args:
        pool: Who does it.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    def later(self, work: Callable[[], object]) -> None:
        """Do it soon; what goes wrong is logged."""
        try:
            self._pool.submit(logged, work)
        except RuntimeError:
            _LOG.info("an errand came too late: the bot ends")

    def soon(self, work: Callable[[], _T], late: Callable[[_T], object], /) -> _T | None:
        """Do what a person waits for; None if it takes longer than Slack waits, and then `late` is told."""
        future = self._pool.submit(work)
        try:
            return future.result(WAITED)
        except TimeoutError:
            future.add_done_callback(lambda done: logged(lambda: late(done.result())))
            return None

    def once(self, name: str, work: Callable[[], object]) -> None:
        """Do it soon, unless the same is being done."""
        with self._lock:
            if name in self._under_way:
                return
            self._under_way.add(name)

        def guarded() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._under_way.discard(name)

        self.later(guarded)


class Shared:
    """Whether a channel is shared with another workspace; what cannot be known is taken for shared.

    Args:
        ask: Asks Slack for a channel (`conversations.info`); raises DeliveryError.
    """

    def __init__(self, ask: Callable[[str], Mapping[str, Any]]) -> None:
        self._ask = ask
        # When a channel was seen to be our own. A refusal is not kept: who was told to invite the bot comes again.
        self._own: dict[str, float] = {}

    def __call__(self, channel: str) -> bool:
        """Whether others than the own workspace read there, or the bot does not."""
        seen = self._own.get(channel)
        if seen is not None and time.monotonic() - seen <= _FRESH:
            return False
        try:
            found = self._ask(channel)
        except DeliveryError as error:
            raise NotAllowedError(text("cannot-look-at-channel"), todo=text("invite-me")) from error
        outside = any(found.get(key) for key in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared"))
        if outside or not found.get("is_member", False):
            return True
        self._own[channel] = time.monotonic()
        return False


@dataclass
class Silences:
    """The last time in which Slack was not heard, for whoever asks how things stand.

    Attributes:
        last: From when until when; None if it was always heard.
    """

    last: tuple[datetime, datetime] | None = None

    def over(self, now: datetime, seconds: float) -> None:
        """It is heard again, after so many seconds."""
        self.last = (now - timedelta(seconds=seconds), now)

    def lately(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The last silence, if it is worth telling."""
        return self.last if self.last is not None and now - self.last[1] < _LATELY else None


class Hearing:
    """Notices a socket that has gone deaf while it says that it is connected, and replaces it.

    Args:
        handler: The socket's.
        monotonic: Seconds.
        patience: Seconds without an answered ping.
        deaf: Told for how many seconds it had heard nothing, once it is replaced.
    """

    def __init__(
        self,
        handler: SocketModeHandler,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience: float = DEAF,
        deaf: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._client = handler.client
        self._deaf = deaf
        self._monotonic = monotonic
        self._patience = patience
        self._heard: tuple[object, object] = (None, None)
        self._since = monotonic()

    def check(self) -> None:
        """Replace the socket if it is cut, or has answered no ping for too long."""
        session = self._client.current_session
        # The client itself waits for five pings that cannot be sent: half a minute in which every click is lost.
        if getattr(session, "consecutive_check_state_error_count", 0) or not self._client.is_connected():
            self._replace("cut")
            return
        heard = (id(session), getattr(session, "last_ping_pong_time", None))
        if heard != self._heard:
            self._heard, self._since = heard, self._monotonic()
        elif self._monotonic() - self._since > self._patience:
            silent = self._monotonic() - self._since
            self._replace("silent")
            self._deaf(silent)

    def close(self) -> None:
        """Close the socket, and end all that works for it."""
        try:
            self._client.close()
        except AttributeError:
            # Closed by a thread of its own between the client's look and its lock (connection.py of slack_sdk 3.47
            # and before); what comes after that would be left running.
            self._client.close()

    def _replace(self, why: str) -> None:
        _LOG.warning("the socket is %s: it is replaced", why)
        self._since = self._monotonic()
        self._client.connect_to_new_endpoint(force=True)


def logged(work: Callable[[], object]) -> None:
    """Do some work; what goes wrong is logged."""
    try:
        work()
    except (DeliveryError, NotAllowedError) as error:
        _LOG.warning("%s", error)
    except Exception:  # noqa: BLE001  # an errand that fails must not take its worker along
        _LOG.exception("an errand failed")
