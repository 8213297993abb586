"""What people tell about a watch that is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import ConflictError, InvalidInputError, JobNotFoundError, NotAllowedError
from trainwatch_core.model.message import ProjectNote
from trainwatch_core.model.watch import Mode, Posts, Watch, WatchContext
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.worlds import ANA, FakeWorld

TEAM = "T1"
CY, BO, ADA = (Actor(ActorKind.SLACK, name, TEAM) for name in ("UCY", "UBO", "UADA"))


def world_with_watch(*, notes_path: str = "") -> tuple[FakeWorld, Watch]:
    """Ana's watch after its first look; Cy is a watcher, Bo an approver, Ada an admin."""
    world = FakeWorld()
    admins, approvers, watchers = (frozenset({name}) for name in ("UADA", "UBO", "UCY"))
    world.rules = replace(world.rules, team=TEAM, admins=admins, approvers=approvers, watchers=watchers)
    world.start()
    watch = world.watch(notes_path=notes_path)
    world.rounds(1)
    return world, world.now(watch)


def changed(world: FakeWorld, watch: Watch, who: Actor = ANA, **told: object) -> WatchContext:
    """Give it these things of a context."""
    edited = world.engine.editing.edit(watch.id, who, lambda known: replace(known, **told))  # type: ignore[arg-type]
    return edited.context


def test_an_edit_changes_what_was_told_and_is_on_record() -> None:
    """The audit names the things, not their values."""
    world, watch = world_with_watch()
    context = changed(world, watch, baseline={"val/loss": 2.3}, rounds=Posts.CHANGES)
    assert (context.baseline, context.rounds, context.launch) == ({"val/loss": 2.3}, Posts.CHANGES, "pid:4211")
    row = world.store.audited(watch_id=watch.id)[-1]
    assert (row.verb, row.actor, row.detail) == ("edit", ANA, "baseline, rounds")
    changed(world, watch)
    assert world.store.audited(watch_id=watch.id)[-1].detail == "nothing new"


@pytest.mark.parametrize(("every", "due"), [(300.0, 300.0), (7200.0, 1800.0)])
def test_a_shorter_interval_counts_from_now_on_and_a_longer_one_after_the_next_look(every: float, due: float) -> None:
    """Who asks for every five minutes does not wait for half an hour."""
    world, watch = world_with_watch()
    world.tick()  # the look that was due after the first half hour
    now = world.clock.now()
    edited = world.engine.editing.edit(watch.id, ANA, lambda known: replace(known, interval=every))
    assert edited.next_round_at == now + timedelta(seconds=due)


@pytest.mark.parametrize(
    ("who", "told", "allowed"),
    [
        (CY, {"interval": 60.0}, False),  # not Cy's watch
        (BO, {"mode": Mode.AUTO}, False),
        (ADA, {"mode": Mode.AUTO}, True),
        (ADA, {"interval": 60.0}, True),
    ],
)
def test_rights_follow_from_what_is_changed(who: Actor, told: dict[str, object], allowed: bool) -> None:  # noqa: FBT001  # a parameter
    """F-A05: automatic mode needs more than a shorter interval; refused as a whole, and audited."""
    world, watch = world_with_watch()
    if allowed:
        context = changed(world, watch, who, **told)
        assert all(getattr(context, name) == value for name, value in told.items())
        return
    with pytest.raises(NotAllowedError):
        changed(world, watch, who, **told)
    assert world.now(watch).context == watch.context
    refused = world.store.audited(watch_id=watch.id)[-1]
    assert (refused.actor, refused.allowed) == (who, False)


def test_a_changed_launch_is_identified_anew_and_one_without_a_job_is_refused() -> None:
    """What would be stopped must be known before it is written down."""
    world, watch = world_with_watch()
    assert world.stopper is not None
    other = replace(world.stopper.identity, target="77")  # type: ignore[type-var]
    world.stopper.identity = other
    edited = world.engine.editing.edit(watch.id, ANA, lambda known: replace(known, launch="pid:77"))
    assert edited.identity == other
    world.stopper.identify_error = JobNotFoundError("There is no such process", where="pid:78")
    with pytest.raises(JobNotFoundError):
        changed(world, watch, launch="pid:78")
    assert world.now(watch).context.launch == "pid:77"


def test_a_context_that_cannot_be_read_is_refused() -> None:
    """Said to who tells it, not by the next look."""
    world, watch = world_with_watch()

    class Unreadable(dict[str, ScriptedSource]):
        def get(self, key: str, _default: object = None) -> ScriptedSource:
            raise InvalidInputError("This log lies nowhere", where=key)

    world.sources = Unreadable()
    with pytest.raises(InvalidInputError, match="lies nowhere"):
        changed(world, watch, log_path="/nowhere")
    assert world.now(watch).context == watch.context


def test_a_watch_that_has_ended_is_neither_edited_nor_snoozed() -> None:
    """There is nothing left to tell."""
    world, watch = world_with_watch()
    world.engine.watches.end(watch.id, ANA)
    with pytest.raises(ConflictError, match="has ended"):
        changed(world, watch, interval=60.0)
    with pytest.raises(ConflictError, match="has ended"):
        world.engine.editing.snooze(watch.id, ANA, world.clock.now() + timedelta(hours=1))


def test_a_note_goes_into_the_audit_and_the_notes_of_the_project() -> None:
    """Escaped, on one line, with who and when; the same words twice are two notes."""
    world, watch = world_with_watch(notes_path="/notes.md")
    for _ in range(2):
        world.engine.editing.note(watch.id, ANA, "lr *halved*\nby hand <!channel>")
    world.tick()
    notes = world.notebook.notes["/notes.md"].splitlines()
    assert [line for line in notes if line] == [
        r"- 2026-03-02 21:30 UTC · r1 · ana: lr \*halved\* by hand \<\!channel\>"
    ] * 2
    assert [row.verb for row in world.store.audited(watch_id=watch.id)][-2:] == ["note", "note"]
    assert "halved" in world.store.audited(watch_id=watch.id)[-1].detail


def test_a_note_without_a_file_is_kept_in_the_audit() -> None:
    """And no empty one, and no secret."""
    world, watch = world_with_watch()
    world.engine.editing.note(watch.id, ANA, "key is sk-abcdefghijklmnopqrstuvwxyz0123456789")
    assert not [row for row in world.store.outbox(watch.id) if isinstance(row.body, ProjectNote)]
    assert "abcdefghij" not in world.store.audited(watch_id=watch.id)[-1].detail
    with pytest.raises(InvalidInputError, match="has words"):
        world.engine.editing.note(watch.id, ANA, " \n ")


def test_a_snooze_that_a_wrong_clock_set_is_no_longer_than_a_week() -> None:
    """The clock stood in the next year when somebody said two hours."""
    world, watch = world_with_watch()
    world.tick()
    world.clock.step(365 * 86400.0)
    world.tick()
    world.engine.editing.snooze(watch.id, ANA, world.clock.now() + timedelta(hours=2))
    world.clock.step(-365 * 86400.0)
    world.tick()
    until = world.now(watch).snoozed_until
    assert until is not None
    assert until <= world.clock.now() + timedelta(days=7)
