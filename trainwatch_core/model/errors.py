"""What can go wrong, in words for a person: what was wrong, where, and what to do."""

from __future__ import annotations


class TrainwatchError(Exception):
    """The base of all errors that trainwatch raises on purpose.

    Args:
        what: What was wrong, in one sentence without a final full stop.
        where: The file, key, host or command that it was wrong in; empty where `what` says it.
        todo: What the person can do about it; empty where nothing can be done.
    """

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.what = what
        self.where = where
        self.todo = todo
        super().__init__(what)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f". {self.todo}" if self.todo else ""
        return f"{self.what}{place}{advice}"


class InvalidInputError(TrainwatchError):
    """A value given by a person or a file cannot be used."""


class ConfigError(InvalidInputError):
    """The configuration cannot be used; `problems` holds every problem found, not only the first."""

    def __init__(self, where: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The configuration has {len(problems)} problem(s):\n{listed}", where=where)


class SourceUnavailableError(TrainwatchError):
    """A source gave no trustworthy data this time. Says nothing about the training itself."""


class JobNotFoundError(TrainwatchError):
    """The job that a launch names does not exist (any more)."""


class StopRefusedError(TrainwatchError):
    """A stop must not be carried out: the job is another one, the target is unsafe, or a guard is not met."""


class HostError(TrainwatchError):
    """Another machine could not be asked. Says nothing about what runs there."""


class HostUnreachableError(HostError):
    """A host did not answer in time, let nobody in, or the connection to it was lost before anything was done."""


class HostNotTrustedError(HostError):
    """A host showed a key that nobody pinned, or another one than the pinned key. Nothing was sent to it."""


class NotAllowedError(TrainwatchError):
    """The actor may not do this; `todo` says who could."""


class ConflictError(TrainwatchError):
    """The row was changed by somebody else since it was read; read it again."""


class NotFoundError(TrainwatchError):
    """There is no such watch or request."""


class StorageError(TrainwatchError):
    """The database or a file could not be written or read."""


class GivenUpError(TrainwatchError):
    """Work was given up because the program ends; it may be tried again by the next one."""


class PaintError(TrainwatchError):
    """A picture could not be drawn. Never loses a report."""


class DeliveryError(TrainwatchError):
    """A message could not be delivered.

    Args:
        what: What was wrong.
        where: Where.
        todo: What to do.
        permanent: Trying again is useless.
        retry_after: Seconds to wait, where the other side named them; such an attempt counts for nothing.
    """

    def __init__(
        self, what: str, *, where: str = "", todo: str = "", permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(what, where=where, todo=todo)
        self.permanent = permanent
        self.retry_after = retry_after


class TurnError(DeliveryError):
    """Its turn has not come: nothing was tried, and there is nothing to note.

    Args:
        seconds: Until it may be asked for again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("It waits for its turn", retry_after=seconds)
