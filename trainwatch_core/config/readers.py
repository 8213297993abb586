"""How single values of the file are read. Each reader returns the value, or raises ValueError with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from trainwatch_core.model.announcement import Announcement, parse_announcement
from trainwatch_core.model.command import check_command, hidden_character
from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.finding import Weight
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.line_pattern import read_line_pattern
from trainwatch_core.model.places import remote_part
from trainwatch_core.model.roles import Goal, Role
from trainwatch_core.model.run import RunRef, parse_wandb_run
from trainwatch_core.model.watch import Mode, Posts

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

PLACEHOLDERS = ("{entity}", "{project}", "{run}")

_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,20}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_ENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}")
_PATTERN = re.compile(r"[^/\s]+/[^/\s]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_ARGUMENT = re.compile(r"[A-Za-z0-9_.@%+=~:/][A-Za-z0-9_.@%+=~:/\-]{0,255}")
_SIGNALS = ("SIGUSR1", "SIGUSR2", "SIGINT", "SIGHUP", "SIGTERM")
_MOST = 1_000_000_000
_DURATION = 'a duration such as "30m", "2h", "1h30m", "90s", or a number of seconds (at most 366 days)'


@dataclass(frozen=True, slots=True)
class Places:
    """What paths of the file are relative to.

    Attributes:
        folder: Where the file lies; absolute.
        home: The home directory that `~` means; None if it is not known.
    """

    folder: Path
    home: Path | None


@dataclass(frozen=True, slots=True)
class Read:
    """Marks in a type how its value is read. Pydantic asks for it, and only then is imported."""

    reader: Callable[[Any, Places], object]

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415  # only when a file is read: 0.1 s

        return core_schema.with_info_plain_validator_function(lambda value, info: self.reader(value, info.context))


def one_line(value: object, _places: Places) -> str:
    """A text of one line in which nothing is hidden."""
    if not isinstance(value, str) or not value.strip() or hidden_character(value):
        raise ValueError('text in quotes, on one line and without invisible characters, e.g. "name"')
    return value


def duration(value: object, _places: Places) -> float:
    """A length of time in seconds; 0 is allowed."""
    if not isinstance(value, str | int | float):
        raise ValueError(_DURATION)  # noqa: TRY004  # pydantic collects ValueError
    try:
        return parse_duration(value)
    except InvalidInputError:
        raise ValueError(_DURATION) from None


def positive_duration(value: object, places: Places) -> float:
    """A length of time in seconds, longer than 0."""
    seconds = duration(value, places)
    if not seconds:
        raise ValueError(f"{_DURATION}, longer than 0")
    return seconds


def count(least: int) -> Callable[[object, Places], int]:
    """A reader of whole numbers that are at least `least`."""

    def read(value: object, _places: Places) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            raise ValueError(f"a whole number of at least {least}")
        return value

    return read


def number(value: object, _places: Places) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1e300 <= value <= 1e300:  # noqa: PLR2004  # larger ones have no use and overflow in sums
        raise ValueError("a finite number, e.g. 2.31")
    return float(value)


def positive(value: object, places: Places) -> float:
    """A number above 0."""
    read = number(value, places)
    if read <= 0:
        raise ValueError("a number above 0")
    return read


def not_negative(value: object, places: Places) -> float:
    """A number of at least 0."""
    read = number(value, places)
    if read < 0:
        raise ValueError("a number of at least 0")
    return read


def share(value: object, places: Places) -> float:
    """A number from 0 to 1."""
    read = number(value, places)
    if not 0 <= read <= 1:
        raise ValueError("a share from 0 to 1, e.g. 0.03")
    return read


def _one_of(words: type[Mode | Role | Goal | Posts]) -> Callable[[object, Places], object]:
    def read(value: object, _places: Places) -> object:
        if value not in tuple(words):
            raise ValueError("one of " + ", ".join(f'"{word}"' for word in words))
        return words(str(value))

    return read


mode = _one_of(Mode)
rounds = _one_of(Posts)
role = _one_of(Role)
goal = _one_of(Goal)


def weights(value: object, _places: Places) -> frozenset[Weight]:
    """The kinds of failures that automatic mode acts on."""
    stopping = frozenset({Weight.HARD, Weight.SOFT})
    if value == "all":
        return stopping
    if not isinstance(value, list) or not value or any(word not in tuple(stopping) for word in value):
        raise ValueError('"all", or a list of "hard" and "soft"')
    return frozenset(Weight(word) for word in value)


def slack_id(value: object, _places: Places) -> str:
    """The id of a Slack user."""
    if not isinstance(value, str) or not _SLACK_ID.fullmatch(value):
        raise ValueError('the id of a Slack user such as "U012AB3CD", not a name (in the profile: Copy member ID)')
    return value


def slack_channel(value: object, _places: Places) -> str:
    """The id of a Slack channel."""
    if not isinstance(value, str) or not _CHANNEL_ID.fullmatch(value):
        raise ValueError(
            'the id of a Slack channel such as "C012AB3CD", not its name (at the end of the channel details)'
        )
    return value


def hours(value: object, places: Places) -> tuple[time, time]:
    """A stretch of each day."""
    begin, dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    try:
        stretch = tuple(time.fromisoformat(time_of_day(part.strip(), places)) for part in (begin, end))
    except ValueError:
        stretch = ()
    if not dash or len(set(stretch)) != 2:  # noqa: PLR2004  # from one time to another
        raise ValueError('two different times of the day, e.g. "22:00-07:00"')
    return stretch[0], stretch[1]


def language(value: object, _places: Places) -> str:
    """The code of a language."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise ValueError('the code of a language, e.g. "en"')
    return value


