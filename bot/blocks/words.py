"""Words that several messages share: times, people, signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.blocks.limits import inert
from bot.ids import USER_ID
from bot.texts import say_date, weekday
from bot.texts import text as say
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import Look

SIGNS: Mapping[Look, str] = {
    Look.NEW: "⚪",
    Look.HEALTHY: "🟢",
    Look.CLOSE: "🟡",
    Look.RECOVERED: "🔵",
    Look.BLIND: "⚪",
    Look.WANTS_STOP: "🔴",
    Look.STOPPING: "🔴",
    Look.STOPPED: "⏹\N{VARIATION SELECTOR-16}",
    Look.FINISHED: "✅",
    Look.ENDED: "⏹\N{VARIATION SELECTOR-16}",
    Look.PAUSED: "⏸\N{VARIATION SELECTOR-16}",
}
DECISIONS: Mapping[Decision, str] = {Decision.CONTINUE: "🟢", Decision.WAIT: "🟡", Decision.STOP: "🔴"}

_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/\-]{0,400})?"
    r"(?:\?thread_ts=[0-9]{1,12}\.[0-9]{1,6}&cid=[CDG][A-Z0-9]{2,20})?"
)
_PERSON = re.compile(r"(?<![A-Za-z0-9:])slack:([UW][A-Z0-9]{2,20})(?![A-Za-z0-9])")
_MANY = 5
_WEEK, _YEAR = 6, 300
"""Days after which a weekday, and a day of the year, may be another one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What messages need to know of the place they are read in.

    Attributes:
        zone: Of the times.
        approvers: User ids of those who can approve a stop.
        names: What a user id is called. Posts name people so: a mention calls somebody, who must then have to act.
    """

    zone: tzinfo
    approvers: tuple[str, ...] = ()
    names: Callable[[str], str] = str


def when(moment: datetime, zone: tzinfo, *, exact: bool = False) -> str:
    """`Mon 10:41 CET`, exact `Mon 10:41:07 CET`: short, and still certain the day after."""
    local = moment.astimezone(zone)
    return f"{weekday(local)} {local:{'%H:%M:%S %Z' if exact else '%H:%M %Z'}}"


def clock(moment: datetime, zone: tzinfo, today: datetime) -> str:
    """`10:41` on the day of `today`, `Tue 10:41` in the days around it, else `2 Mar 10:41`: as short as is certain."""
    local = moment.astimezone(zone)
    days = abs((local.date() - today.astimezone(zone).date()).days)
    if days > _WEEK:
        return say_date(local, f"{local:%H:%M}" if days < _YEAR else f"{local:%Y}")
    return f"{weekday(local)} {local:%H:%M}" if days else f"{local:%H:%M}"


def who(actor: Actor | None, setting: Setting) -> str:
    """A person in mrkdwn, by name: nobody is called."""
    if actor is None:
        return say("nobody")
    if actor.kind is ActorKind.SLACK:
        return inert(setting.names(actor.id))
    return say("automatic-mode") if actor.kind is ActorKind.SYSTEM else say("at-the-terminal", name=inert(actor.id))


def mention(user: str) -> str:
    """A user in mrkdwn, who is called by it; what is no user id is said as it is."""
    return f"<@{user}>" if USER_ID.fullmatch(user) else inert(user)


def with_people(text: str) -> str:
    """Untrusted words in mrkdwn, where actors of Slack become the people they are: `slack:U0ANA` is @ana.

    For what one user alone is told: nobody is called there. Posts have `with_names`.
    """
    return _PERSON.sub(lambda match: mention(match[1]), inert(text))


def named(text: str, setting: Setting) -> str:
    """Untrusted words, where actors of Slack have their names, untrusted too: nobody is called."""
    return _PERSON.sub(lambda match: setting.names(match[1]), text)


def people(users: Sequence[str]) -> str:
    """Some users in mrkdwn: `@ana, @bo or @cy`. They are called."""
    names = [mention(user) for user in users[:_MANY]]
    if not names:
        return say("nobody")
    some = say("either", some=", ".join(names[:-1]), last=names[-1]) if len(names) > 1 else names[0]
    return say("and-more", some=some, count=len(users) - _MANY) if len(users) > _MANY else some


def linked(name: str, url: str) -> str:
    """A name in mrkdwn that leads to a page, if the address is a plain one."""
    shown = inert(name).replace("|", "/")
    return f"<{url.replace('&', '&amp;')}|{shown}>" if _ADDRESS.fullmatch(url) else shown
