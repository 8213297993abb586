"""What the bot says: one catalogue, in which a language is one file (Project Fluent).

The words are in `en.ftl`; a second language is a second file beside it, and `[slack] language` chooses. What a
translation lacks is said in English. Values are put in as they are: whoever calls makes foreign ones inert.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources

from babel.dates import format_date, format_datetime
from fluent.runtime import FluentBundle, FluentResource

SOURCE = "en"
"""The language that is complete."""
_FILE = ".ftl"
_LONG = 500
_MARK = "\ue000"
_HELD = re.compile(f"{_MARK}[0-9]+{_MARK}")


class _Spoken:
    """The language of this process: all its people read the same channels."""

    language = SOURCE


def languages() -> Sequence[str]:
    """The languages that there are."""
    names = [entry.name for entry in resources.files(__name__).iterdir()]
    return sorted(name.removesuffix(_FILE) for name in names if name.endswith(_FILE))


def speak(language: str) -> None:
    """Say everything in a language from now on.

    Raises:
        LookupError: If there is no such language.
    """
    if language not in languages():
        raise LookupError(language)
    _Spoken.language = language


def text(key: str, **values: str | int) -> str:
    """A text with its values.

    Args:
        key: Its name in the catalogue, in English whole for every key that there is.
        values: What stands for `{ $name }`: texts as they are, numbers in the way of the language.

    Raises:
        LookupError: If the catalogue has no such text, or a value is missing.
    """
    for language in dict.fromkeys((_Spoken.language, SOURCE)):
        found = _formatted(_bundle(language), key, values)
        if found is not None:
            return found
    raise LookupError(key)


def text_of(kind: str, member: StrEnum, **values: str | int) -> str:
    """The text for a member of an enum: `look` and Look.WANTS_STOP are `look-wants-stop`; else as `text`."""
    return text(f"{kind}-{member.name.lower().replace('_', '-')}", **values)


def weekday(moment: datetime) -> str:
    """`Mon`."""
    return str(format_datetime(moment, "EEE", locale=_Spoken.language))


def say_date(of: date, more: str) -> str:
    """`2 Mar 10:41`, `2 Mar 2025`: a day of the year, and what makes it certain."""
    return f"{format_date(of, 'd MMM', locale=_Spoken.language)} {more}"


def say_day(of: date) -> str:
    """`Mon 2 Mar`."""
    return str(format_date(of, "EEE d MMM", locale=_Spoken.language))


def _formatted(bundle: FluentBundle, key: str, values: dict[str, str | int]) -> str | None:
    if not bundle.has_message(key):
        return None
    pattern = bundle.get_message(key).value
    if pattern is None:
        return None
    # The library refuses values of more than 2,500 characters (it guards against bombs in translations); a command may
    # be longer, and is put in afterwards.
    long = {name: value for name, value in values.items() if isinstance(value, str) and len(value) > _LONG}
    held = {name: f"{_MARK}{at}{_MARK}" for at, name in enumerate(long)}
    short = {name: value.replace(_MARK, "") if isinstance(value, str) else value for name, value in values.items()}
    found, errors = bundle.format_pattern(pattern, short | held)
    if errors:
        return None
    named = dict(zip(held.values(), long.values(), strict=True))
    return _HELD.sub(lambda match: named[match[0]], str(found))


@cache
def _bundle(language: str) -> FluentBundle:
    # Without the marks that isolate values for right-to-left text: they would stand in addresses and mentions.
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource(resources.files(__name__).joinpath(language + _FILE).read_text("utf-8")))
    return bundle
