"""What must not hang, repeat, pile up or go stale in weeks of work, with everything around it failing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainwatch_core.adapters.stores.memory import MemoryStore
from trainwatch_core.engine.carrying import FRESH_ENOUGH
from trainwatch_core.engine.world import Terms
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import Change, OutboxRow
from trainwatch_core.model.errors import DeliveryError, HostUnreachableError, NotAllowedError, StorageError
from trainwatch_core.model.message import Body, FinalSummary, Notice, Report, StopOutcome, StopQuestion
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import Execution, RequestState, StopPlan, StopRequest
from trainwatch_core.model.watch import Mode, Watch, WatchContext, WatchState
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld, loss_rows

DAYS = 86400.0


class FlakyStore(MemoryStore):
    """A store whose disk fills up when a test says so."""

    full = False
    unmarkable = False

    def commit(self, change: Change) -> Watch:
        """Commit, unless the disk is full."""
        if self.full:
            raise StorageError("database or disk is full")
        return super().commit(change)

    def delivered(self, row: OutboxRow) -> None:
        """Mark a message, unless the disk is full."""
        if self.full or self.unmarkable:
            raise StorageError("database or disk is full")
        super().delivered(row)


def asked(world: FakeWorld, **context: object) -> tuple[Watch, StopRequest]:
    """A watch whose stop is asked for."""
    watch = world.watch(**context)  # type: ignore[arg-type]  # as given
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    return world.now(watch), world.store.requests(watch_id=watch.id)[-1]


def stopper(world: FakeWorld) -> ScriptedStopper:
    """The world's stopper."""
    assert world.stopper is not None
    return world.stopper


def later(world: FakeWorld, ticks: int = 8) -> None:
    """A few ticks, with some time between them."""
    for _ in range(ticks):
        world.clock.advance(3)
        world.tick()


def wave(world: FakeWorld, count: int, mode: Mode = Mode.AUTO) -> list[Watch]:
    """Several watches, each with its own job and source, all of which go bad in the same round."""
    watches = []
    for number in range(count):
        run = RunRef(RunKind.WANDB, f"lab/vision/r{number}")
        world.sources = {**world.sources, str(run): ScriptedSource([loss_rows(20 * n, 20) for n in range(50)])}
        job = ScriptedStopper(identity=replace(JOB, facts={"pid": str(number)}))
        world.stoppers = {**world.stoppers, str(run): job}
        watches.append(world.watch(mode=mode, run=run))
    world.findings = BROKEN
    world.rounds(1, seconds=601)
    world.tick()
    return watches


def test_a_stop_that_fails_in_an_unforeseen_way_comes_to_an_outcome() -> None:
    """An OSError in the middle of the ladder: unknown, told loudly, and the watch goes on."""

    class Exhausted(ScriptedStopper):
        def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
            del plan, token, resume
            raise OSError(24, "Too many open files")

    world = FakeWorld()
    watch, request = asked(world)
    world.stopper = Exhausted()
    world.engine.stops.decide(request.id, ANA, approve=True)
    later(world)
    assert world.store.request(request.id).state is RequestState.UNKNOWN
    assert world.now(watch).state in {WatchState.ACTIVE, WatchState.STOP_PENDING}


