"""Names that Slack gives back to us: actions, blocks, places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

COMMAND = "/watch"
EVENT_TYPE = "trainwatch_message"
"""Of the metadata by which a message of ours is found again."""

REQUEST_ID = re.compile(r"[0-9a-f]{32}")
WATCH_ID = re.compile(r"[a-z0-9]{8}")
USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_PLACE = re.compile(r"([CDG][A-Z0-9]{2,20})/([0-9]{1,12}\.[0-9]{1,6})")


class Action(StrEnum):
    """What a button or a menu does: its action_id."""

    CHECK_NOW = "card_check_now"
    PAUSE = "card_pause"
    RESUME = "card_resume"
    MENU = "card_menu"
    APPROVE = "stop_approve"
    KEEP = "stop_keep"
    LATER = "stop_later"
    EXPLAIN = "stop_explain"
    WATCH_LINK = "link_watch"
    OPEN_FORM = "form_open"
    LIST_MENU = "list_menu"
    LIST_PAGE = "list_page"
    HOME_RENEW = "home_renew"


class Choice(StrEnum):
    """What the card's menu offers."""

    EDIT = "edit"
    WHY = "why"
    AUTO = "mode auto"
    ASK = "mode ask"
    SNOOZE = "snooze"
    WAKE = "snooze off"
    END = "end"
    HELP = "help"


class Field(StrEnum):
    """What a form asks for: the name of its block. Those that are options of `/watch` have the option's name."""

    PROJECT = "project"
    RUN = "run"
    TYPED = "typed"
    CHANNEL = "channel"
    LAUNCH = "launch"
    EVERY = "every"
    MODE = "mode"
    ROUNDS = "rounds"
    BASELINE = "baseline"
    BASELINE_RUN = "baseline_run"
    TARGET = "target"
    KEY = "key"
    LOG = "log"
    NOTES = "notes"
    STEPS = "steps"
    ANNOUNCE = "announce"
    STOP = "stop"
    LOG_COMMAND = "log_command"


FORM = "watch_form"
"""callback_id of the form of a watch."""
SHORTCUT = "watch_this_run"
"""callback_id of the shortcut of messages."""
CHOOSE_RUN = "choose_run"
"""action_id of the list of runs, for which Slack asks us."""
VALUE = "value"
"""action_id of every other field of a form."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands.

    Attributes:
        channel: Id of the channel.
        ts: Its timestamp, which is its name.
    """

    channel: str
    ts: str

    def __str__(self) -> str:
        return f"{self.channel}/{self.ts}"


def read_place(text: str) -> Place | None:
    """The place that a receipt names; None if it names none in Slack."""
    match = _PLACE.fullmatch(text)
    return Place(match[1], match[2]) if match else None


def in_slack(channel: str) -> bool:
    """Whether a watch reports to Slack: its channel is a channel's id."""
    return re.fullmatch(r"[CDG][A-Z0-9]{2,20}", channel) is not None
