"""`trainwatch watch`: register or go on, then stay."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from trainwatch_core.adapters.sources.locate import locate
from trainwatch_core.adapters.ticker import Ticker
from trainwatch_core.cli.asking import ask_missing, ask_run
from trainwatch_core.cli.options import Given, as_given, settle, was_given, watch_options
from trainwatch_core.cli.place import CHANNEL, Place, open_place
from trainwatch_core.cli.session import Session
from trainwatch_core.engine.publishing import LONGEST_PAUSE
from trainwatch_core.engine.watches import Registration
from trainwatch_core.model.errors import ConflictError, InvalidInputError, NotFoundError
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.watch import Watch, WatchState
from trainwatch_core.report.compose import safe


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@watch_options
@click.pass_context
def watch(ctx: click.Context, /, runs: tuple[str, ...], **options: object) -> None:
    """Watch runs: stay open, report each round, ask on STOP, end with the run.

    RUN is <entity>/<project>/<run id>, the address of its page, an offline run (directory or .wandb file), a log
    file, or the id of a watch to go on with. Without any RUN, all open watches go on. Type c to check now; Ctrl-C
    leaves and stops nothing.
    """
    place = open_place(ctx)
    given = as_given(options)
    if not runs and was_given(given):
        raise InvalidInputError("Options need a RUN that they are about", todo="trainwatch watch RUN [OPTIONS]")
    told = _say_last_words(place)
    if not runs and not told and place.screen.interactive and not _open(place):
        runs = ask_run()
    watches = [_enter(place, text, given) for text in runs] if runs else _all_open(place, given, told=told)
    left = [each for each in watches if each is not None]
    ctx.obj["acted"] = True
    ctx.exit(stay(place, left) if left else 0)


def stay(place: Place, watches: list[Watch], *, every: float = 1.0, parting: str = "") -> int:
    """Look after watches in this terminal until they end; returns the exit code.

    Args:
        place: Where.
        watches: Which.
        every: Seconds between ticks.
        parting: What is said to a person who leaves early; empty for the usual words.
    """
    place.engine.only = frozenset(w.id for w in watches)

    def repeat(question: StopQuestion) -> None:
        place.notifier.deliver(f"{question.request_id}/again", question, None)

    ids = [w.id for w in watches]
    session = Session(place.engine, place.screen, place.actor, ids, place.heard, repeat, parting)
    return session.run(Ticker(place.engine.tick, every=every))


def _say_last_words(place: Place) -> bool:
    """Deliver what was left unsaid by a process that died after its watch had ended; whether there was anything."""
    world, told = place.engine.world, False
    ended = {w.id: w for w in world.store.watches(ended=True) if w.state is WatchState.ENDED and w.channel == CHANNEL}
    place.engine.quieting.sweep(ended)
    for row in world.store.waiting(world.clock.now() + timedelta(seconds=LONGEST_PAUSE), only=ended):
        try:
            place.attachment.take(row.watch_id)
        except ConflictError:
            continue  # its own terminal is just about to say it
        told = True
        place.screen.tell(f"Last words of watch {row.watch_id} of {safe(str(ended[row.watch_id].run))}:\n")
        # It may have failed in a terminal that is gone: here it may be tried at once.
        world.store.delivered(replace(row, next_try_at=None))
        place.engine.publishing.publish({row.watch_id})
    return told


def _enter(place: Place, text: str, given: Given) -> Watch | None:
    """Register, or go on with what is known; None for a watch that has ended."""
    known = _known(place, text)
    if known is None:
        return _register(place, text, given)
    run = safe(str(known.run))
    if known.state is WatchState.ENDED:
        how = str(known.ended_reason).replace("_", " ")
        place.screen.tell(f"Watch {known.id} of {run} has ended ({how}). There is nothing left to watch.")
        return None
    place.attachment.take(known.id)
    context = settle(known.context, given, cwd=Path.cwd()) if was_given(given) else known.context
    watch_ = place.engine.watches.adopt(known.id, place.actor, CHANNEL, context)
    place.screen.tell(f"Going on with watch {watch_.id} of {run} (round {watch_.round_count + 1} comes next).\n")
    return watch_


def _known(place: Place, text: str) -> Watch | None:
    """The watch with this id, or the open watch of this run."""
    store = place.engine.world.store
    with contextlib.suppress(NotFoundError):
        return store.watch(text)
    try:
        run = locate(text, cwd=Path.cwd())
    except InvalidInputError:
        return None
    return next((w for w in store.watches() if w.run == run and w.channel == CHANNEL), None)


def _register(place: Place, text: str, given: Given) -> Watch:
    run = locate(text, cwd=Path.cwd())
    defaults = place.settings.watch_defaults(run)
    context = settle(defaults.context, given, cwd=Path.cwd())
    if place.screen.interactive:
        context = ask_missing(run, context, cwd=Path.cwd())
    wish = Registration(run, place.actor, CHANNEL, context, defaults.policy, defaults.context)
    watch_ = place.engine.watches.register(wish)
    place.attachment.take(watch_.id)
    place.screen.tell(f"Watch {watch_.id}: {safe(str(run))}\n")
    return watch_


def _open(place: Place) -> list[Watch]:
    return [w for w in place.engine.world.store.watches() if w.channel == CHANNEL]


def _all_open(place: Place, given: Given, *, told: bool) -> list[Watch | None]:
    watches = _open(place)
    if not watches and not told:
        raise NotFoundError(
            "There is no open watch to go on with", todo="Name a run: trainwatch watch ENTITY/PROJECT/RUN"
        )
    return [_enter(place, w.id, given) for w in watches]
