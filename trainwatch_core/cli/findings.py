"""How `trainwatch doctor` says what it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import click


class Health(StrEnum):
    """How something is. Always a word beside the colour."""

    GOOD = "ok"
    ODD = "look"
    BAD = "wrong"


_COLOURS = {Health.GOOD: "green", Health.ODD: "yellow", Health.BAD: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        health: How it is.
        subject: What was looked at, one or two words.
        said: What was found.
        todo: What to do about it; empty if nothing.
    """

    health: Health
    subject: str
    said: str
    todo: str = ""

    def show(self) -> None:
        """Print it."""
        word = click.style(f"{self.health:<6}", fg=_COLOURS[self.health])
        # What servers and files say is inert here.
        click.echo(f"{word}{self.subject:<14}{_inert(self.said)}")
        if self.todo:
            click.echo(f"{'':20}-> {_inert(self.todo)}")


def good(subject: str, said: str) -> Finding:
    """All is well."""
    return Finding(Health.GOOD, subject, said)


def odd(subject: str, said: str, todo: str) -> Finding:
    """It works, but somebody should look."""
    return Finding(Health.ODD, subject, said, todo)


def bad(subject: str, said: str, todo: str) -> Finding:
    """It will not work."""
    return Finding(Health.BAD, subject, said, todo)


def _inert(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:600]
