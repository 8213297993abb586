"""Who pressed or typed: a member of the home workspace, or nobody; and what people are called."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.ids import USER_ID
from bot.texts import text
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import DeliveryError, NotAllowedError
from trainwatch_core.report.redact import clean

_STRANGER = "outsider-stranger"
FRESH = 300.0
"""Seconds that what Slack said of a user is believed."""
_NAMED, _LONGEST = 43_200.0, 40
"""Seconds that a name is believed, and its characters."""
_OUTSIDERS = {
    "deleted": "outsider-deactivated",
    "is_bot": "outsider-bot",
    "is_restricted": "outsider-guest",
    "is_ultra_restricted": "outsider-guest",
    "is_stranger": _STRANGER,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says to be: the ids of a payload, unverified.

    Attributes:
        user: User id; empty if the payload has none.
        team: Id of the user's own workspace; empty likewise.
    """

    user: str
    team: str


class Actors:
    """Turns claims into actors. What cannot be verified is refused.

    Args:
        team: The home workspace.
        lookup: Asks Slack for a user (`users.info`); raises DeliveryError.
        monotonic: Seconds.
    """

    def __init__(
        self, team: str, lookup: Callable[[str], Mapping[str, Any]], *, monotonic: Callable[[], float]
    ) -> None:
        self._team = team
        self._lookup = lookup
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}

    def claimed(self, claim: Claim) -> Actor:
        """The actor of a claim by its ids alone: enough to be shown what the channel shows anyway.

        Raises:
            NotAllowedError: If the ids are no ids, or of another workspace.
        """
        if not USER_ID.fullmatch(claim.user):
            raise NotAllowedError(text("who-are-you"))
        if not self._team or claim.team != self._team:
            raise NotAllowedError(text("own-workspace-only"))
        return Actor(ActorKind.SLACK, claim.user, claim.team)

    def verified(self, claim: Claim) -> Actor:
        """The actor of a claim, a full and living member of the home workspace by Slack's own word.

        Raises:
            NotAllowedError: If not, or if Slack cannot be asked now.
        """
        actor = self.claimed(claim)
        known = self._known.get(actor.id)
        if known is None or self._monotonic() - known[0] > FRESH:
            known = self.refresh(actor.id)
        if known[1]:
            raise NotAllowedError(text("not-by", whom=known[1]))
        return actor

    def vouch(self, actor: Actor) -> None:
        """Ask Slack anew about a person whose click is about to be carried out.

        A Slack that is silent for a moment takes nothing back that it said a few minutes ago.

        Raises:
            NotAllowedError: If the person is no full and living member any more, or nobody can tell.
        """
        before = self._known.get(actor.id)
        try:
            found = self.refresh(actor.id)
        except NotAllowedError:
            if before is None or self._monotonic() - before[0] > FRESH:
                raise NotAllowedError(text("cannot-vouch", who=str(actor))) from None
            found = before
        if found[1]:
            raise NotAllowedError(text("is-now", who=str(actor), what=found[1]))

    def refresh(self, user: str) -> tuple[float, str]:
        """Ask Slack again; returns when, and why the user is refused (empty: is not).

        Raises:
            NotAllowedError: If Slack does not answer, or not about this user.
        """
        try:
            found = self._lookup(user)
        except DeliveryError as error:
            raise NotAllowedError(text("cannot-verify"), todo=text("try-again")) from error
        if not isinstance(found, Mapping) or found.get("id") != user:
            raise NotAllowedError(text("cannot-verify"), todo=text("try-again"))
        told = (self._monotonic(), self._obstacle(found))
        with self._lock:
            self._known[user] = told
        return told

    def _obstacle(self, found: Mapping[str, Any]) -> str:
        if found.get("team_id") != self._team:
            return text(_STRANGER)
        return next((text(what) for key, what in _OUTSIDERS.items() if found.get(key, False) is not False), "")


class Names:
    """What people are called, so that a post can name somebody whom it does not call.

    Args:
        lookup: Asks Slack for a user (`users.info`); raises DeliveryError.
        monotonic: Seconds.
    """

    def __init__(self, lookup: Callable[[str], Mapping[str, Any]], *, monotonic: Callable[[], float]) -> None:
        self._lookup = lookup
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, str]] = {}

    def __call__(self, user: str) -> str:
        """The name that somebody gave themself, untrusted; their id while Slack does not say. May ask Slack."""
        until, name = self._known.get(user, (-math.inf, user))
        if self._monotonic() >= until and USER_ID.fullmatch(user):
            try:
                name, lasts = _called(self._lookup(user)) or name, _NAMED
            except DeliveryError:
                lasts = FRESH
            self._known[user] = (self._monotonic() + lasts, name)
        return name


def _called(found: Mapping[str, Any]) -> str:
    profile = found.get("profile")
    told = profile if isinstance(profile, Mapping) else {}
    names = (told.get("display_name"), told.get("real_name"), found.get("real_name"), found.get("name"))
    return next((clean(name, _LONGEST) for name in names if isinstance(name, str) and name.strip()), "")
