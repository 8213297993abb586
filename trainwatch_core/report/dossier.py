"""The evidence of a decision as files: pure text, written by `adapters/evidence`."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC

from trainwatch_core.model.finding import Finding
from trainwatch_core.model.message import Report
from trainwatch_core.model.round import Round, View
from trainwatch_core.model.watch import Watch
from trainwatch_core.report.compose import chief_metrics, safe
from trainwatch_core.report.redact import redact
from trainwatch_core.report.text import say_report

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def dossier(watch: Watch, round_: Round, view: View, tail: Sequence[str], report: Report) -> dict[str, str]:
    """File name to text: the report, the verdict, the key metrics, the log's last lines, the context."""
    return {
        "report.md": say_report(report, zone=UTC, width=100) + "\n",
        "verdict.json": _json(_verdict(round_)),
        "metrics.csv": metrics_csv(view),
        "log_tail.txt": redact("".join(f"{line}\n" for line in tail)) or "(no log was read)\n",
        "run.json": _json(_run(watch, round_)),
    }


def metrics_csv(view: View) -> str:
    """The window of the key metrics: one row a sample, `metric,step,value,time`."""
    out = _Lines()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["metric", "step", "value", "unix_time"])
    for name, _ in chief_metrics(view):
        series = view.history.series[name]
        # A spreadsheet must not take a metric's name for a formula.
        shown = safe(name)
        shown = f"'{shown}" if shown.startswith(_FORMULA) else shown
        for step, value, time in zip(series.steps, series.values, series.times, strict=True):
            writer.writerow([shown, f"{step:g}", repr(float(value)), "" if math.isnan(time) else f"{time:.3f}"])
    return "".join(out.parts)


class _Lines:
    """What csv.writer writes to."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> None:
        self.parts.append(text)


def _verdict(round_: Round) -> Mapping[str, object]:
    return {
        "round": round_.number,
        "at": round_.at.isoformat(),
        "decision": str(round_.verdict.decision),
        "reasons": [_finding(f) for f in round_.verdict.reasons],
        "held_back": list(round_.verdict.held_back),
        "would_change": round_.verdict.would_change,
        "findings": [_finding(f) for f in round_.findings],
    }


def _finding(finding: Finding) -> Mapping[str, object]:
    fields = asdict(finding)
    fields["argues_for"] = str(finding.argues_for)
    fields["numbers"] = {name: _number(value) for name, value in finding.numbers.items()}
    return fields


def _run(watch: Watch, round_: Round) -> Mapping[str, object]:
    return {
        "watch": watch.id,
        "run": str(watch.run),
        "name": round_.info.name,
        "url": round_.info.url,
        "state": round_.info.state,
        "last_step": round_.last_step,
        "source": str(round_.source),
        "inspected": list(round_.source.inspected),
        "config": dict(round_.info.config),
        "latest": {name: _number(value) for name, value in round_.latest.items()},
        "baseline": dict(watch.context.baseline),
        "baseline_runs": [str(run) for run in watch.context.baseline_runs],
        "launch": watch.context.launch,
        "job": watch.identity.label if watch.identity else "",
    }


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _json(content: Mapping[str, object]) -> str:
    return redact(json.dumps(content, indent=2, ensure_ascii=False, default=str)) + "\n"
