"""What runs in the process of `read_by_sdk`: reads a run by `wandb.Api` and writes what the server would have said."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainwatch_core.adapters.sources.wandb.sdk import ANSWERED, ASKED

_PAGES = 20
_PAGE = 1000


def main(folder: Path) -> None:
    """Answer what stands in the folder."""
    import wandb  # noqa: PLC0415  # this module is also imported by what only names it

    asked = json.loads((folder / ASKED).read_text())
    api = wandb.Api(timeout=max(1, int(asked["seconds"])))
    run = api.run(asked["run"])
    run.load(force=True)
    said: dict[str, object] = {"project": {"run": _fields(run, asked["specs"])}}
    if asked["viewer"]:
        teams = [{"node": {"name": name}} for name in api.viewer.teams]
        said["viewer"] = {"entity": api.viewer.entity, "teams": {"edges": teams}}
    (folder / ANSWERED).write_text(json.dumps({"data": said}))


def _fields(run: Any, specs: list[dict[str, Any]]) -> dict[str, object]:  # noqa: ANN401  # the SDK is untyped
    known, last = run.attrs if hasattr(run, "attrs") else run._attrs, run.lastHistoryStep  # noqa: SLF001  # no other way
    keys = known.get("historyKeys") or {"keys": {name: {} for name in dict(run.summary)}, "lastStep": last}
    history = _History(run, last, keys.get("keys") or {})
    return {
        "displayName": run.name,
        "state": run.state,
        "stopped": None,
        "createdAt": run.created_at,
        "heartbeatAt": known.get("heartbeatAt"),
        "group": run.group,
        "jobType": run.job_type,
        "config": {key: {"value": value} for key, value in run.config.items()},
        "summaryMetrics": dict(run.summary_metrics),
        "historyKeys": keys,
        "sampledHistory": history.answers(specs),
    }


class _History:
    """Answers the way `sampledHistory` does, by what every server has: a draw of all rows, and ranges of rows."""

    def __init__(self, run: Any, last: int, keys: Mapping[str, Any]) -> None:  # noqa: ANN401  # the SDK is untyped
        self._run = run
        self._last = last
        self._keys = keys

    def answers(self, specs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """The rows for each spec."""
        ranges = [spec for spec in specs if not self._long(spec)]
        drawn = max((spec["samples"] for spec in specs if self._long(spec)), default=0)
        draw = list(self._run.history(samples=drawn, pandas=False)) if drawn else []
        scan = list(self._scan(int(min(spec["min_step"] for spec in ranges)))) if ranges else []
        return [list(_matching(draw if self._long(spec) else scan, spec)) for spec in specs]

    def _long(self, spec: Mapping[str, Any]) -> bool:
        """Whether a spec asks for more of the run than shall be read row by row."""
        counts = (self._keys.get(spec["key"]) or {}).get("typeCounts") or []
        rows = sum(int(kind.get("count") or 0) for kind in counts) or self._last + 1
        share = 1 - spec["min_step"] / max(1, self._last + 1)
        return spec["max_step"] is None and bool(rows * share > spec["samples"])

    def _scan(self, first: int) -> Iterator[dict[str, Any]]:
        page = max(_PAGE, (self._last - first) // _PAGES)
        yield from self._run.scan_history(min_step=first, page_size=page, use_cache=False)


def _matching(rows: list[dict[str, Any]], spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    keys = ["_step", "_timestamp", spec["key"]] if spec["timed"] else ["_step", spec["key"]]
    last = spec["max_step"]
    for row in rows:
        step = row.get("_step")
        inside = step is not None and step >= spec["min_step"] and (last is None or step <= last)
        if inside and all(row.get(key) is not None for key in keys):
            yield {key: row[key] for key in keys}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
