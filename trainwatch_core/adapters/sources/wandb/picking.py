"""Which projects and runs there are to choose from: for a person who looks for a run, not for a round."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from trainwatch_core.adapters.sources.wandb.asking import owners_of
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import load_json, pick
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.run import RunChoice, RunState, parse_wandb_project, parse_wandb_run

_OWNERS = "query TrainwatchOwners { viewer { entity teams { edges { node { name } } } } }"
_RUNS = """query TrainwatchChoices($entity: String!, $project: String!, $filters: JSONString!, $first: Int!) {
  project(name: $project, entityName: $entity) {
    newest: runs(order: "-created_at", first: $first) { edges { node { name displayName state } } }
    found: runs(filters: $filters, order: "-created_at", first: $first) { edges { node { name displayName state } } }
  }
}"""
_MOST_OWNERS, _MOST_PROJECTS = 20, 100


def projects_of(endpoint: Endpoint, owners: Sequence[str], *, seconds: float) -> tuple[str, ...]:
    """The projects of some entities as `entity/project`, in the server's order.

    Args:
        endpoint: The server.
        owners: Whose; empty for the key's user and teams.
        seconds: How long each of two requests may take.

    Raises:
        SourceUnavailableError: If the server gives no answer.
    """
    names = list(owners) or sorted(owners_of(_asked(endpoint, {"query": _OWNERS}, seconds)))
    names = names[:_MOST_OWNERS]
    if not names:
        return ()
    asked = {f"e{number}": name for number, name in enumerate(names)}
    given = ", ".join(f"${key}: String!" for key in asked)
    parts = " ".join(
        f"{key}: models(entityName: ${key}, first: {_MOST_PROJECTS}) {{ edges {{ node {{ name }} }} }}" for key in asked
    )
    data = _asked(endpoint, {"query": f"query TrainwatchProjects({given}) {{ {parts} }}", "variables": asked}, seconds)
    found = [_project(owner, name) for key, owner in asked.items() for name in _names(pick(data, f"{key}.edges"))]
    return tuple(project for project in found if project)


def runs_to_choose(
    endpoint: Endpoint, project: str, words: str, *, first: int, seconds: float
) -> tuple[RunChoice, ...]:
    """Runs of a project, those that run first, then the newest first.

    Args:
        endpoint: The server.
        project: `entity/project`.
        words: Of the name or the id that is looked for; empty for all.
        first: How many at most.
        seconds: How long the server may take.

    Raises:
        SourceUnavailableError: If the server gives no answer, or shows no such project.
    """
    entity, _, name = project.partition("/")
    # The server's search knows older runs, and the one of the newest here does not mind capitals.
    matches = {"$regex": re.escape(words)}
    filters = json.dumps({"$or": [{"displayName": matches}, {"name": matches}]})
    asked = {"entity": entity, "project": name, "filters": filters, "first": first}
    data = _asked(endpoint, {"query": _RUNS, "variables": asked}, seconds)
    if not isinstance(pick(data, "project.newest.edges"), list):
        raise SourceUnavailableError("W&B shows no such project", where=project)
    chosen: dict[str, RunChoice] = {}
    for part in ("newest", "found"):
        edges = pick(data, f"project.{part}.edges")
        for edge in edges if isinstance(edges, list) else []:
            choice = _choice(project, pick(edge, "node") if isinstance(edge, dict) else None)
            if choice is not None and _fits(choice, words):
                chosen.setdefault(choice.run.target, choice)
    return tuple(sorted(chosen.values(), key=lambda choice: choice.state is not RunState.RUNNING)[:first])


def _asked(endpoint: Endpoint, body: dict[str, object], seconds: float) -> dict[str, Any]:
    try:
        said = load_json(post(endpoint, "/graphql", json.dumps(body).encode(), seconds=seconds))
    except ValueError:
        said = None
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, dict):
        raise SourceUnavailableError("This is no answer of W&B", where=endpoint.host)
    return data


def _names(edges: object) -> list[str]:
    found = [pick(edge, "node.name") for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []
    return [name for name in found if isinstance(name, str)]


def _project(owner: str, name: str) -> str:
    """The project, if it has a name that a project can have."""
    try:
        return parse_wandb_project(f"{owner}/{name}")
    except InvalidInputError:
        return ""


def _choice(project: str, node: object) -> RunChoice | None:
    if not isinstance(node, dict):
        return None
    try:
        run = parse_wandb_run(f"{project}/{node.get('name')}")
    except InvalidInputError:
        return None
    state = str(node.get("state"))
    known = RunState(state) if state in tuple(RunState) else None
    return RunChoice(run, str(node.get("displayName") or run.short), known)


def _fits(choice: RunChoice, words: str) -> bool:
    return words.casefold() in f"{choice.name} {choice.run.target}".casefold()
