"""The fake W&B server in a process of its own, so that what is measured is the reader and not the server."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from trainwatch_core.testing.wandb_long import LongRows
from trainwatch_core.testing.wandb_server import FakeWandb

Plant = tuple[int, str, float]
"""Row, metric, value."""


class WandbProcess:
    """Serves runs of any length, `e/p/<name>`, as a context manager.

    Attributes:
        url: Of the server.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._process.start()
        self.url = str(self._line.recv())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.send(None)
        self._process.join(30)

    def run(self, name: str, rows: int, metrics: Sequence[str]) -> None:
        """Put a run there that logs all of its metrics at each step."""
        self._ask("run", name, rows, tuple(metrics))

    def grow(self, name: str, rows: int, planted: Sequence[Plant] = ()) -> None:
        """Let a run log so many further rows; what is planted stands in them by its place among the new ones."""
        self._ask("grow", name, rows, tuple(planted))

    def requests(self) -> int:
        """How many GraphQL requests there were since this was asked last."""
        count = self._ask("requests")
        assert isinstance(count, int)  # noqa: S101  # of our own process
        return count

    def _ask(self, *words: object) -> object:
        self._line.send(words)
        return self._line.recv()


def _serve(line: Connection) -> None:
    with FakeWandb() as fake:
        line.send(fake.url)
        while (words := line.recv()) is not None:
            line.send(_obey(fake, *words))


def _obey(fake: FakeWandb, verb: str, name: str = "", rows: int = 0, more: Sequence[object] = ()) -> object:
    if verb == "run":
        fake.add(f"e/p/{name}").rows = LongRows({str(metric): _curve(n) for n, metric in enumerate(more)}, rows)
    elif verb == "grow":
        known = fake.runs["e", "p", name].rows
        if isinstance(known, LongRows):
            for n, metric, value in more:  # type: ignore[misc]  # as `Plant` says
                known.planted[len(known) + n, metric] = value  # type: ignore[has-type]  # likewise
            known.grow(rows)
    count = len(fake.requests)
    fake.requests.clear()
    return count


def _curve(n: int) -> Callable[[int], float]:
    def value(step: int) -> float:
        return (n + 1) / math.sqrt(step + 1) + math.sin(step * (n + 3)) / 100

    return value
