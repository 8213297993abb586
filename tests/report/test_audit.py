"""What the audit says of rows and requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import cast

from trainwatch_core.model.stop import Execution, JobState, Probe, RequestState, StepResult, StopStep
from trainwatch_core.report.audit import audit_cells, audit_entry, audit_proof
from trainwatch_core.testing.store_samples import sample_act, sample_request

SECRET = "hf_" + "aB3" * 12
ROW = replace(sample_act(), detail=f"no: {SECRET}\n\u202eevil")
STEP = StopStep("run it", argv=("/bin/stop", f"--token={SECRET}"))
RAN = Execution((StepResult("run it", ok=True, exit_code=0, output=SECRET),), Probe(JobState.GONE, "pid 4211 is gone"))
REQUEST = replace(
    sample_request(),
    state=RequestState.STOPPED,
    plan=replace(sample_request().plan, steps=(STEP,)),
    execution=RAN,
)


def test_nothing_secret_or_unseen_leaves_by_the_audit() -> None:
    """F-I06: commands, reasons and outputs are redacted; of an output only its hash is told."""
    told = json.dumps(audit_entry(ROW, REQUEST)) + str(audit_cells(ROW)) + str(audit_proof(REQUEST))
    assert SECRET not in told
    assert "redacted" in told
    assert "\u202e" not in told
    assert "\\u202e" not in told


def test_an_entry_has_command_outcome_and_proof() -> None:
    """P4.9: time, actor, team, verb, watch, request, fingerprint, decision, reason, exit, output hash, verify."""
    entry = audit_entry(ROW, REQUEST)
    assert set(entry) >= {"at", "actor", "team", "verb", "watch", "request", "fingerprint", "allowed", "detail"}
    assert entry["outcome"] == "stopped"
    assert entry["proof"] == {"state": "gone", "detail": "pid 4211 is gone", "survivors": []}
    (step,) = cast("list[dict[str, str | int]]", entry["steps"])
    assert (step["exit"], len(str(step["output_sha256"]))) == (0, 64)


def test_a_refusal_is_seen_at_a_glance() -> None:
    """A table says REFUSED, and of a request that never ran nothing more."""
    assert audit_cells(ROW)[2] == "REFUSED"
    assert audit_cells(replace(ROW, allowed=True))[2] == "yes"
    assert audit_proof(replace(REQUEST, execution=None)) == ()
