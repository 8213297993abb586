"""F-A11 F-S05: the same name is not the same job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from trainwatch_core.decision.identity import require_known, require_same
from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.stop import JobIdentity

JOB = JobIdentity("pid", "gpu1", "4211", {"pid": "4211", "start": "77", "boot": "b"}, "4211 ann train.py")
OTHERS = {
    "another start": {"start": "78"},
    "another boot": {"boot": "c"},
    "another start and another boot": {"start": "78", "boot": "c"},
    "one fact more": {"uid": "1000"},
}


def other(changed: dict[str, str]) -> JobIdentity:
    return replace(JOB, facts={**JOB.facts, **changed}, label="4211 bo other.py")


@pytest.mark.parametrize("check", [require_same, require_known])
def test_the_same_facts_are_the_same_job(check: Callable[[JobIdentity, JobIdentity], None]) -> None:
    """However it is called by now."""
    check(JOB, replace(JOB, label="renamed", facts=dict(sorted(JOB.facts.items()))))


@pytest.mark.parametrize("check", [require_same, require_known])
@pytest.mark.parametrize("changed", OTHERS.values(), ids=OTHERS)
def test_any_other_fact_is_another_job(
    check: Callable[[JobIdentity, JobIdentity], None], changed: dict[str, str]
) -> None:
    """Whichever way round."""
    for one, two in ((JOB, other(changed)), (other(changed), JOB)):
        with pytest.raises(StopRefusedError):
            check(one, two)


def test_a_plan_is_told_what_is_different() -> None:
    """What, then and now, and what to do."""
    with pytest.raises(StopRefusedError) as caught:
        require_same(JOB, other({"start": "78", "boot": "c"}))
    assert str(caught.value) == (
        "This is not the job that was to be stopped: boot, start differs "
        "(now 4211 bo other.py; then 4211 ann train.py). "
        "Nothing was done; watch the run again with the launch that it has now"
    )


def test_the_same_facts_on_another_host_are_another_job() -> None:
    """Pid, start and boot of one machine say nothing of another."""
    with pytest.raises(StopRefusedError, match="stopped: its host differs"):
        require_same(JOB, replace(JOB, host="gpu2"))


def test_a_watch_that_knows_no_job_takes_what_is_found() -> None:
    """Registered before the job was there."""
    require_known(None, JOB)
    require_known(None, None)


def test_a_watched_job_that_is_not_there_or_another_one_is_told() -> None:
    """What is there now, what was there then, and what to do."""
    for found, label in ((None, "nothing"), (other({"start": "78"}), "4211 bo other.py")):
        with pytest.raises(StopRefusedError) as caught:
            require_known(JOB, found)
        assert str(caught.value) == (
            "The job is another one than the one that is watched "
            f"(pid:4211: now {label}; then 4211 ann train.py). Register the watch again if this is the job you mean"
        )
