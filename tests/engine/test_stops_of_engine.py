"""The stop protocol on fakes: approved once, checked again, carried out once, proven."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from trainwatch_core.engine.world import Terms
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.errors import (
    ConflictError,
    JobNotFoundError,
    NotAllowedError,
    StopRefusedError,
    StorageError,
)
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.message import FinalSummary, Notice, Report, StopOutcome, StopQuestion
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.stop import JobState, RequestState, StopRequest
from trainwatch_core.model.watch import Mode, Watch, WatchState
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld, finding, loss_rows, unreachable


def asked(world: FakeWorld, **context: object) -> tuple[Watch, StopRequest]:
    """A watch whose run has gone bad for long enough that a stop is asked for."""
    watch = world.watch(**context)  # type: ignore[arg-type]  # as given
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    requests = world.store.requests(watch_id=watch.id)
    assert len(requests) == 1
    return world.now(watch), requests[0]


def stopper(world: FakeWorld) -> ScriptedStopper:
    """The world's stopper."""
    assert world.stopper is not None
    return world.stopper


def last_outcome(world: FakeWorld) -> StopOutcome:
    """The newest outcome that was told."""
    outcome = world.notifier.of(StopOutcome)[-1]
    assert isinstance(outcome, StopOutcome)
    return outcome


def test_a_stop_is_asked_for_with_command_job_and_evidence() -> None:
    """Ana sees exactly what would be done before she decides, and nothing is done yet."""
    world = FakeWorld()
    watch, request = asked(world)
    assert watch.state is WatchState.STOP_PENDING
    question = world.notifier.of(StopQuestion)[-1]
    assert isinstance(question, StopQuestion)
    assert question.plan == request.plan
    assert question.plan.identity == JOB
    assert request.evidence
    assert {"report.md", "verdict.json", "metrics.csv", "log_tail.txt", "run.json"} <= set(
        world.locker.kept[request.evidence.removeprefix("memory:")]
    )
    assert stopper(world).executions == []


def test_an_approved_stop_is_carried_out_proven_and_ends_the_watch() -> None:
    """From the click to the FINAL_SUMMARY."""
    world = FakeWorld()
    watch, request = asked(world, notes_path="/n.md")
    world.engine.stops.decide(request.id, ANA, approve=True)
    assert world.now(watch).state is WatchState.STOPPING
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert world.now(watch).state is WatchState.ENDED
    assert len(stopper(world).executions) == 1
    summary = world.notifier.of(FinalSummary)[-1]
    assert isinstance(summary, FinalSummary)
    assert ("Decided by", "local:ana") in summary.lines
    assert "resnet50" in world.notebook.notes["/n.md"]


def test_a_declined_stop_is_not_asked_again_for_a_while() -> None:
    """Keep running is the safe side: nothing runs, and the report says what holds the stop back."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=False)
    world.rounds(2)
    assert world.now(watch).state is WatchState.ACTIVE
    assert len(world.store.requests()) == 1
    report = world.notifier.of(Report)[-1]
    assert isinstance(report, Report)
    assert any("keep it running" in line for line in report.reason)
    world.rounds(4)
    assert len(world.store.requests()) == 2


def test_the_second_decision_is_told_who_was_first() -> None:
    """F-A07 F-A08: one decision, one execution, the later one is told."""
    world = FakeWorld()
    _, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    for approve in (True, False):
        with pytest.raises(ConflictError, match="already approved by ana"):
            world.engine.stops.decide(request.id, ANA, approve=approve)
    world.dispatcher.drain()
    assert len(stopper(world).executions) == 1


@pytest.mark.parametrize(
    "actor",
    [Actor(ActorKind.LOCAL, "mallory"), Actor(ActorKind.SLACK, "U1", "T1"), Actor(ActorKind.SLACK, "ana"), SYSTEM],
)
def test_who_may_not_is_refused_and_audited(actor: Actor) -> None:
    """F-A01 F-A02: nobody else, not even trainwatch itself on a watch that asks."""
    world = FakeWorld()
    watch, request = asked(world)
    with pytest.raises(NotAllowedError):
        world.engine.stops.decide(request.id, actor, approve=True)
    assert world.store.request(request.id).state is RequestState.PENDING
    refused = [row for row in world.store.audited(watch_id=watch.id) if not row.allowed]
    assert [row.actor for row in refused] == [actor]


@pytest.mark.parametrize("step", [0.0, -7200.0, 90000.0])
def test_an_approval_that_comes_too_late_is_refused(step: float) -> None:
    """F-A09 F-C01: expired is expired, whichever way the wall clock was set meanwhile."""
    world = FakeWorld()
    watch, request = asked(world)
    # No tick comes in between: only the clocks move.
    world.clock.advance(3601)
    world.clock.step(step)
    with pytest.raises(ConflictError, match="expired"):
        world.engine.stops.decide(request.id, ANA, approve=True)
    assert world.store.request(request.id).state is RequestState.EXPIRED
    assert world.now(watch).state is WatchState.ACTIVE
    assert stopper(world).executions == []


def test_a_request_that_nobody_answers_expires_by_itself() -> None:
    """The watch goes on and may ask again."""
    world = FakeWorld()
    _, request = asked(world)
    world.rounds(4)
    assert world.store.request(request.id).state is RequestState.EXPIRED


def test_a_recovered_run_withdraws_its_request() -> None:
    """F-A10: the next look sees health; an approval comes too late."""
    world = FakeWorld()
    watch, request = asked(world)
    world.findings = HEALTHY
    world.clock.advance(1801)
    world.tick()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert world.now(watch).state is WatchState.ACTIVE
    with pytest.raises(ConflictError, match="superseded"):
        world.engine.stops.decide(request.id, ANA, approve=True)


def test_a_blind_round_does_not_withdraw_a_request() -> None:
    """Not seeing is not recovering."""
    world = FakeWorld()
    _, request = asked(world)
    world.source = ScriptedSource([unreachable()] * 9, key="wandb")
    world.clock.advance(1801)
    world.tick()
    assert world.store.request(request.id).state is RequestState.PENDING


def test_a_run_that_recovers_between_click_and_command_is_not_stopped() -> None:
    """P4.5: the last look before the command."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.findings = HEALTHY
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []
    assert world.now(watch).state is WatchState.ACTIVE
    assert last_outcome(world).loud


