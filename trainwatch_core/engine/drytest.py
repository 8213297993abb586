"""The dry test: does everything that a watch rests on answer? Nothing is stored, nothing is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainwatch_core.decision.identity import require_known
from trainwatch_core.engine.beside import read_beside
from trainwatch_core.engine.looking import view_of
from trainwatch_core.engine.world import World
from trainwatch_core.model.errors import SourceUnavailableError, TrainwatchError
from trainwatch_core.model.numbers import say_step
from trainwatch_core.model.round import Batch, SourceReport
from trainwatch_core.model.series import History
from trainwatch_core.model.stop import JobState
from trainwatch_core.model.watch import Mode, Watch
from trainwatch_core.ports import Source
from trainwatch_core.report.compose import safe
from trainwatch_core.report.text import say_plan
from trainwatch_core.report.understood import role_line

SOURCE_WITHIN = 30.0
"""Seconds that one source may take."""
_WIDTH = 10_000  # a plan is told line by line, and never wrapped


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried.

    Attributes:
        subject: What, one or two words.
        said: What came of it, safe to show.
        fine: Whether it is as it must be.
        todo: What to do about it; empty if nothing.
    """

    subject: str
    said: str
    fine: bool = True
    todo: str = ""


def dry_test(world: World, watch: Watch) -> tuple[Tried, ...]:
    """Ask every source, look for the job, and tell what a stop would do."""
    return (*_sources(world, watch), *_beside(world, watch), *_job(world, watch), *_notes(world, watch))


def _sources(world: World, watch: Watch) -> Iterator[Tried]:
    seen: History | None = None
    try:
        sources = world.sources(watch)
    except TrainwatchError as error:
        yield _failed("source", error)
        return
    for at, source in enumerate(sources):
        subject = "source" if at == 0 else "fallback"
        history, cursor = world.store.history(watch.id, source.key)
        try:
            batch = source.fetch(cursor, deadline=SOURCE_WITHIN)
        except SourceUnavailableError as error:
            yield _failed(subject, error)
            continue
        known = (History() if batch.restarted else history).add(batch.news)
        yield _answered(subject, source, batch, known)
        if seen is None and known.series:
            seen = known
            view = view_of(watch, known, batch.info, SourceReport(source.status), world.clock.now().timestamp())
            yield Tried("roles", safe(role_line(view)) or "No metric tells a loss or a score.", bool(role_line(view)))


def _answered(subject: str, source: Source, batch: Batch, known: History) -> Tried:
    kind = f" ({source.kind})" if source.kind else ""
    if not known.series:
        return Tried(subject, f"{source.status}{kind} answers, but nothing has been logged there yet.")
    state = f", the run is {batch.info.state}" if batch.info.state is not None else ""
    many = len(known.series)
    metrics = f"{many} metric{'' if many == 1 else 's'} up to step {say_step(known.last_step)}"
    return Tried(subject, f"{source.status}{kind} answers: {metrics}{state}.")


def _beside(world: World, watch: Watch) -> Iterator[Tried]:
    if not watch.context.baseline_runs:
        return
    found = read_beside(world, watch)
    for failure in found.failures:
        yield Tried("comparison", safe(failure), fine=False)
    for name, history in found.histories.items():
        yield Tried(
            "comparison", safe(f"{name}: {len(history.series)} metrics up to step {say_step(history.last_step)}.")
        )


def _job(world: World, watch: Watch) -> Iterator[Tried]:
    try:
        stopper = world.stopper(watch)
        if stopper is None:
            yield Tried(
                "job",
                "Nobody told how to stop the run: I can only tell you.",
                fine=False,
                todo=f"Say how it was launched: trainwatch edit {watch.id} --launch KIND:[HOST/]TARGET",
            )
            return
        identity = stopper.identify()
        require_known(watch.identity, identity)
        plan, probe = stopper.plan(identity), stopper.probe(identity)
    except TrainwatchError as error:
        yield _failed("job", error)
        return
    if identity is not None:
        alive = probe.state is JobState.ALIVE
        yield Tried("job", safe(f"{identity.label}: {probe.state} ({probe.detail})"), alive)
    for line in say_plan(plan, width=_WIDTH):
        yield Tried("a stop", safe(" ".join(line.split())))
    if not plan.verify and watch.context.mode is Mode.AUTO:
        yield Tried(
            "a stop", "Nothing could prove that the job is gone, so it is never stopped automatically.", fine=False
        )


def _notes(world: World, watch: Watch) -> Iterator[Tried]:
    path = watch.context.notes_path
    if not path:
        return
    try:
        world.notebook.require_writable(path)
    except TrainwatchError as error:
        yield _failed("notes", error)
    else:
        yield Tried("notes", safe(f"{path} can be written."))


def _failed(subject: str, error: TrainwatchError) -> Tried:
    where = f" ({error.where})" if error.where else ""
    return Tried(subject, safe(f"{error.what}{where}."), fine=False, todo=safe(error.todo))
