"""The dry test: what answers, which job, what a stop would do. Nothing is stored, nothing is stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.engine.drytest import Tried, dry_test
from trainwatch_core.model.errors import InvalidInputError, JobNotFoundError, StorageError
from trainwatch_core.model.run import RunRef
from trainwatch_core.model.stop import JobState
from trainwatch_core.model.watch import Mode, Watch
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.stoppers import ScriptedStopper
from trainwatch_core.testing.worlds import FakeWorld, loss_rows, unreachable


def tried(world: FakeWorld, watch: Watch) -> dict[str, list[Tried]]:
    """What was tried, by subject."""
    found: dict[str, list[Tried]] = {}
    for each in dry_test(world.engine.world, watch):
        found.setdefault(each.subject, []).append(each)
    return found


def test_all_that_a_watch_rests_on_is_tried() -> None:
    """Source, roles, job with its state, every rung of a stop, notes; all fine."""
    world = FakeWorld()
    watch = world.watch(notes_path="/n/notes.md")
    found = tried(world, watch)
    assert found["source"][0].said == "wandb_ok answers: 1 metric up to step 19, the run is running."
    assert found["roles"][0].said == "I read train/loss as training loss."
    assert "alive" in found["job"][0].said
    assert any("SIGTERM" in each.said for each in found["a stop"])
    assert found["notes"][0].said == "/n/notes.md can be written."
    assert all(each.fine for some in found.values() for each in some)


def test_nothing_is_stored_and_nothing_is_stopped() -> None:
    """The next round sees every value that the dry test saw, and no command was run."""
    world = FakeWorld()
    watch = world.watch()
    for _ in range(3):
        tried(world, watch)
    assert world.store.history(watch.id, "wandb")[1] is None
    assert world.stopper is not None
    assert world.stopper.calls == []
    assert world.now(watch) == watch
    world.rounds(1)
    assert world.views[-1].history.series["train/loss"].count == 20


def test_each_source_is_asked_and_what_fails_is_said() -> None:
    """The tracker away, the fallback there: the roles are those of what answered."""
    world = FakeWorld()
    watch = world.watch()
    world.source.script = [unreachable()]
    world.further = [ScriptedSource([loss_rows(0, 5)], key="log", kind="log file")]
    found = tried(world, watch)
    assert not found["source"][0].fine
    assert "W&B does not answer" in found["source"][0].said
    assert found["fallback"][0].said.startswith("wandb_ok (log file) answers: 1 metric")
    assert found["roles"][0].fine


def test_a_run_that_has_logged_nothing_is_no_failure() -> None:
    """It may just have begun."""
    world = FakeWorld()
    watch = world.watch()
    world.source.script = [{}]
    assert tried(world, watch)["source"][0] == Tried(
        "source", "wandb_ok answers, but nothing has been logged there yet."
    )


@pytest.mark.parametrize(
    ("stopper", "words"),
    [
        (None, "Nobody told how to stop the run"),
        (ScriptedStopper(states=[JobState.GONE]), "There is no such process"),
        (ScriptedStopper(identify_error=JobNotFoundError("No such session", where="tmux:x")), "No such session"),
        (ScriptedStopper(states=[JobState.UNKNOWN]), "unknown"),
    ],
)
def test_a_job_that_is_not_found_is_said(stopper: ScriptedStopper | None, words: str) -> None:
    """No way, no job, nobody can say: each is not as it must be."""
    world = FakeWorld()
    watch = world.watch()
    world.stopper = stopper
    job = tried(world, watch)["job"][0]
    assert not job.fine
    assert words in job.said


def test_another_job_under_the_same_name_is_not_the_one() -> None:
    """F-A11: what would be stopped is what was registered, or nothing."""
    world = FakeWorld()
    watch = world.watch()
    assert world.stopper is not None
    assert world.stopper.identity is not None
    world.stopper.identity = replace(world.stopper.identity, facts={"pid": "4211", "start": "another"})
    job = tried(world, watch)["job"][0]
    assert not job.fine
    assert "another one" in job.said


def test_automatic_mode_without_a_proof_is_said() -> None:
    """A bare stop command has no probe, so it would fall back to asking."""
    world = FakeWorld(stopper=ScriptedStopper(identity=None))
    watch = world.watch(mode=Mode.AUTO)
    assert any("never stopped automatically" in each.said and not each.fine for each in tried(world, watch)["a stop"])
    assert all(
        each.fine for each in tried(world, replace(watch, context=replace(watch.context, mode=Mode.ASK)))["a stop"]
    )


def test_notes_and_comparisons_that_fail_are_said() -> None:
    """Each with its own sentence; the rest is tried all the same."""
    world = FakeWorld(beside=InvalidInputError("Runs of this project are not watched here"))
    world.notebook.fail_with = StorageError("No note could be appended: its directory is missing", where="/n")
    registered = FakeWorld().watch(notes_path="/n/notes.md")
    watch = replace(
        registered, context=replace(registered.context, baseline_runs=(RunRef(registered.run.kind, "a/b/c"),))
    )
    found = tried(world, watch)
    assert "may not be read" in found["comparison"][0].said
    assert "directory is missing" in found["notes"][0].said
    assert found["source"][0].fine