def test_another_job_under_the_same_name_is_never_stopped() -> None:
    """F-A11 F-S05: the process id is the same, the process is not."""
    world = FakeWorld()
    watch, request = asked(world)
    stopper(world).identity = replace(JOB, facts={**JOB.facts, "start": "999999"})
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []
    assert "another one" in last_outcome(world).lines[0]
    assert world.now(watch).state is WatchState.ACTIVE


def test_a_plan_that_changed_after_it_was_shown_is_not_carried_out() -> None:
    """F-A12: what runs is what was approved."""
    world = FakeWorld()
    _, request = asked(world)

    class Longer(ScriptedStopper):
        def plan(self, _identity: object) -> object:  # type: ignore[override]  # changed on purpose
            plan = super().plan(JOB)
            return replace(plan, steps=(replace(plan.steps[0], wait=999.0), *plan.steps[1:]))

    world.stopper = Longer()
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []
    assert "not what was shown" in last_outcome(world).lines[0]


def test_a_job_that_ended_before_the_command_is_told_as_ended() -> None:
    """F-S12: nothing is sent to a job that is gone."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    stopper(world).identify_error = JobNotFoundError("There is no such process", where="pid:4211")
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.ALREADY_ENDED
    assert stopper(world).executions == []
    assert world.now(watch).state is WatchState.ENDED


@pytest.mark.parametrize(
    ("after", "state"), [(JobState.ALIVE, RequestState.FAILED), (JobState.UNKNOWN, RequestState.UNKNOWN)]
)
def test_only_a_probe_says_stopped(after: JobState, state: RequestState) -> None:
    """F-S01: the command succeeded, the job lives: that is said loudly, and the watch goes on."""
    world = FakeWorld(stopper=ScriptedStopper(after=after, survivors=("pid 4212 python",)))
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.drain()
    assert world.store.request(request.id).state is state
    assert world.now(watch).state is WatchState.ACTIVE
    assert last_outcome(world).loud
    assert not world.notifier.of(FinalSummary)


def test_no_stop_is_asked_for_without_evidence() -> None:
    """F-D02: it says why, and asks as soon as evidence can be kept."""
    world = FakeWorld()
    world.locker.fail_with = StorageError("No space left on device", where="/evidence")
    watch = world.watch()
    world.findings = BROKEN
    world.rounds(3)
    assert not world.store.requests()
    assert world.now(watch).state is WatchState.ACTIVE
    notices = [body.text for body in world.notifier.of(Notice) if isinstance(body, Notice)]
    assert sum("do not without evidence" in text for text in notices) == 1
    world.locker.fail_with = None
    world.rounds(1)
    assert len(world.store.requests(watch_id=watch.id)) == 1


def test_a_watch_that_cannot_be_stopped_says_so() -> None:
    """Nobody told how: the STOP is told, no button leads nowhere."""
    world = FakeWorld(stopper=None)
    watch = world.watch(launch="")
    world.findings = BROKEN
    world.rounds(3)
    assert not world.store.requests()
    assert world.now(watch).state is WatchState.ACTIVE
    notices = [body for body in world.notifier.of(Notice) if isinstance(body, Notice)]
    assert len(notices) == 1
    assert notices[0].loud
    assert f"trainwatch edit {watch.id} --launch tmux:gpu1/exp7" in notices[0].text


def test_who_tells_then_how_it_was_launched_is_asked_at_once() -> None:
    """With what the run says of itself in the sentence; no half hour is lost."""
    world = FakeWorld(stopper=None)
    world.guess = lambda _watch, _info: "slurm:4211"
    world.start()
    watch = world.watch(launch="")
    world.findings = BROKEN
    world.rounds(2)
    (notice,) = [body for body in world.notifier.of(Notice) if isinstance(body, Notice)]
    assert "seems to be slurm:4211" in notice.text
    world.tick()  # the look that was due
    world.clock.advance(1)
    world.stopper = ScriptedStopper()
    world.engine.editing.edit(watch.id, ANA, lambda known: replace(known, launch="slurm:4211"))
    world.tick()
    assert [request.state for request in world.store.requests()] == [RequestState.PENDING]


def test_who_tells_it_of_a_run_that_goes_well_waits_for_the_next_look() -> None:
    """Nothing is urgent then."""
    world = FakeWorld(stopper=None)
    world.start()
    watch = world.watch(launch="")
    world.rounds(1)
    world.tick()  # the look that was due
    due = world.now(watch).next_round_at
    world.stopper = ScriptedStopper()
    edited = world.engine.editing.edit(watch.id, ANA, lambda known: replace(known, launch="slurm:4211"))
    assert edited.next_round_at == due


def test_a_run_that_ends_while_a_request_waits_needs_no_stop() -> None:
    """STOP_PENDING, then the run ends by itself."""
    world = FakeWorld()
    watch, request = asked(world)
    world.source.info = RunInfo(state=RunState.FINISHED)
    world.stopper = ScriptedStopper(states=(JobState.GONE,))
    world.clock.advance(1801)
    world.tick()
    assert world.store.request(request.id).state is RequestState.ALREADY_ENDED
    assert world.now(watch).state is WatchState.ENDED


def test_automatic_mode_acts_after_its_grace_without_anybody() -> None:
    """P5: announced, waited, done, proven."""
    world = FakeWorld()
    _, request = asked(world, mode=Mode.AUTO)
    assert request.execute_after is not None
    assert stopper(world).executions == []
    world.clock.advance(301)
    world.tick()
    done = world.store.request(request.id)
    assert (done.state, done.decided_by) == (RequestState.STOPPED, SYSTEM)
    assert len(stopper(world).executions) == 1


def test_keep_running_stops_the_automatic() -> None:
    """One word within the grace is enough."""
    world = FakeWorld()
    _, request = asked(world, mode=Mode.AUTO)
    world.engine.stops.decide(request.id, ANA, approve=False)
    world.clock.advance(400)
    world.tick()
    assert world.store.request(request.id).state is RequestState.DECLINED
    assert stopper(world).executions == []


def test_automatic_mode_acts_though_nobody_can_be_told() -> None:
    """F-T03: whoever switched it on wanted the night covered."""
    from trainwatch_core.model.errors import DeliveryError  # noqa: PLC0415  # only here

    world = FakeWorld()
    world.notifier.fail_with = DeliveryError("no route")
    _, request = asked(world, mode=Mode.AUTO)
    world.clock.advance(301)
    world.tick()
    assert world.store.request(request.id).state is RequestState.STOPPED


def test_automatic_mode_waits_while_the_numbers_cannot_be_read_again() -> None:
    """Any doubt falls back: unreachable right before the command means no command."""
    world = FakeWorld()
    watch, request = asked(world, mode=Mode.AUTO)
    world.source = ScriptedSource([unreachable()] * 9, key="wandb")
    world.clock.advance(301)
    world.tick()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []
    assert world.now(watch).state is WatchState.ACTIVE


def test_a_stepped_clock_makes_the_automatic_ask() -> None:
    """P5: a clock step is doubt."""
    world = FakeWorld()
    _, request = asked(world, mode=Mode.AUTO)
    world.clock.step(86400)
    world.tick()
    assert stopper(world).executions == []
    after = world.store.request(request.id)
    assert after.execute_after is None or after.state is RequestState.EXPIRED


def test_the_budget_of_automatic_stops_holds() -> None:
    """The third automatic stop of an hour asks a person."""
    world = FakeWorld(terms=Terms(mass_stop=99))
    requests = []
    for number in range(3):
        world.stopper = ScriptedStopper(identity=replace(JOB, facts={"pid": str(number + 10)}))
        run = RunRef(RunKind.WANDB, f"lab/vision/r{number}")
        world.sources = {**world.sources, str(run): ScriptedSource([loss_rows(20 * n, 20) for n in range(50)])}
        watch = world.watch(mode=Mode.AUTO, run=run)
        world.findings = BROKEN
        world.rounds(2, seconds=601)
        world.rounds(1, seconds=1)
        requests.append(world.store.requests(watch_id=watch.id)[0])
        world.rounds(1, seconds=301)
        world.tick()
    states = [world.store.request(r.id).state for r in requests]
    assert states[:2] == [RequestState.STOPPED, RequestState.STOPPED]
    assert requests[2].execute_after is None


def test_a_stop_that_was_cut_off_is_probed_not_repeated() -> None:
    """P4.8: found executing after a restart; the token makes the command harmless."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    executing = replace(world.store.request(request.id), state=RequestState.EXECUTING)
    stopper(world).execute(request.plan, request.id)  # the command ran; then the process died
    from trainwatch_core.model.change import Change  # noqa: PLC0415  # only here

    world.store.commit(Change(world.now(watch), request=executing, request_was=frozenset({"approved"})))
    world.dispatcher.queue.clear()
    world.start()
    world.tick()
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert len(stopper(world).executions) == 1
    assert "after restart" in last_outcome(world).lines[0]


