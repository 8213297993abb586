"""A whole engine on fakes: time moves when a test says so, work is done when a test says so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trainwatch_core.adapters.stores.memory import MemoryStore
from trainwatch_core.decision.authority import Rules
from trainwatch_core.engine.engine import Engine
from trainwatch_core.engine.watches import Registration
from trainwatch_core.engine.world import Terms, World
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import InvalidInputError, SourceUnavailableError
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.round import View
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.series import Rows
from trainwatch_core.model.watch import Mode, Policy, Watch, WatchContext
from trainwatch_core.ports import Store
from trainwatch_core.report.backtest import Backtested
from trainwatch_core.testing.fakes import (
    DictLocker,
    DictNotebook,
    FakeClock,
    InlineDispatcher,
    ListNotifier,
    PlainPainter,
    ScriptedSource,
)
from trainwatch_core.testing.stoppers import ScriptedStopper

ANA = Actor(ActorKind.LOCAL, "ana")
RUN = RunRef(RunKind.WANDB, "lab/vision/r1")


def loss_rows(first: int, count: int, value: float = 2.0) -> dict[str, Rows]:
    """Rows of a loss that stands at one value, one a step."""
    steps = np.arange(first, first + count, dtype=np.float64)
    return {"train/loss": Rows.of(steps, np.full(count, value))}


def finding(argues_for: Decision, weight: Weight = Weight.HARD, code: str = "scripted", step: float = 1.0) -> Finding:
    """A finding that says what a test wants."""
    return Finding(
        "scripted", code, argues_for, weight, f"The script says {argues_for}.", "train/loss", step, step, until="Wait."
    )


HEALTHY = (finding(Decision.CONTINUE, Weight.INFO, "healthy"),)
BROKEN = (finding(Decision.STOP),)


@dataclass
class FakeWorld:
    """An engine on fakes and what a test needs to steer it.

    Attributes:
        findings: What the only check says from now on.
        source: The only source; twenty new rows a round unless a test writes another script.
        stopper: How every job is stopped; None for unknown.
        sources: Sources of single runs, before `source`.
        further: Sources of all runs, after that one.
        beside: Sources of the runs of comparison, by name; an error is raised in their place.
        stoppers: Stoppers of single runs, before `stopper`.
        held: Names that a worker holds.
        reach: Called at each point at which a crash is tried.
        views: What the check was shown, oldest first.
    """

    findings: Sequence[Finding] = HEALTHY
    source: ScriptedSource = field(
        default_factory=lambda: ScriptedSource(
            [loss_rows(20 * n, 20) for n in range(200)], RunInfo(name="resnet50", state=RunState.RUNNING)
        )
    )
    stopper: ScriptedStopper | None = field(default_factory=ScriptedStopper)
    store: Store = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    notifier: ListNotifier = field(default_factory=ListNotifier)
    painter: PlainPainter = field(default_factory=PlainPainter)
    locker: DictLocker = field(default_factory=DictLocker)
    notebook: DictNotebook = field(default_factory=DictNotebook)
    dispatcher: InlineDispatcher = field(default_factory=InlineDispatcher)
    terms: Terms = field(default_factory=Terms)
    rules: Rules = field(default_factory=lambda: Rules(local_user="ana"))
    vouch: Callable[[Actor], None] = lambda _actor: None  # everybody is who they were
    quiet: QuietHours | None = None
    backtest: Callable[[RunRef, int | None], Backtested] | None = None
    write_back: Callable[[RunRef, str, str], None] | None = None
    guess: Callable[[Watch, RunInfo], str] = lambda _watch, _info: ""
    owner: str = "here:1"
    sources: Mapping[str, ScriptedSource] = field(default_factory=dict)
    further: Sequence[ScriptedSource] = ()
    beside: Mapping[str, ScriptedSource] | InvalidInputError = field(default_factory=dict)
    stoppers: Mapping[str, ScriptedStopper] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    reach: Callable[[str], None] = lambda _name: None
    views: list[View] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notifier.clock = self.clock
        self.engine = self.start()

    def start(self) -> Engine:
        """A new engine on the same rows, as after a restart."""
        engine = Engine(
            World(
                store=self.store,
                clock=self.clock,
                dispatcher=self.dispatcher,
                notifier=self.notifier,
                painter=self.painter,
                locker=self.locker,
                notebook=self.notebook,
                sources=lambda watch: [self.sources.get(str(watch.run), self.source), *self.further],
                stopper=lambda watch: self.stoppers.get(str(watch.run), self.stopper),
                checks=(self._check,),
                rules=self.rules,
                vouch=lambda actor: self.vouch(actor),  # noqa: PLW0108  # may be set anew
                quiet=self.quiet,
                backtest=self.backtest,
                write_back=self.write_back,
                guess=self.guess,
                terms=self.terms,
                owner=self.owner,
                exclusive=self.exclusive,
                reach=lambda name: self.reach(name),  # noqa: PLW0108  # may be set anew
                baseline_runs=self._beside,
            )
        )
        engine.start()
        self.engine = engine
        return engine

    @contextlib.contextmanager
    def exclusive(self, name: str) -> Iterator[bool]:
        """Hold a name; the same for all engines of this world, because the rows are the same."""
        if name in self.held:
            yield False
            return
        self.held.add(name)
        try:
            yield True
        finally:
            self.held.discard(name)

    def watch(self, *, mode: Mode = Mode.ASK, run: RunRef = RUN, **context: object) -> Watch:
        """Register a watch of Ana's."""
        told = replace(WatchContext(mode=mode, launch="pid:4211"), **context)  # type: ignore[arg-type]  # as given
        return self.engine.watches.register(Registration(run, ANA, "terminal", told, Policy()))

    def rounds(self, count: int = 1, *, seconds: float = 1800.0) -> None:
        """Let so many rounds happen, each after some time, with everything that follows from them."""
        for _ in range(count):
            self.tick()
            self.clock.advance(seconds)

    def tick(self) -> None:
        """One tick and all the work it brings."""
        self.engine.tick()
        self.dispatcher.drain()
        # What a job handed over while it ran is done at the next tick of a real engine.
        self.engine.tick()
        self.dispatcher.drain()

    def now(self, watch: Watch) -> Watch:
        """The row as it is now."""
        return self.store.watch(watch.id)

    def _beside(self, _watch: Watch) -> Mapping[str, ScriptedSource]:
        if isinstance(self.beside, InvalidInputError):
            raise self.beside
        return self.beside

    def _check(self, view: View) -> tuple[Finding, ...]:
        self.views.append(view)
        if not view.history.series:
            return (Finding("blind", "unreachable", Decision.WAIT, Weight.BLIND, "Nothing answers.", until="Wait."),)
        return tuple(self.findings)


def unreachable() -> SourceUnavailableError:
    """What a source raises when it cannot be reached."""
    return SourceUnavailableError("W&B does not answer", where="wandb")