def time_of_day(value: object, _places: Places) -> str:
    """A time of the day."""
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise ValueError('a time of the day in quotes, e.g. "09:00"')
    return value


def yes_or_no(value: object, _places: Places) -> bool:
    """A switch."""
    if not isinstance(value, bool):
        raise ValueError("true or false, without quotes")  # noqa: TRY004  # pydantic collects ValueError
    return value


def entity(value: object, _places: Places) -> str:
    """A W&B entity, or a pattern of its projects."""
    if not isinstance(value, str) or not (_ENTITY.fullmatch(value) or _PATTERN.fullmatch(value)):
        raise ValueError('the name of a W&B user or team, e.g. "my-team", or projects of one, e.g. "my-team/vision-*"')
    return value


def pattern(value: object, _places: Places) -> str:
    """A pattern of `entity/project`."""
    if not isinstance(value, str) or not _PATTERN.fullmatch(value):
        raise ValueError('<entity>/<project>, where * and ? are allowed, e.g. "my-team/vision-*"')
    return value


def base_url(value: object, _places: Places) -> str:
    """The address of a W&B server."""
    allowed = 'the address of a W&B server without user name and password, e.g. "https://wandb.example.org"'
    try:
        url = urlsplit(value if isinstance(value, str) else "")
        sound = url.scheme in {"http", "https"} and url.hostname and (url.port is None or url.port)
    except ValueError:
        raise ValueError(allowed) from None
    if not sound or "@" in url.netloc or url.query or url.fragment or hidden_character(str(value)) or " " in str(value):
        raise ValueError(allowed)
    return str(value).rstrip("/")


def command_line(value: object, _places: Places) -> str:
    """A command line of the operator, as a shell reads it."""
    try:
        return check_command(value if isinstance(value, str) else "")
    except InvalidInputError as error:
        raise ValueError(f'a command line such as "/usr/bin/scancel 4211". {error}') from None


def line_pattern(value: object, _places: Places) -> str:
    """A person's own pattern of a log line."""
    try:
        read_line_pattern(value if isinstance(value, str) else "")
    except InvalidInputError as error:
        raise ValueError(f'a pattern such as "it {{step}}: L={{loss}}". {error}') from None
    return str(value)


def run(value: object, places: Places) -> RunRef:
    """A run of W&B."""
    try:
        return parse_wandb_run(one_line(value, places))
    except InvalidInputError as error:
        raise ValueError(f'"entity/project/run". {error}') from None


