"""All that the engine needs of the world, in one frozen bundle that `bootstrap` fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from trainwatch_core.decision.authority import Rules
from trainwatch_core.decision.automatic import Budget
from trainwatch_core.decision.reminding import Reminding
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.errors import NotAllowedError
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.quiet import QuietHours
from trainwatch_core.model.round import View
from trainwatch_core.model.run import RunInfo, RunRef
from trainwatch_core.model.watch import Watch
from trainwatch_core.ports import (
    Clock,
    Dispatcher,
    EvidenceLocker,
    Notebook,
    Notifier,
    Painter,
    Source,
    Stopper,
    Store,
)
from trainwatch_core.report.backtest import Backtested

Check = Callable[[View], tuple[Finding, ...]]

LEASE = 300.0
"""Seconds that a claim counts. Longer than any round may take, so that a slow round is not judged twice."""
ROUND_DEADLINE = 120.0
"""Seconds that all sources of one round may take together."""
BESIDE_DEADLINE = 30.0
"""Seconds that all runs of comparison may take together: nobody waits long for what is only held beside."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The operator's terms for stops.

    Attributes:
        approval_ttl: Seconds that an approval may take, counted from delivery.
        approvals: How many different people must approve a stop that is asked for.
        auto_requires: How many different people of the chat must agree to switch a watch to automatic mode.
        auto_grace: Seconds that automatic mode waits for a "keep running".
        auto_hard_only: Whether automatic mode acts on hard failures only.
        auto_per_hour: Automatic stops an hour; more fall back to asking.
        auto_per_day: Automatic stops a day.
        mass_stop: So many watches that reach STOP within ten minutes fall back to asking.
        mute: Seconds without a new question after a "keep running".
        reminding: When an unanswered question is brought to mind.
        cost_per_hour: Price of an hour of the job; None if unknown.
        currency: Of that price.
    """

    approval_ttl: float = 3600.0
    approvals: int = 1
    auto_requires: int = 1
    auto_grace: float = 300.0
    auto_hard_only: bool = False
    auto_per_hour: int = 2
    auto_per_day: int = 5
    mass_stop: int = 3
    mute: float = 7200.0
    reminding: Reminding = field(default_factory=Reminding)
    cost_per_hour: float | None = None
    currency: str = ""

    @property
    def budget(self) -> Budget:
        """How much automatic mode may do."""
        return Budget(self.auto_hard_only, self.auto_per_hour, self.auto_per_day, self.mass_stop)


def nobody_to_ask(actor: Actor) -> None:
    """Vouch for nobody: without a chat to ask, an approval given there is no approval any more.

    Raises:
        NotAllowedError: Always.
    """
    raise NotAllowedError(f"{actor} approved it in a chat that cannot be asked from here")


@dataclass(frozen=True, slots=True)
class World:
    """What the engine works with.

    Attributes:
        store: The truth.
        clock: Time.
        dispatcher: Workers.
        notifier: Where messages go.
        painter: Draws pictures.
        locker: Keeps evidence.
        notebook: Appends project notes.
        sources: The sources of a watch, first choice first.
        guess: How a run of which nobody told it seems to have been launched, `kind:target`; empty if nobody can say.
        backtest: What trainwatch would have done to so many finished runs beside one, the newest, or (for None) to
            that run itself; None where that cannot be tried. May take minutes. Raises TrainwatchError; GivenUpError
            after `leave`.
        leave: Called when the engine stops: what takes minutes is given up.
        write_back: Puts a tag and a note on a run in its tracker; None if that is switched off.
        quiet: Hours in which ordinary rounds are held back; None for none.
        baseline_runs: Name and source of each run that the one of a watch is held against.
        stopper: How the job of a watch is stopped; None where nothing is known. Raises StopRefusedError.
        checks: The rules, by name.
        rules: Who may do what.
        vouch: Asks anew whether a person of chat is still who they were. Raises NotAllowedError.
        terms: The operator's terms for stops.
        owner: Names this process in leases.
        exclusive: Holds a name against all other workers of the database while a block runs; gives False if held.
        reach: Called with the name of each point at which a crash is tried in tests.
    """

    store: Store
    clock: Clock
    dispatcher: Dispatcher
    notifier: Notifier
    painter: Painter
    locker: EvidenceLocker
    notebook: Notebook
    sources: Callable[[Watch], Sequence[Source]]
    stopper: Callable[[Watch], Stopper | None]
    checks: Sequence[Check]
    rules: Rules
    terms: Terms
    owner: str
    exclusive: Callable[[str], AbstractContextManager[bool]]
    reach: Callable[[str], None] = lambda _name: None
    quiet: QuietHours | None = None
    backtest: Callable[[RunRef, int | None], Backtested] | None = None
    leave: Callable[[], None] = lambda: None
    write_back: Callable[[RunRef, str, str], None] | None = None
    guess: Callable[[Watch, RunInfo], str] = lambda _watch, _info: ""
    baseline_runs: Callable[[Watch], Mapping[str, Source]] = lambda _watch: {}
    vouch: Callable[[Actor], None] = nobody_to_ask
