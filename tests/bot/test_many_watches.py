"""Many watches under Slack's limits: nothing lost, in order, approvals first, and not late.

Time is simulated, all else is real: the engine, its outbox, the notifier and the cards, over HTTP to a stand-in that
refuses every call that is one too many. `make soak` lets a thousand watches post in forty channels.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from bot.notifier.pace import METHODS, Method
from bot.testing import ANA, RULES, Office
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.change import OutboxRow, Outgoing
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.message import Picture, Report, StopQuestion
from trainwatch_core.model.round import View
from trainwatch_core.model.run import RunInfo, RunKind, RunRef, RunState
from trainwatch_core.model.watch import Policy, WatchContext
from trainwatch_core.testing.fakes import ScriptedSource
from trainwatch_core.testing.slack_limits import Limits
from trainwatch_core.testing.slack_payloads import TEAM
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.worlds import BROKEN, FakeWorld, loss_rows

ALL = int(os.environ.get("TRAINWATCH_WATCHES", "0"))
WATCHES, CHANNELS, INTERVAL = (ALL, max(1, ALL // 25), 1800) if ALL else (50, 2, 120)
"""Twenty-five watches a channel; as many posts a minute as a channel can take where it is quick, half an hour else."""
LATE = 300.0
"""Seconds."""


@dataclass
class Town(FakeWorld):
    """A world in which some runs go bad, each at its time.

    Attributes:
        bad: Names of runs that are bad now.
        sources: Each run has a name of its own.
    """

    bad: set[str] = field(default_factory=set)
    sources: dict[str, ScriptedSource] = field(default_factory=dict)

    def _check(self, view: View) -> tuple[Finding, ...]:
        return BROKEN if view.info.name in self.bad else super()._check(view)


class Simulation:
    """The bot of a big workplace."""

    def __init__(self, slack: SlackServer, folder: Path) -> None:
        self.world = Town(rules=RULES)
        self.slack = slack
        self.office = Office(slack, folder, world=self.world)
        self.office.notifier._sleep = lambda _seconds: None  # four threads wait in the real one, all time is ours here
        slack.limits = Limits(self.world.clock.monotonic)
        for number in range(CHANNELS):
            slack.channels[self.channel(number)] = {"id": self.channel(number), "is_member": True}

    @staticmethod
    def channel(number: int) -> str:
        """Where a watch of this number reports."""
        return f"C0BUSY{number % CHANNELS:02d}"

    def register(self, number: int) -> None:
        """Somebody watches one more run."""
        told = WatchContext(interval=INTERVAL, launch="pid:4211")
        rows = [loss_rows(20 * look, 20) for look in range(20)]
        source = ScriptedSource(rows, RunInfo(name=f"r{number}", state=RunState.RUNNING))
        self.world.sources[f"lab/vision/r{number}"] = source
        run, who = RunRef(RunKind.WANDB, f"lab/vision/r{number}"), Actor(ActorKind.SLACK, ANA, team=TEAM)
        policy = Policy(hard_rounds=1, confirm_share=0.0)
        wish = Registration(run, who, self.channel(number), told, policy, told, card=True)
        self.world.engine.watches.register(wish)

    def pass_by(self, seconds: float) -> None:
        """Let some time pass."""
        self.office.work(round(seconds))

    def rows(self) -> list[OutboxRow]:
        """All that was ever queued."""
        return [row for watch in self.world.store.watches() for row in self.world.store.outbox(watch.id)]

    def lateness(self, kind: type[Report | Picture | StopQuestion], since: datetime) -> list[float]:
        """Seconds between a round and its message, of the messages of rounds since a moment."""
        looked = {
            (watch.id, round_.number): round_.at
            for watch in self.world.store.watches()
            for round_ in self.world.store.rounds(watch.id, limit=100)
        }
        asked = {request.id: request.round_number for request in self.world.store.requests()}
        late = []
        for row in self.rows():
            if not isinstance(row.body, kind):
                continue
            number = asked[row.body.request_id] if isinstance(row.body, StopQuestion) else row.body.round_number
            at = looked[row.watch_id, number]
            if at >= since:
                assert row.receipt is not None, f"{row.key} was not sent: {row.problem}"
                late.append((row.receipt.at - at).total_seconds())
        return late


def in_order(simulation: Simulation) -> bool:
    """Whether each thread tells its rounds one after the other: report, then picture, then question."""
    for watch in simulation.world.store.watches():
        places = [row.receipt.place for row in simulation.world.store.outbox(watch.id) if row.receipt is not None]
        stands = [place.rpartition("/")[2] for place in places]
        if stands != sorted(stands):
            return False
    return True


def told(name: str, late: Sequence[float]) -> None:
    """Print figures."""
    ordered = sorted(late)
    print(  # noqa: T201  # the figures of the soak
        f"\n{name}: {len(ordered)} sent, median {ordered[len(ordered) // 2]:.1f} s, latest {ordered[-1]:.1f} s", end=""
    )


def settled(simulation: Simulation) -> list[OutboxRow]:
    """All rows at a moment in which none waits: the rounds of the last seconds are given a minute to be told."""
    for _ in range(60):
        rows = simulation.rows()
        if all(row.state is not Outgoing.WAITING for row in rows):
            return rows
        simulation.pass_by(1)
    return simulation.rows()


def prove(simulation: Simulation) -> None:
    """Nothing lost, all in order, and Slack never had to refuse anything."""
    rows = settled(simulation)
    assert all(row.state is Outgoing.SENT for row in rows), [r.problem for r in rows if r.state is not Outgoing.SENT]
    posted = sum(len(messages) for channel, messages in simulation.slack.messages.items() if channel != "reactions")
    assert posted == len(rows)
    assert in_order(simulation)
    assert not simulation.slack.limits or not simulation.slack.limits.refused


def begin(simulation: Simulation) -> None:
    """Everybody registers at a moment of their own, within one interval."""
    dice, before = random.Random(7), 0
    for number, moment in enumerate(sorted(dice.uniform(0, INTERVAL) for _ in range(WATCHES))):
        simulation.pass_by(int(moment) - before)
        before = int(moment)
        simulation.register(number)
    simulation.pass_by(INTERVAL - before)


@pytest.mark.timeout(0 if ALL else 120)
def test_a_thousand_watches_are_told_in_time(slack: SlackServer, tmp_path: Path) -> None:
    """All post in one interval; then, as after a night without power, all at the same moment. Some go bad each time."""
    simulation = Simulation(slack, tmp_path)
    begin(simulation)
    since = simulation.world.clock.now()
    simulation.world.bad = {f"r{number}" for number in range(0, WATCHES, 20)}
    simulation.pass_by(INTERVAL + LATE)
    measure(simulation, since, "in one interval", pictures=LATE, questions=20)

    simulation.world.bad |= {f"r{number}" for number in range(10, WATCHES, 20)}
    since = simulation.world.clock.now()
    for watch in simulation.world.store.watches():
        simulation.world.engine.watches.check_now(watch.id)
    simulation.pass_by(INTERVAL / 2 + LATE)
    measure(simulation, since, "at one moment", pictures=LATE + WATCHES / METHODS[Method.FILE].per_second, questions=90)
    prove(simulation)


def measure(simulation: Simulation, since: datetime, when: str, *, pictures: float, questions: float) -> None:
    """Hold texts against five minutes, pictures and questions against the seconds given; print the figures."""
    for kind, most in ((Report, LATE), (Picture, pictures), (StopQuestion, questions)):
        late = simulation.lateness(kind, since)
        assert len(late) >= (WATCHES // 20 if kind is StopQuestion else WATCHES)
        told(f"{kind.__name__}, {when}", late)
        assert max(late) < most
