"""What exactly was approved: a stop plan as canonical JSON, and its fingerprint."""

from __future__ import annotations

import hashlib
import json

from trainwatch_core.model.stop import JobIdentity, StopPlan, StopStep


def canonical_plan(plan: StopPlan) -> str:
    """A plan as JSON that is byte for byte equal for equal plans: sorted keys, plain ASCII, all seconds as floats.

    The identity's label is left out: it is the job in words for a person (a process may rename itself, and the start in
    local time moves with the clock); the job is bound by its facts.

    Raises:
        ValueError: If a wait or timeout is not finite.
    """
    return _canonical(_plan(plan))


def fingerprint(request_id: str, watch_id: str, round_number: int, plan: StopPlan, *, approvals: int = 1) -> str:
    """SHA-256 over everything that an approval covers, as 64 hexadecimal characters.

    Args:
        request_id: Which request; equal plans of two requests have different fingerprints.
        watch_id: Which watch.
        round_number: The round whose verdict asks.
        plan: Exactly what would be done.
        approvals: How many different people must approve it.

    Raises:
        ValueError: If a wait or timeout of the plan is not finite.
    """
    bound = {"request": request_id, "watch": watch_id, "round": int(round_number), "plan": _plan(plan)}
    bound |= {"approvals": int(approvals)}
    return hashlib.sha256(_canonical(bound).encode("ascii")).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _plan(plan: StopPlan) -> dict[str, object]:
    return {
        "stopper": plan.stopper,
        "launch": plan.launch,
        "host": plan.host,
        "steps": [_step(step) for step in plan.steps],
        "identity": None if plan.identity is None else _identity(plan.identity),
        "verify": plan.verify,
        "cwd": plan.cwd,
        "environment": dict(plan.environment),
    }


def _step(step: StopStep) -> dict[str, object]:
    # A number that went through a database may come back as an int: 30 and 30.0 are the same wait.
    return {
        "label": step.label,
        "argv": list(step.argv),
        "signal": step.signal,
        "wait": float(step.wait),
        "timeout": float(step.timeout),
        "host": step.host,
    }


def _identity(identity: JobIdentity) -> dict[str, object]:
    return {
        "kind": identity.kind,
        "host": identity.host,
        "target": identity.target,
        "facts": dict(identity.facts),
    }
