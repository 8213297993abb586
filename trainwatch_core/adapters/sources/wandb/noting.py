"""A tag and a note on a W&B run: the one place that writes there. Nothing else of the run is sent back.

`wandb.Api` would send the run's whole config with them (`Run.update`), which may have changed meanwhile.
"""

from __future__ import annotations

import json

from trainwatch_core.adapters.sources.wandb.asking import read_data
from trainwatch_core.adapters.sources.wandb.settings import Endpoint
from trainwatch_core.adapters.sources.wandb.transport import post
from trainwatch_core.adapters.sources.wandb.values import load_json, pick
from trainwatch_core.model.errors import SourceUnavailableError
from trainwatch_core.model.run import RunRef

_READ = """query TrainwatchNoted($entity: String!, $project: String!, $run: String!) {
  project(name: $project, entityName: $entity) { run(name: $run) { id tags notes } }
}"""
_WRITE = """mutation TrainwatchNote($id: String!, $tags: [String!], $notes: String) {
  upsertBucket(input: {id: $id, tags: $tags, notes: $notes}) { bucket { id tags notes } }
}"""
_LONGEST_NOTES = 60_000


def put_note(endpoint: Endpoint, run: RunRef, tag: str, text: str, *, seconds: float) -> None:
    """Add a tag and a text to what people wrote there; what is there already is not added again.

    Args:
        endpoint: The server, with a key that may write.
        run: Of W&B.
        tag: For its list of tags.
        text: For its notes; below what is there.
        seconds: How long each of two requests may take.

    Raises:
        SourceUnavailableError: If the server gives no answer, has no such run, or does not take it.
    """
    entity, project, name = run.target.split("/")
    asked = {"query": _READ, "variables": {"entity": entity, "project": project, "run": name}}
    _, data = read_data(post(endpoint, "/graphql", json.dumps(asked).encode(), seconds=seconds), run)
    known = pick(data, "project.run")
    if not isinstance(known, dict) or not known.get("id"):
        raise SourceUnavailableError("W&B shows no such run", where=str(run))
    tags = [each for each in known.get("tags") or [] if isinstance(each, str)]
    notes = str(known.get("notes") or "")
    if tag in tags and text in notes:
        return
    wanted = {
        "id": known["id"],
        "tags": list(dict.fromkeys([*tags, tag])),
        "notes": notes if text in notes else f"{notes}\n\n{text}".strip()[:_LONGEST_NOTES],
    }
    body = json.dumps({"query": _WRITE, "variables": wanted}).encode()
    try:
        answer = load_json(post(endpoint, "/graphql", body, seconds=seconds))
    except ValueError:
        answer = None
    kept = pick(answer, "data.upsertBucket.bucket.tags") if isinstance(answer, dict) else None
    if not isinstance(kept, list) or tag not in kept:
        raise SourceUnavailableError("W&B did not take the note", where=str(run), todo="May this key write there?")
