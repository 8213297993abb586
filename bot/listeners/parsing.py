"""What was typed after `/watch`, and in a thread. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.texts import text as say
from trainwatch_core.model.errors import InvalidInputError

KEYS = (
    "log",
    "log_command",
    "baseline",
    "baseline_run",
    "target",
    "key",
    "every",
    "launch",
    "stop",
    "notes",
    "mode",
    "rounds",
    "steps",
    "announce",
)
_STRAIGHT = str.maketrans("\u201c\u201d\u201e\u2018\u2019\u00a0", '"""\'\' ')
_LINK = re.compile(r"<(https?://[^\s|>]+)(?:\|[^>]*)?>")
_OPTION = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_MENTION = re.compile(r"^(?:<@[UW][A-Z0-9]+(?:\|[^>]*)?>\s*)+")
_EXPECTED = re.compile(
    r"expected[ ]+change\b(?:[ ]+at[ ]+(?:step[ ]+)?([0-9][0-9,]*)(?=[ :]|$))?([^\n]{0,200})", re.IGNORECASE
)
_ARGUED = (
    re.compile(r"(snooze)(?:[ :]+([^\n]{1,30}))?", re.IGNORECASE),
    re.compile(r"(every|baseline|rounds|launch)[ :]+(\S{1,200})", re.IGNORECASE),
    re.compile(r"(note)[ :]+(\S.{0,999})", re.IGNORECASE | re.DOTALL),
)
"""Words that are told something."""
_COUNT = re.compile(r"[1-9]|[1-4][0-9]|50")
SOME_RUNS, MOST_RUNS = 10, 50
"""How many runs a backtest takes if nobody says so, and at most: each takes seconds of the bot's machine."""
_LONGEST = 3000
_TALK = 60
"""Characters: longer or several lines are people talking to each other, not to us."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command.

    Attributes:
        run: The first word; empty if there was none.
        options: What was given as `key=value`.
    """

    run: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


class Word(StrEnum):
    """What is understood in a thread."""

    CHECK = "check now"
    STATUS = "status"
    WHY = "why"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    AUTO = "mode auto"
    ASK = "mode ask"
    EXPECTED = "expected change"
    FALSE_ALARM = "false alarm"
    TEST = "test"
    SNOOZE = "snooze"
    WAKE = "snooze off"
    EVERY = "every"
    BASELINE = "baseline"
    ROUNDS = "rounds"
    LAUNCH = "launch"
    NOTE = "note"
    STOP = "stop"
    HELP = "help"


BACKTEST = "backtest"
"""Is told a project, and how many of its runs; or one run."""
EDIT = "edit"
"""Opens a form."""
MANAGED: Mapping[str, Word | None] = {
    "show": Word.STATUS,
    EDIT: None,
    "why": Word.WHY,
    "check": Word.CHECK,
    "pause": Word.PAUSE,
    "resume": Word.RESUME,
    "end": Word.END,
    "test": Word.TEST,
}
"""The commands after which a watch is named, and the word of the thread that does the same."""
_ALSO = {"check": Word.CHECK, "now": Word.CHECK, "stop watching": Word.END, "auto": Word.AUTO, "ask": Word.ASK}


def read_command(text: str) -> Typed:
    """Read `run key=value ...`. Slack's typographic quotes, links and escapes are taken for what was typed.

    Raises:
        InvalidInputError: If a quote is open, or a word is no `key=value`, or a key is unknown or given twice.
    """
    if len(text) > _LONGEST:
        raise InvalidInputError(say("too-long", most=_LONGEST))
    try:
        words = shlex.split(_typed(text))
    except ValueError as error:
        raise InvalidInputError(say("unreadable", error=str(error)), todo=say("unreadable-todo")) from error
    if not words:
        return Typed()
    if words[0] in MANAGED and len(words) == 2:  # noqa: PLR2004  # the word, and which watch
        return Typed(words[0], {"watch": words[1]})
    if words[0] == BACKTEST:
        return _backtest(words[1:])
    options: dict[str, str] = {}
    for word in words[1:]:
        match = _OPTION.fullmatch(word)
        if match is None or match[1] not in KEYS or not match[2]:
            raise InvalidInputError(
                say("unknown-option"), where=word[:80], todo=say("unknown-option-todo", known=f"{'=, '.join(KEYS)}=")
            )
        if match[1] in options:
            raise InvalidInputError(say("told-twice"), where=f"{match[1]}=")
        options[match[1]] = match[2]
    return Typed(words[0], options)


def _backtest(told: Sequence[str]) -> Typed:
    subject, count, *rest = (*told, "", "")
    if not subject or any(rest) or (count and not _COUNT.fullmatch(count)):
        raise InvalidInputError(say("backtest-unreadable"), todo=say("backtest-todo", most=MOST_RUNS))
    return Typed(BACKTEST, {"subject": subject, **({"last": count} if count else {})})


@dataclass(frozen=True, slots=True)
class Expected:
    """What was said of a change.

    Attributes:
        at: The step, as it was typed; empty for now.
        what: In the person's words; may be empty.
    """

    at: str = ""
    what: str = ""


def read_expected(text: str) -> Expected | None:
    """Read `expected change [at STEP] [words]`, on one line; None if it is something else."""
    match = _EXPECTED.fullmatch(_MENTION.sub("", _typed(text).strip()))
    return Expected(match[1] or "", match[2].strip(" :")) if match else None


def read_word(text: str) -> Word | None:
    """What a reply in a thread asks for; None if nobody knows."""
    if read_expected(text) is not None:
        return Word.EXPECTED
    argued = _argued(text)
    if argued is not None:
        return Word.WAKE if argued == (Word.SNOOZE, "off") else argued[0]
    plain = " ".join(_MENTION.sub("", _typed(text).strip()).lower().split()).strip(" .!?/")
    return next((word for word in Word if word == plain), _ALSO.get(plain))


def without_mention(text: str) -> str:
    """What was said after naming somebody."""
    return _MENTION.sub("", text.strip())


def speaks_to_another(text: str, me: str) -> bool:
    """Whether a reply begins with the name of somebody else.

    Args:
        text: The reply.
        me: User id of the bot.
    """
    first = re.match(r"<@([UW][A-Z0-9]+)", text.strip())
    return first is not None and first[1] != me


def read_told(text: str) -> str:
    """What a word in a thread is told, e.g. `2h` of `snooze 2h`; empty if nothing is."""
    argued = _argued(text)
    return argued[1] if argued is not None else ""


def _argued(text: str) -> tuple[Word, str] | None:
    plain = _MENTION.sub("", _typed(text).strip())
    match = next((found for pattern in _ARGUED if (found := pattern.fullmatch(plain))), None)
    return (Word(match[1].lower()), (match[2] or "").strip()) if match is not None else None


def is_talk(text: str) -> bool:
    """Whether a reply is people talking to each other."""
    return len(text) > _TALK or "\n" in text.strip()


def _typed(text: str) -> str:
    straight = _LINK.sub(r"\1", text.translate(_STRAIGHT))
    return straight.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
