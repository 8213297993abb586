"""Command lines that a person typed: what is shown must be what runs."""

from __future__ import annotations

import unicodedata

from trainwatch_core.model.errors import InvalidInputError

MAX_COMMAND = 2000
"""Characters. A longer command cannot be shown in full beside the question; unseen, it cannot be approved."""

_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a shape: control, format (bidi, zero-width), surrogates, private, unassigned, breaks."""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}
"""Characters of other categories that are drawn as nothing: joiners, Hangul and Braille blanks, variation selectors."""


def hidden_character(text: str) -> str:
    """The first character that hides or pretends, for a person; empty if there is none.

    Found are control, bidirectional and zero-width characters, blanks that are no space, and look-alikes that
    compatibility normalisation (NFKC) turns into plain ASCII, such as full-width digits.
    """
    for position, char in enumerate(text, start=1):
        if char.isascii() and char.isprintable():
            continue
        folded = unicodedata.normalize("NFKC", char)
        pretends = folded != char and folded.isascii()
        if pretends or char in _INVISIBLE or unicodedata.category(char) in _HIDING:
            name = unicodedata.name(char, "control character")
            return f"U+{ord(char):04X} {name} at position {position}"
    return ""


def check_command(text: str) -> str:
    """The text itself, if a person can see all of it.

    Raises:
        InvalidInputError: If it is empty, too long, begins with `-`, or has a character that hides or pretends.
    """
    hidden = hidden_character(text)
    if hidden:
        raise InvalidInputError(
            "This command has a character that cannot be seen for what it is",
            where=hidden,
            todo="Type the command anew, on one line and in plain characters",
        )
    if not text.strip():
        raise InvalidInputError("The command is empty", todo="Leave it out, or give the command that stops the job")
    if text.startswith("-"):
        raise InvalidInputError(
            "A command cannot begin with '-'", where=text[:80], todo="Begin with the program, e.g. /usr/bin/scancel"
        )
    if len(text) > MAX_COMMAND:
        raise InvalidInputError(
            f"The command has {len(text)} characters; at most {MAX_COMMAND} can be shown for approval",
            where=text[:80],
            todo="Put it into a script and name the script",
        )
    return text
