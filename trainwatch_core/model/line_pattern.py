"""A person's own pattern for log lines that no reader knows: `it {step} of {_}: L={loss} G={grad_norm}`.

`{name}` stands for a number, `{_}` for one word of any kind; all else must be there as it is written, blanks for any
number of blanks. A pattern is looked for from left to right without ever going back, so no line takes long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwatch_core.model.errors import InvalidInputError

ANY = "_"
POSITIONS = frozenset({"step", "epoch", "total_steps"})
"""Fields that say where a line stands. All others are metrics."""

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_./ -]{0,99})\}")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,400}(?:,[0-9]{3}){0,9}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,9})?"
    r"|[-+]?(?:nan|inf(?:inity)?)\b",
    re.IGNORECASE,
)
_MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class LinePattern:
    """A pattern that was read.

    Attributes:
        literals: What stands in front of each field, blanks squeezed; the first is looked for anywhere in the line.
        fields: The names of the fields.
    """

    literals: tuple[str, ...]
    fields: tuple[str, ...]

    @property
    def numbered(self) -> tuple[str, ...]:
        """The fields that stand for a number."""
        return tuple(name for name in self.fields if name != ANY)

    def numbers(self, line: str) -> list[str] | None:
        """The numbers of a line, as many as `numbered`; None if the line is not of this pattern."""
        text = " ".join(line.split())
        at = text.find(self.literals[0])
        found: list[str] = []
        for literal, name, following in zip(self.literals, self.fields, (*self.literals[1:], ""), strict=True):
            if at < 0 or not text.startswith(literal, at):
                return None
            at += len(literal)
            if name == ANY:
                at = _behind_word(text, at, following)
            elif match := _NUMBER.match(text, at):
                found.append(match.group())
                at = match.end()
            else:
                return None
        return found if at >= 0 else None


def read_line_pattern(text: str) -> LinePattern:
    """Read a pattern.

    Raises:
        InvalidInputError: If it does not begin with text, names no metric, or holds braces that are no field.
    """
    parts = _FIELD.split(" ".join(text.split()))
    literals, fields = tuple(parts[:-1:2]), tuple(parts[1::2])
    stray = any(set(literal) & set("{}") for literal in (*literals, parts[-1]))
    if len(text) > _MAX_LENGTH or stray or not literals or not literals[0] or not set(fields) - POSITIONS - {ANY}:
        raise InvalidInputError(
            "This is no pattern of a log line: it begins with some text of the line and names a metric",
            where=text[:200],
            todo='For example "it {step}: L={loss} G={grad_norm}", with {_} for a word of any kind',
        )
    return LinePattern(literals, fields)


def _behind_word(text: str, at: int, following: str) -> int:
    """Where a word ends that `following` stands behind; -1 if there is no such word."""
    blank = text.find(" ", at)
    if not following:
        return len(text) if blank < 0 else blank
    end = text.find(following, at + 1, len(text) if blank < 0 else blank + len(following))
    return end if at < end and (blank < 0 or end <= blank) else -1
