"""The fingerprint covers what was shown, and only that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from trainwatch_core.decision.stops import canonical_plan, fingerprint
from trainwatch_core.model.stop import JobIdentity, StopPlan, StopStep

JOB = JobIdentity("pid", "localhost", "4211", {"pid": "4211", "start": "9"}, "pid 4211, user ana")
PLAN = StopPlan(
    stopper="command+pid",
    launch="pid:4211",
    host="localhost",
    steps=(
        StopStep("Run", argv=("/bin/bash", "-c", "kill 4211")),
        StopStep("Kill", signal="SIGKILL", wait=10.0),
    ),
    identity=JOB,
    verify="/proc",
    environment={"PATH": "/bin", "LANG": "C.UTF-8"},
)


def _step(plan: StopPlan, **changes: object) -> StopPlan:
    return replace(plan, steps=(replace(plan.steps[0], **changes), *plan.steps[1:]))  # type: ignore[arg-type]  # tests


CHANGES: dict[str, Callable[[StopPlan], StopPlan]] = {
    "stopper": lambda plan: replace(plan, stopper="pid"),
    "launch": lambda plan: replace(plan, launch="pid:4212"),
    "host": lambda plan: replace(plan, host="gpu1"),
    "argv": lambda plan: _step(plan, argv=("/bin/bash", "-c", "kill  4211")),
    "argv split": lambda plan: _step(plan, argv=("/bin/bash", "-c", "kill", "4211")),
    "label": lambda plan: _step(plan, label="Run it"),
    "signal": lambda plan: _step(plan, signal="SIGTERM"),
    "wait": lambda plan: _step(plan, wait=31.0),
    "timeout": lambda plan: _step(plan, timeout=61.0),
    "order": lambda plan: replace(plan, steps=plan.steps[::-1]),
    "fewer": lambda plan: replace(plan, steps=plan.steps[:1]),
    "fact": lambda plan: replace(plan, identity=replace(JOB, facts={"pid": "4211", "start": "10"})),
    "target": lambda plan: replace(plan, identity=replace(JOB, target="4212")),
    "no identity": lambda plan: replace(plan, identity=None),
    "verify": lambda plan: replace(plan, verify=""),
    "cwd": lambda plan: replace(plan, cwd="/tmp"),  # noqa: S108  # a value, nothing is written there
    "environment": lambda plan: replace(plan, environment={"PATH": "/bin"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_plan_changes_the_fingerprint(change: str) -> None:
    """F-A12: what was approved is exactly what runs; one character more is something else."""
    assert fingerprint("r", "w", 3, CHANGES[change](PLAN)) != fingerprint("r", "w", 3, PLAN)


def test_a_fingerprint_belongs_to_one_request() -> None:
    """F-A06: the approval of another request, watch or round does not fit."""
    marks = {fingerprint(*which, PLAN) for which in (("r", "w", 3), ("s", "w", 3), ("r", "v", 3), ("r", "w", 4))}
    assert len(marks) == 4
    assert all(len(mark) == 64 and int(mark, 16) >= 0 for mark in marks)


def test_the_way_through_a_database_changes_nothing() -> None:
    """Order of keys, kind of mapping and 30 for 30.0 are not differences."""
    other = replace(
        PLAN,
        environment=MappingProxyType({"LANG": "C.UTF-8", "PATH": "/bin"}),
        steps=tuple(replace(step, wait=int(step.wait), timeout=int(step.timeout)) for step in PLAN.steps),
        identity=replace(JOB, facts=MappingProxyType({"start": "9", "pid": "4211"})),
    )
    assert fingerprint("r", "w", 3, other) == fingerprint("r", "w", 3, PLAN)


def test_a_process_that_renames_itself_is_the_same_job() -> None:
    """The label is for people; the facts bind."""
    renamed = replace(PLAN, identity=replace(JOB, label="pid 4211, user ana, [ray::train]"))
    assert canonical_plan(renamed) == canonical_plan(PLAN)


def test_canonical_json_is_plain() -> None:
    """It is ASCII JSON that reads back, also with characters that sort or print differently elsewhere."""
    odd = replace(PLAN, verify="größe \u202e \ud800")
    assert canonical_plan(odd).isascii()
    assert json.loads(canonical_plan(odd))["verify"] == odd.verify


def test_waits_that_are_no_numbers_have_no_fingerprint() -> None:
    """NaN is equal to nothing, so it cannot be approved."""
    with pytest.raises(ValueError, match="JSON"):
        fingerprint("r", "w", 3, _step(PLAN, wait=float("nan")))


WRITTEN = (
    '{"cwd":"/","environment":{"LANG":"C.UTF-8","PATH":"/bin"},"host":"localhost",'
    '"identity":{"facts":{"pid":"4211","start":"9"},"host":"localhost","kind":"pid","target":"4211"},'
    '"launch":"pid:4211","steps":['
    '{"argv":["/bin/bash","-c","kill 4211 \\u00e4"],"host":"localhost","label":"Run","signal":"","timeout":60.0,'
    '"wait":30.0},'
    '{"argv":[],"host":"localhost","label":"Kill","signal":"SIGKILL","timeout":60.0,"wait":10.0}],'
    '"stopper":"command+pid","verify":"/proc"}'
)


def test_the_form_of_what_is_bound_stays() -> None:
    """An update between approval and command must not look like another plan: the bytes are part of the promise."""
    plan = _step(PLAN, argv=("/bin/bash", "-c", "kill 4211 ä"))
    assert canonical_plan(plan) == WRITTEN
    bound = f'{{"approvals":2,"plan":{WRITTEN},"request":"r","round":7,"watch":"w"}}'
    assert fingerprint("r", "w", 7, plan, approvals=2) == hashlib.sha256(bound.encode("ascii")).hexdigest()
    alone = bound.replace('"approvals":2', '"approvals":1')
    assert fingerprint("r", "w", 7, plan) == hashlib.sha256(alone.encode("ascii")).hexdigest()
    nobody = replace(plan, identity=None)
    assert json.loads(canonical_plan(nobody)) == json.loads(WRITTEN) | {"identity": None}
