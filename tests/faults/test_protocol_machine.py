"""The stop protocol under everything at once: people, clocks, crashes, edits of the file, jobs and runs that change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trainwatch_core.decision.authority import Rules, Verb, authorize
from trainwatch_core.engine.world import Terms
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.errors import ConflictError, DeliveryError, TrainwatchError
from trainwatch_core.model.stop import Execution, JobIdentity, JobState, RequestState, StopPlan, StopRequest
from trainwatch_core.model.watch import Mode, Watch, WatchState
from trainwatch_core.testing.fakes import InlineDispatcher, ScriptedSource
from trainwatch_core.testing.stoppers import JOB, ScriptedStopper
from trainwatch_core.testing.worlds import ANA, BROKEN, HEALTHY, FakeWorld, unreachable

TEAM = "T0HOME"
BO, CY, EVE = (Actor(ActorKind.SLACK, f"U0{name}", TEAM) for name in ("BO", "CY", "EVE"))
ALIEN = replace(BO, team="T0EVIL")
PEOPLE = st.sampled_from([ANA, BO, CY, EVE, ALIEN])
TTL, FRESH = 3600.0, 900.0
HOUR = timedelta(hours=1)
POINTS = (
    *("round.claimed", "round.looked", "round.committed", "publish.sent", "publish.marked"),
    *("decision.authorised", "decision.committed", "stop.before_executing", "stop.executing", "stop.executed"),
)
BEFORE = ("nothing", "nothing", "nothing", "asleep")
"""What can happen between a question and its answers."""
MEANWHILE = ("nothing", "nothing", "roles", "roles", "people", "ladder", "job", "well", "late")
"""What can happen between an approval and its command."""
EXAMPLES = int(os.environ.get("TRAINWATCH_PROTOCOLS", "150"))


class Crash(BaseException):
    """The process dies here."""


class Witness(ScriptedStopper):
    """A stopper that looks at the world at the very moment of the command."""

    def __init__(self, look: Callable[[StopPlan, str], None]) -> None:
        super().__init__()
        self.wait = 30.0
        self.after = JobState.GONE
        self._look = look

    def plan(self, identity: JobIdentity | None) -> StopPlan:
        """The ladder as the file says now."""
        plan = super().plan(identity)
        return replace(plan, steps=tuple(replace(step, wait=self.wait) for step in plan.steps))

    def execute(self, plan: StopPlan, token: str, *, resume: bool = True) -> Execution:
        """Note what was done, and what was true then."""
        before = len(self.executions)
        self._after = self.after
        done = super().execute(plan, token, resume=resume)
        if len(self.executions) > before:
            self._look(plan, token)
        return done


class Protocol(RuleBasedStateMachine):
    """Whatever happens in whatever order, a job is stopped once, by those who may, with proof, or not at all."""

    @initialize(people=st.sampled_from([1, 2]), mode=st.sampled_from([Mode.ASK, Mode.ASK, Mode.ASK, Mode.AUTO]))
    def begin(self, people: int, mode: Mode) -> None:
        """A watch of Ana's; Bo and Cy may approve."""
        self.rules_now = Rules(local_user="ana", team=TEAM, approvers=frozenset({"U0BO", "U0CY"}))
        self.crash_at = ""
        self.pid = 4211
        self.final: dict[str, RequestState] = {}
        self.shown: dict[str, float] = {}
        self.record: tuple[AuditRow, ...] = ()
        self.tokens: list[str] = []
        self.wrongs: list[AssertionError] = []
        self.world = FakeWorld(rules=self.rules_now, terms=Terms(approvals=people, auto_per_hour=9, auto_per_day=99))
        self.world.reach = self._reach
        self.healthy_source = self.world.source
        self._new_job(mode)

    # What people do.

    @rule(who=PEOPLE, approve=st.booleans())
    def decide(self, who: Actor, *, approve: bool) -> None:
        """Somebody answers the newest question, whether it is open or not, and whether they may or not."""
        requests = self.world.store.requests()
        if requests:
            self._answer(requests[-1], who, approve=approve)

    @rule(
        before=st.sampled_from(BEFORE),
        people=st.sampled_from([1, 2]),
        voters=st.sampled_from([(BO, CY), (BO, CY), (BO, BO), (BO,)]),
        point=st.sampled_from(["", "", *POINTS[5:]]),
        what=st.sampled_from(MEANWHILE),
    )
    def agree(self, before: str, people: int, voters: tuple[Actor, ...], point: str, what: str) -> None:
        """Some approve; before the command, or after the process died on the way, something else happens."""
        if self.watch.state in {WatchState.ACTIVE, WatchState.ENDED}:
            self.edit_roles({"U0BO", "U0CY"}, people)
            if self.watch.state is WatchState.ENDED:
                self._new_job(Mode.ASK)
            else:
                self.go_bad()
        if self.watch.state is not WatchState.STOP_PENDING:
            return
        asked = self.world.store.requests(states={RequestState.PENDING})[-1]
        if before == "asleep":
            self.sleep(TTL + 1.0)
        self.crash_at = point
        for who in voters:
            self._answer(asked, who, approve=True, work=bool(point))
        self._meanwhile(what)
        self.go_on(0.0)

    def _answer(
        self, asked: StopRequest, who: Actor, *, approve: bool, put_off: bool = False, work: bool = True
    ) -> None:
        """One click. It counts only of those who may, and only in time."""
        verb = Verb.APPROVE if approve else Verb.DECLINE
        allowed = authorize(who, verb, self.world.store.watch(asked.watch_id), self.world.rules) is None
        stops = self.world.engine.stops
        done = self._living(lambda: stops.decide(asked.id, who, approve=approve, put_off=put_off), work=work)
        assert allowed or not done
        if done and approve and asked.execute_after is None and asked.id in self.shown:
            assert self.world.clock.monotonic() - self.shown[asked.id] < TTL, "approved after it had expired"

    def _meanwhile(self, what: str) -> None:
        rules, people = self.world.rules, self.world.terms.approvals
        match what:
            case "roles":
                self.edit_roles(set(rules.approvers) - {"U0BO"}, people)
            case "people":
                self.edit_roles(set(rules.approvers), 3 - people)
            case "ladder":
                self.edit_ladder(wait=90.0 - self.stopper.wait)
            case "job":
                self.restart_job()
            case "well":
                self.turn(broken=False)
            case "late":
                self.world.clock.advance(FRESH + 100.0)

    @precondition(lambda self: self.watch.state is WatchState.ACTIVE)
    @rule()
    def go_bad(self) -> None:
        """The run goes bad for long enough that a stop is asked for, if it can be."""
        self.turn(broken=True)
        self.see(seen=True)
        self.hear(heard=True)
        for _ in range(3):
            self.go_on(601.0)

    @rule(who=PEOPLE)
    def stop_by_hand(self, who: Actor) -> None:
        """Somebody breaks the glass."""
        done = self._living(lambda: self.world.engine.watches.stop_by_hand(self.watch.id, who))
        assert not done or authorize(who, Verb.APPROVE, self.watch, self.world.rules) is None

    @rule(mode=st.sampled_from(Mode), who=PEOPLE)
    def switch(self, mode: Mode, who: Actor) -> None:
        """Somebody switches automatic mode."""
        self._living(lambda: self.world.engine.switching.switch(self.watch.id, who, mode))

    @rule(what=st.sampled_from(["pause", "resume", "end", "check_now", "snooze", "wake"]), who=PEOPLE)
    def quiet(self, what: str, who: Actor) -> None:
        """Somebody wants less of the watch, or more."""
        watches, editing, until = self.world.engine.watches, self.world.engine.editing, self.world.clock.now() + HOUR
        acts: dict[str, Callable[[], object]] = {
            "pause": lambda: watches.pause(self.watch.id, who),
            "resume": lambda: watches.resume(self.watch.id, who),
            "end": lambda: watches.end(self.watch.id, who),
            "check_now": lambda: watches.check_now(self.watch.id),
            "snooze": lambda: editing.snooze(self.watch.id, who, until),
            "wake": lambda: editing.snooze(self.watch.id, who, None),
        }
        self._living(acts[what])

    @rule(who=PEOPLE)
    def put_off(self, who: Actor) -> None:
        """Somebody wants to be asked again later."""
        requests = self.world.store.requests()
        if requests:
            self._answer(requests[-1], who, approve=False, put_off=True)

    # What the world does.

    @rule(seconds=st.sampled_from([0.0, 5.0, 61.0, 301.0, 601.0, 1801.0, 3601.0]))
    def go_on(self, seconds: float) -> None:
        """Time goes by, and work is done."""
        self.world.clock.advance(seconds)
        self._living(self.world.tick)

    @rule(seconds=st.sampled_from([301.0, 1801.0, 3601.0]))
    def sleep(self, seconds: float) -> None:
        """The machine is suspended: time goes by, and nobody works."""
        self.world.clock.advance(seconds)

    @rule(stubborn=st.booleans())
    def harden(self, *, stubborn: bool) -> None:
        """The job ignores what is sent to it, or does not."""
        self.stopper.after = JobState.ALIVE if stubborn else JobState.GONE

    @rule(seconds=st.sampled_from([-86400.0, -3600.0, -61.0, 61.0, 3600.0, 86400.0]))
    def set_clock(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.world.clock.step(seconds)

    @rule(broken=st.booleans())
    def turn(self, *, broken: bool) -> None:
        """The run goes bad, or well."""
        self.world.findings = BROKEN if broken else HEALTHY

    @rule(seen=st.booleans())
    def see(self, *, seen: bool) -> None:
        """The numbers can be read, or not."""
        self.world.source = self.healthy_source if seen else ScriptedSource([unreachable()] * 99)

    @rule()
    def restart_job(self) -> None:
        """The job is another one under the same name."""
        self.pid += 1
        self.stopper.identity = replace(JOB, facts={**JOB.facts, "start": str(self.pid)})

    @rule(heard=st.booleans())
    def hear(self, *, heard: bool) -> None:
        """Slack can be reached, or not."""
        self.world.notifier.fail_with = None if heard else DeliveryError("no route")

    # What happens to trainwatch.

    @rule(point=st.sampled_from(POINTS))
    def die_at(self, point: str) -> None:
        """The next time that this point is reached, the process dies."""
        self.crash_at = point

    @rule()
    def restart(self) -> None:
        """The service is restarted."""
        self._restart()

    @rule(approvers=st.sets(st.sampled_from(["U0BO", "U0CY", "U0EVE"])), people=st.sampled_from([1, 2]))
    def edit_roles(self, approvers: set[str], people: int) -> None:
        """The operator changes who may approve and how many must, and restarts."""
        self.world.rules = replace(self.world.rules, approvers=frozenset(approvers))
        self.world.terms = replace(self.world.terms, approvals=people)
        self._restart()

    @rule(wait=st.sampled_from([30.0, 60.0]))
    def edit_ladder(self, wait: float) -> None:
        """The operator changes how jobs are stopped, and restarts."""
        self.stopper.wait = wait
        self._restart()

    @precondition(lambda self: self.watch.state is WatchState.ENDED)
    @rule(mode=st.sampled_from(Mode))
    def next_run(self, mode: Mode) -> None:
        """The watch is over; another run begins."""
        self._new_job(mode)

    # What must hold.

    @invariant()
    def every_command_was_right(self) -> None:
        """The one that was approved, by enough of those who may, for the job that was shown, not too late."""
        if self.wrongs:
            raise self.wrongs[0]

    @invariant()
    def final_states_stay(self) -> None:
        """And "stopped" is said only with the job gone."""
        for request in self.world.store.requests():
            assert self.final.get(request.id, request.state) is request.state
            if request.state.final:
                self.final[request.id] = request.state
            if request.state is RequestState.STOPPED:
                assert request.execution is not None
                assert request.execution.probe.state in {JobState.GONE, JobState.REPLACED}

    @invariant()
    def watch_and_request_agree(self) -> None:
        """A watch that asks has one question open, one that stops has one stop under way, no other has any."""
        for watch in self.world.store.watches(ended=True):
            mine = [r.state for r in self.world.store.requests(watch_id=watch.id) if not r.state.final]
            if watch.state is WatchState.STOP_PENDING:
                assert mine == [RequestState.PENDING]
            elif watch.state is WatchState.STOPPING:
                assert mine in ([RequestState.APPROVED], [RequestState.EXECUTING])
            else:
                assert mine == []

    @invariant()
    def the_audit_only_grows(self) -> None:
        """What is on record stays on record, in its order."""
        rows = tuple(self.world.store.audited())
        assert rows[: len(self.record)] == self.record
        self.record = rows

    def teardown(self) -> None:
        """Left in peace, every request comes to an end: none hangs between approval and outcome."""
        if not hasattr(self, "world"):
            return
        self.crash_at = ""
        self.world.notifier.fail_with = None
        self._restart()
        for _ in range(6):
            self.world.clock.advance(1801)
            self._living(self.world.tick)
        states = {request.state for request in self.world.store.requests()}
        assert not states & {RequestState.APPROVED, RequestState.EXECUTING}
        self.every_command_was_right()
        self.final_states_stay()
        self.watch_and_request_agree()

    # How it is done.

    @property
    def watch(self) -> Watch:
        """The newest watch, as its row says."""
        return self.world.store.watch(self.watch_id)

    def _new_job(self, mode: Mode) -> None:
        self.stopper = Witness(self._testify)
        self.world.stopper = self.stopper
        self.world.findings = HEALTHY
        self.world.source = self.healthy_source
        self.watch_id = self.world.watch(mode=mode).id
        self.go_bad()

    def _testify(self, plan: StopPlan, token: str) -> None:
        """Keep what was wrong: the engine turns whatever a stopper raises into an outcome."""
        try:
            self._witness(plan, token)
        except AssertionError as error:
            self.wrongs.append(error)

    def _witness(self, plan: StopPlan, token: str) -> None:
        """What must be true at the moment of a command."""
        request = self.world.store.request(token)
        assert token not in self.tokens, "carried out twice"
        self.tokens.append(token)
        assert request.state is RequestState.EXECUTING
        assert plan == request.plan
        assert all(step.wait == self.stopper.wait for step in plan.steps), "not what the file says now"
        assert plan.identity is not None
        assert plan.identity == self.stopper.identity, "another job"
        self._was_allowed(request)
        decided = request.decided_at or request.created_at
        assert abs((self.world.clock.now() - decided).total_seconds()) <= FRESH, "decided too long ago"
        if request.round_number:
            assert self.world.findings is BROKEN or self.world.source is not self.healthy_source, "it was well again"

    def _was_allowed(self, request: StopRequest) -> None:
        watch, rules = self.world.store.watch(request.watch_id), self.world.rules
        rows = [row for row in self.world.store.audited() if row.request_id == request.id and row.allowed]
        people = {row.actor for row in rows if row.verb in {"approve", "stop"}}
        assert people
        assert all(authorize(who, Verb.APPROVE, watch, rules) is None for who in people), "not allowed any more"
        if people != {SYSTEM} and request.round_number:
            assert len(people) >= self.world.terms.approvals
        else:
            assert watch.context.mode is Mode.AUTO or not request.round_number

    def _living(self, act: Callable[[], object], *, work: bool = True) -> bool:
        """Do something, and the work that follows; whether it was done. A crash on the way ends in a restart."""
        try:
            with contextlib.suppress(ConflictError):
                act()
                self._note_questions()
                if work:
                    self.world.dispatcher.drain()
                return True
        except TrainwatchError:
            return False
        except Crash:
            self._restart()
        finally:
            self._note_questions()
        return False

    def _note_questions(self) -> None:
        for request in self.world.store.requests(states={RequestState.PENDING}):
            if request.expires_at is not None and request.execute_after is None:
                self.shown.setdefault(request.id, self.world.clock.monotonic())

    def _restart(self) -> None:
        self.crash_at = ""
        # Monotonic time begins anew with a process: what was shown before counts on the wall clock alone.
        self.shown.clear()
        self.world.dispatcher = InlineDispatcher()
        self.world.start()

    def _reach(self, name: str) -> None:
        if name == self.crash_at:
            self.crash_at = ""
            raise Crash(name)


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