def announcement(value: object, places: Places) -> Announcement:
    """A change that is expected at a step."""
    try:
        return parse_announcement(one_line(value, places))
    except InvalidInputError as error:
        raise ValueError(f'<step>[=<what>], e.g. "30000=harder data". {error}') from None


def launch(value: object, _places: Places) -> str:
    """How a run was launched; placeholders are filled in for each run."""
    try:
        parse_launch(blanked(value) if isinstance(value, str) else "")
    except InvalidInputError as error:
        raise ValueError(f'<kind>:[<host>/]<target>, e.g. "tmux:{{run}}". {error}') from None
    return str(value)


def path(value: object, places: Places) -> str:
    """A path of this machine: `~` is the home directory, others are relative to the file's folder. Made absolute."""
    text = one_line(value, places)
    if not text.startswith("~"):
        return str(places.folder / text)
    if places.home is None or not (text == "~" or text.startswith("~/")):
        raise ValueError("a path; `~` can only stand for your own home directory, and HOME must be set")
    return str(places.home / text[2:])


def log_place(value: object, places: Places) -> str:
    """A log: a path of this machine, or `host:/path`."""
    text = one_line(value, places)
    return text if remote_part(text) else path(value, places)


def folder(value: object, places: Places) -> Path:
    """A directory; it need not exist."""
    return Path(path(value, places))


def zone(value: object, _places: Places) -> tzinfo:
    """A time zone by its IANA name. The zone of the machine comes ready-made."""
    if isinstance(value, tzinfo):
        return value
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of the database such as `Europe`
        raise ValueError('the IANA name of a time zone, e.g. "Europe/Berlin"') from None


def plain_name(value: object, _places: Places) -> str:
    """A name of letters, digits, dots, dashes and underscores."""
    if not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value):
        raise ValueError('a name of letters, digits and "._-", e.g. "gpu1"')
    return value


def argument(value: object, _places: Places) -> str:
    """A word that may stand in a command line: it is no option and has no blanks."""
    if not isinstance(value, str) or not _ARGUMENT.fullmatch(value):
        raise ValueError('a word of letters, digits and "_.@%+=~:/-" that does not begin with "-"')
    return value


def remote_folder(value: object, places: Places) -> str:
    """An absolute path of another machine."""
    text = one_line(value, places)
    if not text.startswith("/") or ":" in text or ".." in text.split("/"):
        raise ValueError('an absolute path without ":" and "..", e.g. "/mnt/logs"')
    return text


def argv(value: object, places: Places) -> tuple[str, ...]:
    """A program by its absolute path, and its arguments."""
    if not isinstance(value, list) or not value:
        raise ValueError('a list, e.g. ["/usr/bin/scancel", "--", "{job_id}"]')
    words = tuple(one_line(word, places) for word in value)
    if not words[0].startswith("/"):
        raise ValueError('a list that begins with the absolute path of a program, e.g. "/usr/bin/scancel"')
    return words


def param_type(value: object, _places: Places) -> str:
    """The type of a parameter."""
    if value not in {"int", "word"}:
        raise ValueError('"int" or "word"')
    return str(value)


def gone_if(value: object, _places: Places) -> str:
    """How a verify command shows that the job is gone."""
    if value not in {"stdout_empty", "exit_nonzero"}:
        raise ValueError('"stdout_empty" or "exit_nonzero"')
    return str(value)


def checkpoint_signal(value: object, _places: Places) -> str:
    """A signal that makes a trainer save its state, or nothing."""
    if value != "" and value not in _SIGNALS:
        raise ValueError(f'"" for none, or one of {", ".join(_SIGNALS)}')
    return str(value)


def switch_file(value: object, places: Places) -> str:
    """The path of a file that makes a trainer save its state and end, on the machine of the job; or nothing."""
    if value == "":
        return ""
    text = one_line(value, places)
    if not text.startswith("/"):
        raise ValueError('"" for none, or an absolute path on the machine of the job, e.g. "/mnt/runs/{run}/STOP"')
    return text


def blanked(text: str) -> str:
    """A text with something harmless in the place of its placeholders."""
    for placeholder in PLACEHOLDERS:
        text = text.replace(placeholder, "x")
    return text
