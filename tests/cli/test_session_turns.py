"""A session turn by turn: a person who acts by a script, at an engine on fakes."""

from __future__ import annotations

import contextlib
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from trainwatch_core.adapters.stores.memory import MemoryStore
from trainwatch_core.cli.questions import DEAF
from trainwatch_core.cli.screen import Keys, Screen
from trainwatch_core.cli.session import LEFT, Session
from trainwatch_core.cli.signals import TerminatedError
from trainwatch_core.model.change import Change, Receipt
from trainwatch_core.model.errors import StorageError
from trainwatch_core.model.message import Body, StopQuestion
from trainwatch_core.model.run import RunKind, RunRef
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Mode, Watch, WatchState
from trainwatch_core.testing.fakes import InlineDispatcher, ListNotifier
from trainwatch_core.testing.worlds import ANA, BROKEN, RUN, FakeWorld

Act = str | Callable[[], object]
SECOND = RunRef(RunKind.WANDB, "lab/vision/r2")


class ScriptedKeys(Keys):
    """Each turn the next act: keys that are typed, or something that happens. At the end Ctrl-C."""

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__(-1)
        self._acts = list(acts)

    def read(self, timeout: float) -> str:
        """What the next act types."""
        del timeout
        if not self._acts:
            raise KeyboardInterrupt
        act = self._acts.pop(0)
        if isinstance(act, str):
            return act
        act()
        return ""


class Seat(Screen):
    """A terminal on paper, and a person before it."""

    def __init__(self) -> None:
        self.paper = io.StringIO()
        super().__init__(self.paper, {})
        self.interactive = True
        self.acts: Sequence[Act] = ()

    @contextlib.contextmanager
    def keys(self) -> Iterator[Keys]:
        """The script."""
        yield ScriptedKeys(self.acts)


@dataclass
class HearingNotifier(ListNotifier):
    """Tells the session what it delivered, as a terminal's does."""

    heard: deque[Body] = field(default_factory=deque)

    def deliver(self, key: str, body: Body, picture: bytes | None) -> Receipt:
        """Keep a message."""
        self.heard.append(body)
        return super().deliver(key, body, picture)


class SickStore(MemoryStore):
    """A store that fails while it is told to."""

    sick = ""

    def commit(self, change: Change) -> Watch:
        """Write, unless sick at writing."""
        if self.sick == "write":
            raise StorageError("The disk is full", where="trainwatch.db")
        return super().commit(change)

    def watch(self, watch_id: str) -> Watch:
        """Read, unless sick at reading."""
        if self.sick == "read":
            raise StorageError("The database is locked", where="trainwatch.db")
        return super().watch(watch_id)


class Workers(InlineDispatcher):
    """Workers that finish what they began when they are told to end, and drop the rest."""

    def stop(self, *, timeout: float) -> None:
        """Finish the first job."""
        if self._work is not None and self.queue:
            self._work(*self.queue.pop(0))
        super().stop(timeout=timeout)


class NoTicker:
    """Time moves when the script says so."""

    def start(self) -> None:
        """Nothing knocks."""

    def stop(self) -> None:
        """Nothing knocked."""


class Room:
    """A world and a seat.

    Args:
        mode: Of the watches.
        runs: One watch each; all of them have gone bad and ask.
        workers: Who works.
    """

    def __init__(
        self, *, mode: Mode = Mode.ASK, runs: Sequence[RunRef] = (RUN,), workers: InlineDispatcher | None = None
    ) -> None:
        self.store = SickStore()
        self.notifier = HearingNotifier()
        self.world = FakeWorld(
            store=self.store, notifier=self.notifier, dispatcher=workers or InlineDispatcher(), findings=BROKEN
        )
        self.watches = [self.world.watch(mode=mode, run=run) for run in runs]
        self.seat = Seat()

    def ask(self) -> None:
        """Let the rounds happen that a stop needs."""
        self.world.rounds(1, seconds=601)
        self.world.tick()

    def ready(self) -> None:
        """Let the moment pass in which no key counts."""
        self.world.clock.advance(DEAF)

    def sick(self, how: str) -> Act:
        """Let the store fail, or be well again."""
        return lambda: setattr(self.store, "sick", how)

    def stay(self, *acts: Act) -> str:
        """A session in which this happens; returns all that the terminal showed."""
        ids = [watch.id for watch in self.watches]
        engine = self.world.engine
        engine.only = frozenset(ids)
        session = Session(engine, self.seat, ANA, ids, self.notifier.heard, self.notifier.heard.append)
        self.seat.acts = acts
        self.code = session.run(NoTicker())
        return self.seat.paper.getvalue()

    @property
    def requests(self) -> Sequence[StopRequest]:
        """The requests as they stand."""
        return self.store.requests()

    @property
    def states(self) -> Sequence[str]:
        """The states of the requests."""
        return [str(request.state) for request in self.requests]


def terminated() -> None:
    """SIGTERM arrives."""
    raise TerminatedError


def test_after_automatic_mode_fell_back_the_prompt_asks_and_yes_counts() -> None:
    """P5: the clock was stepped; the row says that a person must answer now, whatever the message once said."""
    room = Room(mode=Mode.AUTO)

    def fall_back() -> None:
        room.world.engine.stops.fall_back_to_asking(room.requests[0], "the clock was set")

    shown = room.stay(room.ask, "", room.ready, "", fall_back, "y\n", room.ready, "", "y\n")
    assert "Type k and Enter" in shown
    assert "Stop it? [y/N]" in shown.split("Type k and Enter")[-1]
    assert room.states == ["approved"]
    assert room.requests[0].decided_by == ANA


