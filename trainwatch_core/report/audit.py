"""The audit for a person and for a program: who did what, when, with which command, how it came out, and the proof."""

from __future__ import annotations

import hashlib
from datetime import UTC

from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.report.redact import clean, redact

LONGEST = 2000
"""Characters that a field may have."""


def audit_entry(row: AuditRow, request: StopRequest | None) -> dict[str, object]:
    """One act or refusal with what is known of its stop request, as plain values for JSON; all text redacted.

    Args:
        row: As it was appended.
        request: The stop request that it is about, as it stands now; None if it is about none.
    """
    entry: dict[str, object] = {
        "at": row.at.astimezone(UTC).isoformat(),
        "actor": str(row.actor),
        "team": row.actor.team,
        "verb": row.verb,
        "allowed": row.allowed,
        "watch": row.watch_id,
        "request": row.request_id,
        "detail": _told(row.detail, LONGEST),
    }
    return entry if request is None else entry | _about(request)


def audit_cells(row: AuditRow) -> tuple[str, str, str, str, str]:
    """One act or refusal for a table: who, what, whether it was allowed, which watch and request, why."""
    about = "/".join(part for part in (row.watch_id, row.request_id[:8]) if part)
    return str(row.actor), row.verb, "yes" if row.allowed else "REFUSED", about or "-", _told(row.detail, LONGEST)


def audit_proof(request: StopRequest) -> tuple[str, ...]:
    """What a table says of a stop that was carried out: the exact commands and what the independent look found."""
    execution = request.execution
    if execution is None:
        return ()
    shown = {step.label: _told(step.shown, LONGEST) for step in request.plan.steps}
    ran = [f"ran: {shown.get(result.label, _told(result.label, LONGEST))}" for result in execution.results]
    proof = f"proof: {execution.probe.state}, {_told(execution.probe.detail, LONGEST)}"
    return (*ran, f"outcome: {str(request.state).replace('_', ' ')}", proof)


def _about(request: StopRequest) -> dict[str, object]:
    about: dict[str, object] = {
        "fingerprint": request.fingerprint,
        "reason": _told(request.reason, LONGEST),
        "commands": [_told(step.shown, LONGEST) for step in request.plan.steps],
        "host": _told(request.plan.host),
        "job": _told(request.plan.identity.label) if request.plan.identity is not None else "",
        "outcome": str(request.state),
    }
    if request.execution is not None:
        results = request.execution.results
        about["steps"] = [
            {
                "label": _told(result.label),
                "ok": result.ok,
                "exit": result.exit_code,
                "output_sha256": hashlib.sha256(result.output.encode("utf-8", "surrogatepass")).hexdigest(),
            }
            for result in results
        ]
        about["proof"] = {
            "state": str(request.execution.probe.state),
            "detail": _told(request.execution.probe.detail, LONGEST),
            "survivors": [_told(line) for line in request.execution.probe.survivors],
        }
    return about


def _told(text: str, limit: int = 300) -> str:
    return clean(redact(text), limit)
