"""The requests of one fetch: one server, one deadline for all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from trainwatch_core.adapters.sources.wandb.asking import (
    Answer,
    Spec,
    UnknownFieldError,
    encode_query,
    read_answer,
    read_data,
    require_own,
)
from trainwatch_core.adapters.sources.wandb.gathering import Ask
from trainwatch_core.adapters.sources.wandb.job import edges, next_run, next_runs_query
from trainwatch_core.adapters.sources.wandb.sdk import read_by_sdk
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunRef


class Session:
    """Asks one server. Nothing is tried twice, and nothing is asked beyond the deadline.

    Args:
        endpoint: The server.
        until: Monotonic seconds at which all must be over.
        only_own: Whether only runs of the key's user and teams may be read: the key is the bot's, not the asker's.

    Attributes:
        older: Whether the server did not know a field of the query, so that W&B's own reader is used.
    """

    def __init__(self, endpoint: Endpoint, until: float, *, only_own: bool = False) -> None:
        self.endpoint = endpoint
        self.older = False
        self._until = until
        self._only_own = only_own

    def asker(self, ref: RunRef) -> Ask:
        """What sends requests about one run.

        Its calls raise SourceUnavailableError, also for a run that this key may not lend to others.
        """

        def ask(specs: Sequence[Spec]) -> Answer:
            answer = self._by_sdk(ref, specs) if self.older else self._directly(ref, specs)
            if self._only_own:
                require_own(ref, answer.owners)
            return answer

        return ask

    def next_run(self, ref: RunRef, mine: Mapping[str, object], known: Sequence[str]) -> str | None:
        """The id of the run that goes on with the job of a silent one; None if there is none, or nobody tells."""
        query = next_runs_query(ref, mine)
        try:
            return next_run(mine, edges(read_data(self._post(query), ref)[1]), known=known)
        except SourceUnavailableError:
            return None  # what was read of the run itself is worth more than this question

    def _directly(self, ref: RunRef, specs: Sequence[Spec]) -> Answer:
        try:
            return read_answer(self._post(encode_query(ref, specs, viewer=self._only_own)), ref, specs)
        except UnknownFieldError:
            self.older = True
            return self._by_sdk(ref, specs)

    def _by_sdk(self, ref: RunRef, specs: Sequence[Spec]) -> Answer:
        return read_answer(
            read_by_sdk(self.endpoint, ref, specs, seconds=self._left(), viewer=self._only_own), ref, specs
        )

    def _post(self, body: bytes) -> bytes:
        return post(self.endpoint, "/graphql", body, seconds=self._left())

    def _left(self) -> float:
        return self._until - time.monotonic()