def test_a_question_is_repeated_as_it_stands_now() -> None:
    """A second terminal takes over after a fall-back: it shows no countdown that is over, and no hour that has run."""
    room = Room(mode=Mode.AUTO)
    room.ask()
    room.world.engine.stops.fall_back_to_asking(room.requests[0], "the clock was set")
    room.notifier.heard.clear()
    room.world.clock.advance(600)
    again: list[StopQuestion] = []
    engine = room.world.start()
    session = Session(engine, room.seat, ANA, [room.watches[0].id], room.notifier.heard, again.append)
    session.run(NoTicker())
    assert [(question.execute_after, question.ttl) for question in again] == [(None, 3000.0)]


def test_an_answer_that_could_not_be_stored_can_be_given_again() -> None:
    """F-D01: a full disk for a moment costs neither the question nor the way to keep the run."""
    room = Room(mode=Mode.AUTO)
    shown = room.stay(
        room.ask, "", room.ready, "", room.sick("write"), "k\n", room.sick(""), "", room.ready, "", "k\n", ""
    )
    assert "The disk is full" in shown
    assert room.states == ["declined"]


@pytest.mark.parametrize("end", ["withdrawn", "answered"])
def test_an_answer_never_hits_another_question_than_the_one_that_was_shown(end: str) -> None:
    """Two runs ask; the first question goes while Ana types: her Enter decides nothing about the second."""
    room = Room(runs=(RUN, SECOND))

    def go() -> None:
        first = room.requests[0]
        if end == "withdrawn":
            room.world.engine.watches.end(first.watch_id, ANA)
        else:
            room.world.engine.stops.decide(first.id, ANA, approve=False)

    shown = room.stay(room.ask, "", room.ready, "", "y", go, "\n", "y\n", "")
    assert "(1 of 2) resnet50: Stop it? [y/N] y" in shown
    assert room.states[1] == "pending"
    room.stay("", room.ready, "", "y\n")
    assert room.states[1] == "approved"


def test_a_question_that_was_answered_elsewhere_goes_from_the_prompt() -> None:
    """The row is the truth: another terminal's `trainwatch stop`, an expiry, a recovery."""
    room = Room()

    def decline() -> None:
        room.world.engine.stops.decide(room.requests[0].id, ANA, approve=False)

    shown = room.stay(room.ask, "", room.ready, "", decline, "")
    assert shown.rindex("c checks now") > shown.rindex("[y/N]")


def test_two_answers_in_one_paste_answer_one_question() -> None:
    """What follows the first Enter was typed before the second prompt stood there."""
    room = Room(runs=(RUN, SECOND))
    room.stay(room.ask, "", room.ready, "", "y\ny\n", "")
    assert room.states == ["approved", "pending"]


def test_a_store_that_fails_for_a_while_is_told_once_and_the_session_goes_on() -> None:
    """A locked database is no reason to leave the night unwatched."""
    room = Room()
    trouble = [room.sick("read"), *[""] * 20, room.sick("")]
    shown = room.stay(*trouble, room.ask, "", room.ready, "", "n\n", "")
    assert shown.count("The database is locked") == 1
    assert room.states == ["declined"]
    assert room.code == LEFT


def test_a_key_that_finds_nothing_to_look_at_is_told_why() -> None:
    """A paused watch does not look, and says so when asked to."""
    room = Room()
    pause = partial(room.world.engine.watches.pause, room.watches[0].id, ANA)
    shown = room.stay(pause, "", "c")
    assert "paused · Ctrl-C leaves" in shown
    assert "takes no look" in shown


def test_who_leaves_a_healthy_run_reads_that_nothing_was_stopped() -> None:
    """And how to go on, and how to give it up."""
    room = Room()
    shown = room.stay("")
    assert "You left. Nothing was stopped: the training runs on" in shown
    assert f"trainwatch watch {room.watches[0].id}" in shown
    assert f"trainwatch end {room.watches[0].id}" in shown


def test_who_leaves_an_open_question_reads_that_it_waits() -> None:
    """It is asked again where the watch goes on."""
    room = Room()
    assert "There the open question is asked again." in room.stay(room.ask, "")


@pytest.mark.parametrize("leave", [terminated, ""], ids=["SIGTERM", "Ctrl-C"])
def test_who_leaves_while_a_stop_is_under_way_is_told_how_it_came_out(leave: Act) -> None:
    """F-D06: the stop is waited for, its last words are said, and then how things stand."""
    room = Room(workers=Workers())
    shown = room.stay(room.ask, "", room.ready, "", "y\n", leave)
    assert room.states == ["stopped"]
    told = shown.index("A stop is under way: I wait for it")
    assert "All watches have ended." in shown[told:]
    assert "Nothing was stopped" not in shown
    assert {str(row.state) for row in room.store.outbox(room.watches[0].id)} == {"sent"}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RequestState.APPROVED, "The stop of r1 is approved, but nothing was sent yet. Nobody looks at it"),
        (RequestState.EXECUTING, "The stop of r1 is under way and not proven yet. Nobody looks at it"),
    ],
)
def test_who_does_not_wait_for_a_stop_is_told_how_far_it_got(state: RequestState, words: str) -> None:
    """The row is the truth; the next terminal goes on with it."""
    room = Room()

    def begin() -> None:
        watch, request = room.store.watch(room.watches[0].id), room.requests[0]
        begun = replace(request, state=state)
        room.store.commit(Change(watch, request=begun, request_was=frozenset({"approved"})))

    shown = room.stay(room.ask, "", room.ready, "", "y\n", begin if state is RequestState.EXECUTING else "")
    assert words in shown
    assert "Nothing was stopped" not in shown
    assert "trainwatch end" not in shown
    assert room.store.watch(room.watches[0].id).state is WatchState.STOPPING
