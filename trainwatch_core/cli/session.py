"""A terminal watch: stays open, reports, asks on STOP, ends when its runs have ended."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from trainwatch_core.cli.farewell import farewell
from trainwatch_core.cli.questions import Answer, Questions
from trainwatch_core.cli.screen import Screen
from trainwatch_core.cli.signals import TOLD_TO_END, TerminatedError, terminable
from trainwatch_core.engine.engine import Engine
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.change import Outgoing
from trainwatch_core.model.errors import ConflictError, NotAllowedError, NotFoundError, TrainwatchError
from trainwatch_core.model.message import Body, StopQuestion
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.ports import Ticker

LEFT = 130
"""Exit code after Ctrl-C, as shells expect it."""
_LISTEN = 0.2
_LINGER = 30.0
"""Seconds to wait for last messages that cannot be delivered."""
_DRAIN = 20.0
"""Seconds to wait at the end for what is under way."""
_SAY_AGAIN = 60.0
"""Seconds until the same trouble is told again."""


class Session:
    """Looks after some watches in one terminal.

    Args:
        engine: The engine, set to look after these watches only.
        screen: Where to show things.
        actor: The person at the terminal.
        watch_ids: Which watches.
        heard: Messages after they were printed, put there by the notifier.
        repeat: Shows a question again that was asked before this session began.
        parting: What is said to a person who leaves early; empty for the usual words.
    """

    def __init__(  # what a session is made of
        self,
        engine: Engine,
        screen: Screen,
        actor: Actor,
        watch_ids: Collection[str],
        heard: deque[Body],
        repeat: Callable[[StopQuestion], object],
        parting: str = "",
    ) -> None:
        self._engine = engine
        self._store = engine.world.store
        self._clock = engine.world.clock
        self._screen = screen
        self._actor = actor
        self._ids = tuple(watch_ids)
        self._heard = heard
        self._repeat = repeat
        self._parting = parting
        self._questions = Questions(self._clock.monotonic)
        self._trouble = ("", 0.0)
        self._ended_at: float | None = None

    def run(self, ticker: Ticker) -> int:
        """Stay until all watches have ended; returns the exit code."""
        why, code = "", 0
        with terminable():
            try:
                self._stay(ticker)
            except KeyboardInterrupt:
                why, code = "You left", LEFT
            except TerminatedError:
                why, code = "I was told to end", TOLD_TO_END
            finally:
                self._part(ticker, why)
        return code

    def _stay(self, ticker: Ticker) -> None:
        self._engine.start()
        self._recall()
        ticker.start()
        with self._screen.keys() as keys:
            while not self._tried(keys.read(_LISTEN)):
                pass
        if any(map(self._unsaid, self._ids)):
            names = " ".join(self._ids)
            self._screen.tell(f"Not every last word could be delivered. To try again: trainwatch watch {names}")

    def _recall(self) -> None:
        """A question that was asked in a terminal which is gone is asked again here, as it stands now."""
        for ident in self._ids:
            waiting = {r.id: r for r in self._store.requests(watch_id=ident, states={RequestState.PENDING})}
            for row in self._store.outbox(ident):
                body = row.body
                if isinstance(body, StopQuestion) and row.state is Outgoing.SENT and body.request_id in waiting:
                    self._repeat(self._as_it_stands(body, waiting[body.request_id]))

    def _as_it_stands(self, body: StopQuestion, request: StopRequest) -> StopQuestion:
        left = body.ttl
        if request.expires_at is not None:
            left = max(0.0, (request.expires_at - self._clock.now()).total_seconds())
        return replace(body, execute_after=request.execute_after, ttl=left)

    def _tried(self, typed: str) -> bool:
        """One turn; what fails is told and tried again at the next one. True when all has ended."""
        try:
            return self._turn(typed)
        except TrainwatchError as error:
            self._complain(error)
            return False

    def _turn(self, typed: str) -> bool:
        for key in typed:
            self._take(key)
        while self._heard:
            body = self._heard.popleft()
            if isinstance(body, StopQuestion):
                self._questions.add(body)
        watches = self._watches()
        self._screen.status(self._prompt() or self._countdown(watches))
        if any(watch.state is not WatchState.ENDED for watch in watches):
            return False
        now = self._clock.monotonic()
        self._ended_at = now if self._ended_at is None else self._ended_at
        return not any(map(self._unsaid, self._ids)) or now - self._ended_at > _LINGER

    def _take(self, key: str) -> None:
        if not self._questions.request_ids:
            if key in {"c", "C"}:
                self._check_now()
            return
        request_id = self._questions.shown
        match self._questions.type(key):
            case Answer.STOP:
                self._decide(request_id, approve=True)
            case Answer.KEEP:
                self._decide(request_id, approve=False)
            case Answer.UNCLEAR:
                self._screen.tell("That was no answer to the question.")
            case Answer.EARLY:
                self._screen.tell("That came before the question could be read: once more, please.")

    def _decide(self, request_id: str, *, approve: bool) -> None:
        try:
            self._engine.stops.decide(request_id, self._actor, approve=approve)
        except (ConflictError, NotAllowedError, NotFoundError) as error:
            self._screen.tell(str(error))
            approve = False
        # Any other failure leaves the question where it is: it was not answered.
        self._questions.drop(request_id)
        if approve:
            self._screen.tell(f"Approved by {self._actor.id} · stopping ...")

    def _check_now(self) -> None:
        refusals = []
        for ident in self._ids:
            try:
                self._engine.watches.check_now(ident)
            except (ConflictError, NotFoundError) as error:
                refusals.append(error)
        if len(refusals) == len(self._ids):
            self._screen.tell(str(refusals[0]))

    def _prompt(self) -> str:
        for request_id in self._questions.request_ids:
            # Decided elsewhere, expired, withdrawn: the row is the truth.
            if self._store.request(request_id).state is not RequestState.PENDING:
                self._questions.drop(request_id)
        if not self._questions.request_ids:
            return ""
        request = self._store.request(self._questions.request_ids[0])
        prompt = self._questions.prompt(request, self._clock.now(), self._screen.columns())
        if not self._screen.interactive and self._questions.announce():
            self._screen.print(prompt)
        return prompt

    def _countdown(self, watches: Collection[Watch]) -> str:
        if any(watch.state is WatchState.STOPPING for watch in watches):
            return "a stop is under way"
        due = [watch.next_round_at for watch in watches if watch.next_round_at is not None]
        if not due:
            paused = any(watch.state is WatchState.PAUSED for watch in watches)
            return "paused · Ctrl-C leaves" if paused else ""
        left = (min(due) - self._clock.now()).total_seconds()
        check = f"next check in {say_duration(round(left))} · c checks now" if left > 0 else "checking now"
        return f"{check} · Ctrl-C leaves"

    def _complain(self, error: TrainwatchError) -> None:
        text, now = str(error), self._clock.monotonic()
        told, until = self._trouble
        if text != told or now >= until:
            self._trouble = (text, now + _SAY_AGAIN)
            self._screen.tell(f"{text}. I go on and try again.")

    def _watches(self) -> Sequence[Watch]:
        return [self._store.watch(ident) for ident in self._ids]

    def _unsaid(self, watch_id: str) -> bool:
        return any(row.state is Outgoing.WAITING for row in self._store.outbox(watch_id))

    def _part(self, ticker: Ticker, why: str) -> None:
        """Put everything in order; a person who leaves is told how things stand, after a stop that is under way."""
        try:
            ticker.stop()
            stopping = bool(why) and any(watch.state is WatchState.STOPPING for watch in self._watches())
            if stopping:
                wait = say_duration(_DRAIN)
                self._say(f"A stop is under way: I wait for it, {wait} at most. Ctrl-C again leaves at once.")
            elif why:
                self._say_farewell(why)
                why = ""
            self._engine.stop(timeout=_DRAIN)
            if stopping:
                self._engine.publishing.publish(self._ids)
        except (KeyboardInterrupt, TerminatedError):
            pass  # a second time: at once
        except TrainwatchError as error:
            self._say(str(error))
        if why:
            self._say_farewell(why)

    def _say_farewell(self, why: str) -> None:
        try:
            requests = [request for ident in self._ids for request in self._store.requests(watch_id=ident)]
            words = farewell(why, self._watches(), requests)
        except TrainwatchError as error:
            words = f"{why}. How the watches stand cannot be read: {error}"
        self._say(f"{why}. {self._parting}" if self._parting else words)

    def _say(self, text: str) -> None:
        # The terminal may be why we were told to end.
        with contextlib.suppress(OSError):
            self._screen.tell(text)
