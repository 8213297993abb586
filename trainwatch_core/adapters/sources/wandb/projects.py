"""Which runs of a project are over: one GraphQL request."""

from __future__ import annotations

import json

from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import load_json, pick
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.run import RunState, parse_wandb_run

_RUNS = """query TrainwatchRuns($entity: String!, $project: String!, $filters: JSONString!, $first: Int!) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: "-created_at", first: $first) { edges { node { name } } }
  }
}"""


def runs_that_are_over(endpoint: Endpoint, project: str, *, last: int, seconds: float) -> list[str]:
    """The newest runs that ended, however they did, as `entity/project/run`, newest first.

    Args:
        endpoint: The server.
        project: `entity/project`.
        last: How many at most.
        seconds: How long the server may take.

    Raises:
        SourceUnavailableError: If the server gives no answer, or shows no such project, or no run of it is over.
    """
    entity, _, name = project.partition("/")
    # The server is asked for ended runs only: the newest ones may all be under way.
    filters = json.dumps({"state": {"$in": [state.value for state in RunState if state.over]}})
    asked = {"entity": entity, "project": name, "filters": filters, "first": last}
    body = json.dumps({"operationName": "TrainwatchRuns", "query": _RUNS, "variables": asked}).encode()
    try:
        said = load_json(post(endpoint, "/graphql", body, seconds=seconds))
    except ValueError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("data"), dict):
        raise SourceUnavailableError("This is no answer of W&B", where=endpoint.host)
    edges = pick(said, "data.project.runs.edges")
    if not isinstance(edges, list):
        raise SourceUnavailableError(
            "W&B shows no such project", where=project, todo="Is it spelt so, and may this key see it?"
        )
    runs = [run for edge in edges if isinstance(edge, dict) and (run := _run(project, pick(edge, "node.name")))]
    if not runs:
        raise SourceUnavailableError("No run of this project has ended yet", where=project)
    return runs[:last]


def _run(project: str, name: object) -> str:
    """The run, if it has a name that a run can have."""
    try:
        return str(parse_wandb_run(f"{project}/{name}"))
    except InvalidInputError:
        return ""
