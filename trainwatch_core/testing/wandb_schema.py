"""What the fake W&B server can be asked for, and what it takes in."""

from __future__ import annotations

import json
from collections.abc import Mapping

from trainwatch_core.testing.wandb_runs import FakeRun, now

Runs = dict[tuple[str, str, str], FakeRun]


def take_stream(run: FakeRun, body: Mapping[str, object]) -> None:
    """Take what the SDK streams of a run."""
    files = body.get("files")
    for name, chunk in (files if isinstance(files, dict) else {}).items():
        lines = [json.loads(line) for line in chunk["content"]] if name.endswith((".jsonl", ".json")) else []
        if name == "wandb-history.jsonl":
            run.rows[chunk["offset"] :] = lines
        elif name == "wandb-events.jsonl":
            run.events[chunk["offset"] :] = lines
        elif name == "wandb-summary.json" and lines:
            run.summary = lines[-1]
    run.heartbeat_at = now()
    if body.get("complete"):
        run.state = "failed" if body.get("exitcode") else "finished"


def _passes(run: FakeRun, filters: str | None) -> bool:
    """Whether a filter lets a run pass; of the one form that is asked for: `{"state": {"$in": [...]}}`."""
    states = json.loads(filters or "{}").get("state", {}).get("$in")
    return states is None or run.state in states


def root(known_runs: Runs, url: str) -> dict[str, object]:
    """What can be asked for, for `graphql.execute`. Whoever asks is the entity `e`."""

    def project(name: str, entityName: str) -> dict[str, object] | None:  # noqa: N803  # GraphQL's
        runs = {run.name: run for run in known_runs.values() if (run.entity, run.project) == (entityName, name)}

        def run(name: str, missingOk: bool = True) -> dict[str, object] | None:  # noqa: ARG001, FBT001, FBT002, N803  # GraphQL's
            return runs[name].fields() if name in runs else None

        def listed(order: str = "-created_at", first: int = 50, filters: str | None = None) -> dict[str, object]:
            chosen = [run for run in runs.values() if _passes(run, filters)]
            newest = sorted(chosen, key=lambda run: run.created_at, reverse=order == "-created_at")
            return {"edges": [{"node": run.fields()} for run in newest[:first]]}

        owner = {"id": f"entity-{entityName}", "name": entityName}
        known = {"id": f"project-{name}", "internalId": "1", "name": name, "entity": owner, "readOnly": False}
        return {**known, "run": run, "bucket": run, "runs": listed} if runs else None

    def upsert(input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
        path = (str(input.get("entityName") or "e"), str(input.get("modelName")), str(input.get("name")))
        inserted = path not in known_runs
        run = known_runs.setdefault(path, FakeRun(*path))
        run.display_name = str(input.get("displayName") or run.display_name)
        run.config = str(input.get("config") or run.config)
        run.state = str(input.get("state") or "running")
        return {"bucket": run.fields(), "inserted": inserted}

    def files(input: Mapping[str, object]) -> dict[str, object]:  # noqa: A002  # GraphQL's
        names = input["files"] if isinstance(input["files"], list) else []
        sent = [{"name": name, "uploadUrl": f"{url}/storage/{name}"} for name in names]
        return {"runID": input["runName"], "uploadHeaders": [], "files": sent}

    who = {"id": "user-e", "entity": "e", "username": "e", "email": "e@example.invalid", "flags": "{}", "admin": False}
    return {
        "viewer": {**who, "teams": {"edges": []}, "apiKeys": {"edges": []}},
        "serverInfo": {"features": []},
        "entity": lambda name: {"name": name, "organization": None},
        "project": project,
        "model": project,
        "upsertBucket": upsert,
        "createRunFiles": files,
    }
