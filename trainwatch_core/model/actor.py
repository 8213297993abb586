"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """Through which door somebody acts."""

    LOCAL = "local"
    SLACK = "slack"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or trainwatch itself.

    Attributes:
        kind: Through which door the actor came.
        id: User name of the operating system, Slack user id, or `trainwatch`.
        team: Slack team id; empty for other kinds.
    """

    kind: ActorKind
    id: str
    team: str = ""

    @property
    def name(self) -> str:
        """As sentences have it. Of a Slack id they keep the kind, by which a front end finds the person."""
        return str(self) if self.kind is ActorKind.SLACK else self.id

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


SYSTEM = Actor(ActorKind.SYSTEM, "trainwatch")
