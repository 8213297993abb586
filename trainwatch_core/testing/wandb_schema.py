"""What the fake W&B server can be asked for, and what it takes in."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from functools import partial

from trainwatch_core.testing.wandb_runs import FakeRun, now

Runs = dict[tuple[str, str, str], FakeRun]


_STAMP = re.compile(r"(ERROR )?\d{4}-\d\d-\d\dT\S+ ")
"""What the SDK puts before each line of the console."""


def _text(value: object) -> str | None:
    return str(value) if value else None


def take_stream(run: FakeRun, body: Mapping[str, object]) -> None:
    """Take what the SDK streams of a run."""
    files = body.get("files")
    for name, chunk in (files if isinstance(files, dict) else {}).items():
        lines = [json.loads(line) for line in chunk["content"]] if name.endswith((".jsonl", ".json")) else []
        if name == "wandb-history.jsonl":
            run.rows[chunk["offset"] :] = lines
        elif name == "wandb-events.jsonl":
            run.events[chunk["offset"] :] = lines
        elif name == "output.log":
            run.console[chunk["offset"] :] = [_STAMP.sub("", line).rstrip("\n") for line in chunk["content"]]
        elif name == "wandb-summary.json" and lines:
            run.summary = lines[-1]
    run.heartbeat_at = now()
    if body.get("complete"):
        run.state = "failed" if body.get("exitcode") else "finished"


def _stop(known_runs: Runs, input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
    """Set the flag that the Stop button of a run's page sets."""
    found = [run for run in known_runs.values() if run.fields()["id"] == input["id"]]
    for run in found:
        run.stopped = True
    return {"success": bool(found), "clientMutationId": None}


def _passes(run: FakeRun, filters: str | None) -> bool:
    """Whether a filter lets a run pass: of the forms that we ask with.

    They are `{"state": {"$in": [...]}}`, `{"createdAt": {"$gte": ...}}`, `{"displayName": {"$regex": ...}}`, `name`
    likewise, and `{"$or": [...]}`.
    """
    wanted = json.loads(filters or "{}")
    if "$or" in wanted:
        return any(_passes(run, json.dumps(each)) for each in wanted["$or"])
    for field, said in (("displayName", run.display_name or run.name), ("name", run.name)):
        if field in wanted and not re.search(wanted[field]["$regex"], said):
            return False
    states, since = wanted.get("state", {}).get("$in"), wanted.get("createdAt", {}).get("$gte", "")
    return (states is None or run.state in states) and f"{run.created_at}Z" >= since


def _project(name: str, entity: str, runs: Mapping[str, FakeRun], unknown: Collection[str]) -> dict[str, object]:
    """A project that has runs."""

    def fields_of(run: FakeRun) -> dict[str, object]:
        return {name: value for name, value in run.fields().items() if name not in unknown}

    def run(name: str, missingOk: bool = True) -> dict[str, object] | None:  # noqa: ARG001, FBT001, FBT002, N803  # GraphQL's
        return fields_of(runs[name]) if name in runs else None

    def listed(order: str = "-created_at", first: int = 50, filters: str | None = None) -> dict[str, object]:
        chosen = [run for run in runs.values() if _passes(run, filters)]
        newest = sorted(chosen, key=lambda run: run.created_at, reverse=order.startswith("-"))
        return {"edges": [{"node": fields_of(run)} for run in newest[:first]]}

    owner = {"id": f"entity-{entity}", "name": entity}
    known = {"id": f"project-{name}", "internalId": "1", "name": name, "entity": owner, "readOnly": False}
    return {**known, "run": run, "bucket": run, "runs": listed}


def _changed(known_runs: Runs, input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
    """Change what is told of a run that is named by its id; nothing else of it."""
    run = next(run for run in known_runs.values() if run.fields()["id"] == input["id"])
    if isinstance(input.get("tags"), list):
        run.tags = [str(tag) for tag in input["tags"]]  # type: ignore[attr-defined]  # a list, as asked above
    run.notes = str(input["notes"]) if input.get("notes") is not None else run.notes
    return {"bucket": run.fields(), "inserted": False}


def _upsert(known_runs: Runs, input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
    """Begin a run, or change what is told of one."""
    if input.get("id"):
        return _changed(known_runs, input)
    path = (str(input.get("entityName") or "e"), str(input.get("modelName")), str(input.get("name")))
    inserted = path not in known_runs
    run = known_runs.setdefault(path, FakeRun(*path))
    run.display_name = str(input.get("displayName") or run.display_name)
    run.config = str(input.get("config") or run.config)
    run.state = str(input.get("state") or "running")
    run.group, run.job_type = _text(input.get("groupName")), _text(input.get("jobType"))
    return {"bucket": run.fields(), "inserted": inserted}


def _models(known_runs: Runs, entityName: str, first: int = 50) -> dict[str, object]:  # noqa: N803  # GraphQL's
    """The projects of an entity."""
    names = dict.fromkeys(run.project for run in known_runs.values() if run.entity == entityName)
    return {"edges": [{"node": {"name": name, "entityName": entityName}} for name in list(names)[:first]]}


def root(known_runs: Runs, url: str, unknown: Collection[str] = ()) -> dict[str, object]:
    """What can be asked for, for `graphql.execute`. Whoever asks is the entity `e`, of the team `lab`.

    Args:
        known_runs: The runs that there are.
        url: Of the server.
        unknown: Fields of a run that this server is too old to know.
    """

    def project(name: str, entityName: str) -> dict[str, object] | None:  # noqa: N803  # GraphQL's
        runs = [run for run in known_runs.values() if (run.entity, run.project) == (entityName, name)]
        return _project(name, entityName, {run.name: run for run in runs}, unknown) if runs else None

    def files(input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
        names = input["files"] if isinstance(input["files"], list) else []
        sent = [{"name": name, "uploadUrl": f"{url}/storage/{name}"} for name in names]
        return {"runID": input["runName"], "uploadHeaders": [], "files": sent}

    who = {
        "id": "user-e",
        "entity": "e",
        "username": "e",
        "name": "E",
        "deletedAt": None,
        "email": "e@example.invalid",
        "flags": "{}",
        "admin": False,
    }
    return {
        "viewer": {**who, "teams": {"edges": [{"node": {"name": "lab"}}]}, "apiKeys": {"edges": []}},
        "serverInfo": {"features": []},
        "entity": lambda name: {"name": name, "organization": None},
        "project": project,
        "model": project,
        "models": partial(_models, known_runs),
        "upsertBucket": partial(_upsert, known_runs),
        "createRunFiles": files,
        "stopRun": lambda input: _stop(known_runs, input),  # noqa: A006  # GraphQL's
    }
