"""What a run printed, as W&B keeps it: the last thing to look at when the run logs no metrics and no log is known."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from trainwatch_core.adapters.sources.logs.formats import State
from trainwatch_core.adapters.sources.logs.harvest import Harvest
from trainwatch_core.adapters.sources.logs.lines import evidence, text_lines
from trainwatch_core.adapters.sources.wandb.asking import VIEWER, owners_of, read_data, require_own
from trainwatch_core.adapters.sources.wandb.settings import Endpoint, load_endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import number, pick
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.round import Batch, Cursor, SourceStatus
from trainwatch_core.model.run import RunRef

_QUERY = """query TrainwatchConsole($entity: String!, $project: String!, $run: String!, $last: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { displayName logLineCount logLines(last: $last) { edges { node { number line } } } }
  }%s
}"""
USUAL = 2000
"""Lines that one look asks for."""
MOST = 10_000
"""Lines that it asks for if more have come since the last one; what is still missing then is said."""
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class _Page:
    name: str
    count: int
    lines: Sequence[tuple[int, str]]


class WandbConsoleSource:
    """Reads the console of a run from where the last fetch ended, by the number of its lines.

    Args:
        run: `entity/project/run`.
        endpoint: Where the server is; by default as wandb itself finds it.
        timeout: Seconds that a fetch may take, if its caller gives it more.
        only_own: Whether only runs of the key's user and teams may be read.
    """

    key: ClassVar[str] = "wandb-console"
    status: ClassVar[SourceStatus] = SourceStatus.LOG_FALLBACK
    kind: ClassVar[str] = "W&B console"

    def __init__(
        self,
        run: RunRef,
        *,
        endpoint: Callable[[], Endpoint] = load_endpoint,
        timeout: float = math.inf,
        only_own: bool = False,
    ) -> None:
        self._only_own = only_own
        self._run = run
        self._endpoint = endpoint
        self._timeout = timeout

    def fetch(self, cursor: Cursor | None, *, deadline: float) -> Batch:
        """Every line that was not read yet; see `ports.Source`.

        Raises:
            SourceUnavailableError: If the server gives no answer, or the run has printed nothing.
        """
        until = time.monotonic() + min(deadline, self._timeout)
        endpoint = self._endpoint()
        page = self._ask(endpoint, USUAL, until)
        state = None if cursor is None else State.from_json(cursor["state"])
        after = -1 if cursor is None else int(cursor["line"])
        restarted = page.count <= after  # another run under the same id, or a console that began anew
        if restarted:
            state, after = None, -1
        if page.count - 1 - after > len(page.lines):
            page = self._ask(endpoint, min(MOST, page.count - 1 - after), until)
        if not page.lines:
            raise SourceUnavailableError("The run has printed nothing to W&B", where=self._run.target)
        new = [(at, line) for at, line in page.lines if at > after]
        harvest = Harvest(state)
        harvest.read([line for _, text in new for line in text_lines(text.encode("utf-8", "replace"))])
        where = f"{endpoint.app_url}/{self._run.project}/runs/{self._run.short}/logs"
        missed = new[0][0] - after - 1 if new else 0
        return Batch(
            rows=harvest.rows(),
            info=harvest.info(page.name, None),
            cursor={"line": page.lines[-1][0], "state": harvest.state.to_json()},
            events=tuple(harvest.events),
            inspected=(where,),
            tail=evidence("\n".join(text for _, text in page.lines[-100:]).encode("utf-8", "replace")),
            notes=(f"{missed} older lines of the console were not read",) if missed > 0 else (),
            restarted=restarted,
        )

    def _ask(self, endpoint: Endpoint, last: int, until: float) -> _Page:
        entity, project, run = self._run.target.split("/")
        variables = {"entity": entity, "project": project, "run": run, "last": last}
        query = _QUERY % (VIEWER if self._only_own else "")
        body = json.dumps({"operationName": "TrainwatchConsole", "query": query, "variables": variables})
        answer = post(endpoint, "/graphql", body.encode(), seconds=until - time.monotonic())
        data = read_data(answer, self._run)[1]
        if self._only_own:
            require_own(self._run, owners_of(data))
        known = pick(data, "project.run")
        if not isinstance(known, dict):
            raise SourceUnavailableError("W&B shows no such run", where=self._run.target)
        count = number(known.get("logLineCount"))
        lines = sorted(_lines(pick(known, "logLines.edges")))
        seen = lines[-1][0] + 1 if lines else 0
        told = int(count) if count is not None and math.isfinite(count) else seen
        return _Page(str(known.get("displayName") or self._run.short)[:200], max(told, seen), lines)


def _lines(edges: object) -> list[tuple[int, str]]:
    found: dict[int, str] = {}
    for edge in edges if isinstance(edges, list) else []:
        node = edge.get("node") if isinstance(edge, dict) else None
        at = number(node.get("number")) if isinstance(node, dict) else None
        line = node.get("line") if isinstance(node, dict) else None
        if at is not None and math.isfinite(at) and at >= 0 and isinstance(line, str):
            found[int(at)] = line[:_LONGEST].rstrip("\n")
    return list(found.items())