def test_a_stop_by_hand_needs_no_verdict_but_the_same_identity() -> None:
    """Break-glass: Ana stops a healthy run of hers from the terminal."""
    world = FakeWorld()
    watch = world.watch()
    world.rounds(1)
    stopper(world).identity = replace(JOB, facts={"pid": "4211", "start": "1"})
    with pytest.raises(StopRefusedError, match="another one"):
        world.engine.watches.stop_by_hand(watch.id, ANA)
    stopper(world).identity = JOB
    request = world.engine.watches.stop_by_hand(watch.id, ANA)
    world.engine.carrying.carry_out(request.id)
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert world.now(watch).state is WatchState.ENDED


def test_executions_never_exceed_approvals() -> None:
    """The invariant of the whole catalogue, over every order of approve, decline, rounds and restarts."""
    moves = ("approve", "decline", "round", "restart", "recover")
    for order in itertools.permutations(moves, 3):
        world = FakeWorld()
        watch, request = asked(world)
        approvals = 0
        for move in order:
            if move in {"approve", "decline"}:
                try:
                    world.engine.stops.decide(request.id, ANA, approve=move == "approve")
                    approvals += move == "approve"
                except ConflictError:
                    pass
            elif move == "round":
                world.tick()
            elif move == "restart":
                world.start()
            else:
                world.findings = HEALTHY
                world.rounds(1)
        world.dispatcher.drain()
        assert len(stopper(world).executions) <= approvals, order
        assert world.now(watch).state in set(WatchState)


def test_soft_findings_need_more_patience_than_hard_ones() -> None:
    """Two looks are enough for NaN; a trend that they see must also have lasted for twenty samples."""
    asked = {}
    for weight in (Weight.HARD, Weight.SOFT):
        world = FakeWorld()
        watch = world.watch()
        world.findings = (finding(Decision.STOP, weight, step=33.0),)
        world.rounds(2)
        after_two = len(world.store.requests(watch_id=watch.id))
        world.rounds(1)
        asked[weight] = (after_two, len(world.store.requests(watch_id=watch.id)))
    assert asked == {Weight.HARD: (1, 1), Weight.SOFT: (0, 1)}


def test_a_stop_that_cannot_be_asked_for_is_alarmed_about_once_however_long_it_lasts() -> None:
    """The reports repeat the obstacle; the alarm comes once for a row of STOP verdicts, also after sixty rounds."""
    world = FakeWorld(stopper=None)
    world.watch(launch="")
    world.findings = BROKEN
    world.rounds(130)
    alarms = [body for body in world.notifier.of(Notice) if isinstance(body, Notice) and body.loud]
    assert len(alarms) == 1