def test_an_outcome_that_could_not_be_written_is_written_later_without_a_second_execution() -> None:
    """F-D01: the disk is full right after the kill; when there is room again, the proof is taken anew."""
    store = FlakyStore()
    world = FakeWorld(store=store)
    watch, request = asked(world)
    done = stopper(world).execute

    def execute(plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        store.full = token not in stopper(world).calls
        return done(plan, token, resume=resume)

    stopper(world).execute = execute  # type: ignore[method-assign]  # the disk fills up during the kill
    world.engine.stops.decide(request.id, ANA, approve=True)
    with pytest.raises(StorageError):
        world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.EXECUTING
    store.full = False
    world.clock.advance(11)
    world.tick()
    assert world.store.request(request.id).state is RequestState.STOPPED
    assert len(stopper(world).executions) == 1
    assert world.now(watch).state is WatchState.ENDED


def test_a_summary_that_cannot_be_written_does_not_cost_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flaw in the last words is a flaw in the last words."""

    def broken(*_: object) -> FinalSummary:
        raise ZeroDivisionError

    world = FakeWorld()
    watch, request = asked(world)
    monkeypatch.setattr("trainwatch_core.engine.closing.summarise", broken)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.drain()
    later(world, 1)
    assert world.now(watch).state is WatchState.ENDED
    assert len(world.notifier.of(FinalSummary)) == 1


def test_last_checks_that_break_end_the_request_and_say_so() -> None:
    """Approved is no state to hang in: a check that raises withdraws the stop, once, loudly."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.findings = None  # type: ignore[assignment]  # every check breaks now
    world.dispatcher.drain()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert world.now(watch).state is WatchState.ACTIVE
    assert stopper(world).executions == []


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_approval_goes_stale(by_hand: bool) -> None:  # noqa: FBT001  # both kinds
    """Three days between the decision and its worker: nothing runs."""
    world = FakeWorld()
    if by_hand:
        watch = world.watch()
        world.rounds(1)
        request = world.engine.watches.stop_by_hand(watch.id, ANA)
    else:
        watch, request = asked(world)
        world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.queue.clear()
    world.clock.advance(3 * DAYS)
    world.start()
    world.tick()
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []
    assert world.now(watch).state in {WatchState.ACTIVE, WatchState.STOP_PENDING}


def test_a_command_that_was_never_begun_is_checked_again_after_a_restart() -> None:
    """F-A14: died between `executing` and the command; meanwhile the run is well: nothing runs."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.queue.clear()
    executing = replace(world.store.request(request.id), state=RequestState.EXECUTING)
    world.store.commit(Change(world.now(watch), request=executing, request_was=frozenset({"approved"})))
    world.findings = HEALTHY
    world.start()
    later(world, 1)
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert stopper(world).executions == []


def died_in_the_middle(world: FakeWorld) -> StopRequest:
    """A request whose command was begun by a process that is gone."""
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.dispatcher.queue.clear()
    executing = replace(world.store.request(request.id), state=RequestState.EXECUTING)
    world.store.commit(Change(world.now(watch), request=executing, request_was=frozenset({"approved"})))
    stopper(world).executions.append((executing.plan, executing.id))
    return executing


@pytest.mark.parametrize("well", [False, True])
def test_a_stop_that_was_begun_goes_on_only_if_it_is_still_wanted(well: bool) -> None:  # noqa: FBT001  # both kinds
    """F-A14: harder rungs are for a run that is still bad; one that is well by now is only looked at."""
    world = FakeWorld()
    died_in_the_middle(world)
    world.findings = HEALTHY if well else BROKEN
    world.start()
    later(world, 1)
    assert stopper(world).resumable == [not well]


def test_while_nobody_can_tell_whether_it_was_begun_nothing_is_said() -> None:
    """F-S09: the host of the mark is away: asked again while the approval is fresh, then unknown."""

    class Away(ScriptedStopper):
        def begun(self, token: str) -> bool:
            raise HostUnreachableError("The host did not answer in time", where=token)

    world = FakeWorld()
    request = died_in_the_middle(world)
    world.stopper = Away()
    world.start()
    world.tick()
    assert world.store.request(request.id).state is RequestState.EXECUTING
    world.clock.advance(FRESH_ENOUGH + 1)
    world.tick()
    assert world.store.request(request.id).state is RequestState.UNKNOWN
    assert stopper(world).calls == []


def test_only_one_worker_of_all_processes_carries_a_stop_out() -> None:
    """While somebody holds the request, another finds nothing to do, neither to carry out nor to recover."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=True)
    world.held.add(f"stop-{request.id}")
    world.engine.carrying.carry_out(request.id)
    world.engine.carrying.recover(request.id)
    assert world.store.request(request.id).state is RequestState.APPROVED
    executing = replace(world.store.request(request.id), state=RequestState.EXECUTING)
    world.store.commit(Change(world.now(watch), request=executing, request_was=frozenset({"approved"})))
    world.engine.carrying.recover(request.id)
    assert world.store.request(request.id).state is RequestState.EXECUTING
    assert stopper(world).executions == []


def test_a_question_that_nobody_will_ever_see_ends_its_request() -> None:
    """F-T07: the channel is gone for good; the next STOP asks anew instead of waiting for ever."""

    class Deaf(type(FakeWorld().notifier)):  # type: ignore[misc]  # the fake's own class
        def deliver(self, key: str, body: Body, picture: bytes | None) -> object:
            if isinstance(body, StopQuestion):
                raise DeliveryError("channel_not_found", permanent=True)
            return super().deliver(key, body, picture)

    world = FakeWorld()
    world.notifier = Deaf(world.clock)
    world.start()
    watch, request = asked(world)
    assert world.store.request(request.id).state is RequestState.EXPIRED
    assert world.now(watch).state is WatchState.ACTIVE
    world.rounds(2)
    assert len(world.store.requests(watch_id=watch.id)) > 1


def test_a_question_that_was_not_delivered_in_time_is_asked_anew_on_fresh_numbers() -> None:
    """F-T02: the front end was down for hours; what arrives then is a fresh request, not the old one."""
    world = FakeWorld()
    world.notifier.fail_with = DeliveryError("no route")
    watch, request = asked(world)
    world.rounds(5)
    assert world.store.request(request.id).state is RequestState.EXPIRED
    world.notifier.fail_with = None
    world.clock.advance(1801)
    later(world, 3)
    questions = [body.request_id for body in world.notifier.of(StopQuestion) if isinstance(body, StopQuestion)]
    assert request.id not in questions
    pending = world.store.requests(watch_id=watch.id, states={RequestState.PENDING})
    assert questions[-1:] == [r.id for r in pending]


def test_the_budget_holds_for_a_wave_too() -> None:
    """P5: six watches go bad in one round, two automatic stops are allowed, four ask."""
    world = FakeWorld(terms=Terms(mass_stop=99))
    wave(world, 6)
    for _ in range(4):
        world.clock.advance(301)
        world.tick()
    assert sum(len(job.executions) for job in world.stoppers.values()) == 2


def test_a_wave_falls_back_to_asking_with_its_first_as_well() -> None:
    """P5: three or more at once point at us or at the data; nobody is stopped alone."""
    world = FakeWorld()
    watches = wave(world, 6)
    world.clock.advance(301)
    world.tick()
    assert not any(job.executions for job in world.stoppers.values())
    states = {r.state for w in watches for r in world.store.requests(watch_id=w.id)}
    assert states == {RequestState.PENDING}
    assert all(r.execute_after is None for w in watches for r in world.store.requests(watch_id=w.id))


def test_a_grace_longer_than_the_life_of_a_question_does_not_disarm_the_automatic() -> None:
    """What was announced does not expire: it acts."""
    world = FakeWorld(terms=Terms(auto_grace=5400.0, approval_ttl=3600.0))
    _, request = asked(world, mode=Mode.AUTO)
    world.clock.advance(5401)
    world.tick()
    assert world.store.request(request.id).state is RequestState.STOPPED


def test_after_a_restart_an_overdue_automatic_stop_is_announced_first() -> None:
    """Nobody could object while trainwatch was away: the grace begins anew."""
    world = FakeWorld()
    _, request = asked(world, mode=Mode.AUTO)
    world.clock.advance(3 * DAYS)
    world.start()
    world.engine.tick()
    assert world.store.request(request.id).state is RequestState.PENDING
    again = world.store.request(request.id).execute_after
    assert again is not None
    assert (again - world.clock.now()).total_seconds() == 300
    world.dispatcher.drain()
    assert any("I was away" in line for body in world.notifier.of(StopOutcome) for line in body.lines)


def test_a_message_that_was_sent_but_not_marked_is_not_sent_again() -> None:
    """The disk is full for a while: one report is one report, one note is one note."""
    store = FlakyStore()
    world = FakeWorld(store=store)
    world.watch()
    store.unmarkable = True
    later(world, 40)
    assert len(world.notifier.of(Report)) == 1
    store.unmarkable = False
    later(world, 3)
    assert len(world.notifier.of(Report)) == 1
    assert not [row for w in store.watches() for row in store.outbox(w.id) if row.state == "waiting"]


def test_a_message_that_breaks_the_front_end_is_given_up() -> None:
    """Whatever is wrong with it, those behind it are delivered, and it is not tried once a second for ever."""

    class Choking(type(FakeWorld().notifier)):  # type: ignore[misc]  # the fake's own class
        tried = 0

        def deliver(self, key: str, body: Body, picture: bytes | None) -> object:
            if key.endswith("round/1/report"):
                Choking.tried += 1
                raise RuntimeError("unforeseen")
            return super().deliver(key, body, picture)

    world = FakeWorld()
    world.notifier = Choking(world.clock)
    world.start()
    world.watch()
    world.rounds(3)
    numbers = [body.round_number for body in world.notifier.of(Report) if isinstance(body, Report)]
    world.rounds(3)
    numbers = [body.round_number for body in world.notifier.of(Report) if isinstance(body, Report)]
    assert 2 in numbers
    assert Choking.tried <= 6


def test_an_obstacle_is_alarmed_about_once_in_a_row_of_stops_and_stands_in_every_report() -> None:
    """Not each round, but again after the run was well in between."""
    world = FakeWorld(stopper=None)
    world.watch(launch="")

    def alarms() -> int:
        return sum(isinstance(body, Notice) and body.loud for body in world.notifier.of(Notice))

    world.findings = BROKEN
    world.rounds(5)
    assert alarms() == 1
    report = world.notifier.of(Report)[-1]
    assert isinstance(report, Report)
    assert any("cannot" in line for line in report.reason)
    world.findings = HEALTHY
    world.rounds(2)
    world.findings = BROKEN
    world.rounds(4)
    assert alarms() == 2


def test_a_stop_by_hand_answers_the_question_that_waits() -> None:
    """Break-glass works also while the terminal that was asked is out of reach."""
    world = FakeWorld()
    watch, request = asked(world)
    mine = world.engine.watches.stop_by_hand(watch.id, ANA)
    world.engine.carrying.carry_out(mine.id)
    assert world.store.request(request.id).state is RequestState.SUPERSEDED
    assert world.store.request(mine.id).state is RequestState.STOPPED
    assert len(stopper(world).executions) == 1


def test_moments_of_a_clock_that_was_wrong_are_forgotten() -> None:
    """A clock that was a year ahead mutes nobody for a year and blocks no message."""
    world = FakeWorld()
    watch, request = asked(world)
    world.engine.stops.decide(request.id, ANA, approve=False)
    world.notifier.fail_with = DeliveryError("no route")
    world.clock.step(365 * DAYS)
    later(world, 2)
    muted = replace(world.now(watch), muted_until=world.clock.now())
    world.store.commit(Change(muted))
    world.clock.step(-365 * DAYS)
    world.notifier.fail_with = None
    later(world, 2)
    until = world.now(watch).muted_until
    assert until is not None
    assert (until - world.clock.now()).total_seconds() <= 7200
    world.clock.advance(601)
    later(world, 1)
    assert not [row for row in world.store.outbox(watch.id) if row.state == "waiting"]


def test_the_life_of_a_question_runs_on_over_a_restart_on_the_monotonic_clock() -> None:
    """The wall clock was set back by a day while nobody was running: the question is over."""
    world = FakeWorld()
    _, request = asked(world)
    world.clock.step(-DAYS)
    world.start()
    later(world, 1)
    assert world.store.request(request.id).state is RequestState.EXPIRED


def test_pausing_in_the_middle_of_a_round_discards_it_and_resuming_looks_at_once() -> None:
    """No claim is left behind that would keep the watch waiting."""
    world = FakeWorld()
    watch = world.watch()
    world.engine.tick()
    world.engine.watches.pause(watch.id, ANA)
    world.dispatcher.drain()
    assert world.now(watch).round_count == 0
    world.engine.watches.resume(watch.id, ANA)
    world.tick()
    assert world.now(watch).round_count == 1


def test_one_request_that_breaks_the_sweep_starves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are moved on, and messages are handed out."""
    world = FakeWorld()
    _, first = asked(world)
    sweep = world.engine.stops.sweep

    def breaking(request: StopRequest) -> None:
        if request.id == first.id:
            raise RuntimeError
        sweep(request)

    monkeypatch.setattr(world.engine.stops, "sweep", breaking)
    run = RunRef(RunKind.WANDB, "lab/vision/r2")
    world.sources = {str(run): ScriptedSource([loss_rows(20 * n, 20) for n in range(50)])}
    _, second = asked(world, run=run)
    world.clock.advance(7200)
    later(world, 2)
    assert world.store.request(second.id).state is RequestState.EXPIRED


@pytest.mark.parametrize(
    "context",
    [{"mode": Mode.AUTO}, {"launch": "pid:7"}, {"stop_command": "kill 7"}, {"log_argv": ("cat", "/etc/passwd")}],
)
def test_rights_are_needed_for_what_differs_from_the_operators_file(context: dict[str, object]) -> None:
    """P1: a watcher may not switch to automatic, and nobody types commands in chat unless the file allows it."""
    world = FakeWorld()
    world.rules = replace(world.rules, team="T1", watchers=frozenset({"U1"}))
    world.start()
    watcher = Actor(ActorKind.SLACK, "U1", "T1")
    base = WatchContext(launch="pid:4211")
    wanted = replace(base, **context)  # type: ignore[arg-type]  # as given
    from trainwatch_core.engine.watches import Registration  # noqa: PLC0415  # only here
    from trainwatch_core.model.watch import Policy  # noqa: PLC0415  # only here
    from trainwatch_core.testing.worlds import RUN  # noqa: PLC0415  # only here

    world.engine.watches.register(Registration(RUN, watcher, "C1", wanted, Policy(), wanted))
    wish = Registration(RUN, watcher, "C1", wanted, Policy(), base)
    if "launch" in context:
        world.engine.watches.register(wish)
    else:
        with pytest.raises(NotAllowedError):
            world.engine.watches.register(wish)


def test_the_system_never_decides_on_a_watch_that_asks() -> None:
    """However it comes about that a request has a timer."""
    world = FakeWorld()
    watch, request = asked(world)
    timed = replace(request, execute_after=world.clock.now(), expires_at=None)
    world.store.commit(Change(world.now(watch), request=timed, request_was=frozenset({"pending"})))
    later(world, 2)
    assert stopper(world).executions == []
    assert world.store.request(request.id).decided_by in {None, SYSTEM}
