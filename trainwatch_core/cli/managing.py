"""`trainwatch list | show | pause | resume | end | stop`."""

from __future__ import annotations

import contextlib

import click

from trainwatch_core.cli.place import Place, open_place
from trainwatch_core.cli.session import LEFT
from trainwatch_core.cli.signals import TerminatedError, deferred, terminable
from trainwatch_core.engine.world import World
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.errors import ConflictError, StorageError
from trainwatch_core.model.numbers import say, say_duration, say_step
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import Execution, JobState, Probe, RequestState, StopRequest
from trainwatch_core.model.watch import Posts, Watch, WatchState
from trainwatch_core.report.compose import safe
from trainwatch_core.report.summary import outcome_lines
from trainwatch_core.report.text import say_plan, stamp

_NOT_STOPPED = 3
_SPARE = 30.0
"""Seconds beyond what the plan may take."""


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Ended watches too.")
@click.pass_context
def list_watches(ctx: click.Context, *, everything: bool) -> None:
    """The open watches: id, state, last decision, step, next check, run."""
    place = open_place(ctx)
    watches = place.engine.world.store.watches(ended=everything)
    if not watches:
        click.echo("No open watch. Begin one with: trainwatch watch ENTITY/PROJECT/RUN")
        return
    rows = [("WATCH", "STATE", "DECISION", "STEP", "NEXT CHECK", "RUN"), *(_row(place, w) for w in watches)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[5]]))


@click.command()
@click.argument("watch")
@click.pass_context
def show(ctx: click.Context, watch: str) -> None:
    """One watch: what is known about it, its last rounds, its stop requests."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    for label, text in _facts(place, found):
        click.echo(f"{label:<13} {text}")
    rounds = place.engine.world.store.rounds(found.id, limit=8)
    if rounds:
        click.echo("\nLast rounds")
    zone = place.settings.timezone
    for round_ in rounds:
        reason = safe(round_.verdict.reasons[0].text)
        click.echo(f"  {round_.number:>4}  {stamp(round_.at, zone)}  {round_.verdict.decision!s:<8}  {reason}")
    for request in place.engine.world.store.requests(watch_id=found.id):
        by = f" by {request.decided_by.id}" if request.decided_by else ""
        click.echo(f"\nStop request {request.id[:8]}: {str(request.state).replace('_', ' ')}{by}")
        for line in say_plan(request.plan, width=place.screen.width()):
            click.echo(f"  {line}")


@click.command()
@click.argument("watch")
@click.pass_context
def pause(ctx: click.Context, watch: str) -> None:
    """Take no looks at WATCH until it is resumed."""
    place = open_place(ctx)
    done = place.engine.watches.pause(place.engine.watches.find(watch).id, place.actor)
    click.echo(f"Watch {done.id} is paused. Nobody looks at {done.run} until: trainwatch resume {done.id}")


@click.command()
@click.argument("watch")
@click.pass_context
def resume(ctx: click.Context, watch: str) -> None:
    """Look at WATCH again."""
    place = open_place(ctx)
    done = place.engine.watches.resume(place.engine.watches.find(watch).id, place.actor)
    click.echo(f"Watch {done.id} is active again; its next check is due now.")


@click.command()
@click.argument("watch")
@click.pass_context
def end(ctx: click.Context, watch: str) -> None:
    """Give WATCH up. The run goes on."""
    place = open_place(ctx)
    done = place.engine.watches.end(place.engine.watches.find(watch).id, place.actor)
    click.echo(f"Watch {done.id} has ended. The run {done.run} was not touched.")


@click.command()
@click.argument("watch")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def stop(ctx: click.Context, watch: str, *, yes: bool) -> None:
    """Stop the run of WATCH now: same identity check, same proof, audited."""
    place = open_place(ctx)
    engine = place.engine
    found = engine.watches.find(watch)
    if found.state is WatchState.ENDED:
        raise ConflictError("This watch has ended", where=found.id, todo="Register the run again to stop it")
    for line in say_plan(engine.watches.stop_plan(found.id), width=place.screen.width()):
        click.echo(line)
    if not yes:
        click.confirm("Stop it?", abort=True)
    engine.only = frozenset({found.id})
    ctx.obj["acted"] = True
    # From its commit on the stop goes to its end: half a ladder would leave nobody knowing what became of the run.
    with deferred("A stop is under way. I finish it first.") as signals:
        request = engine.watches.stop_by_hand(found.id, place.actor)
        _carry_out(place, request)
    done = _wait_for(engine.world, request, patient=not signals)
    if done is None:
        click.echo(f"\nLeft. The stop is in the hands of another process. See: trainwatch show {found.id}", err=True)
        ctx.exit(LEFT)
    _tell(place, done)
    ctx.exit(0 if done.state in {RequestState.STOPPED, RequestState.ALREADY_ENDED} else _NOT_STOPPED)


def _carry_out(place: Place, request: StopRequest) -> None:
    try:
        place.engine.carrying.carry_out(request.id)
    except StorageError as error:
        todo = f"The stop was approved. To go on with it: trainwatch watch {request.watch_id}"
        raise StorageError(error.what, where=error.where, todo=todo) from error


def _wait_for(world: World, request: StopRequest, *, patient: bool) -> StopRequest | None:
    """The request when it is final: another process of this database may have it; None if the person left meanwhile."""
    limit = world.clock.monotonic() + sum(step.wait + step.timeout for step in request.plan.steps) + _SPARE
    with contextlib.suppress(KeyboardInterrupt, TerminatedError), terminable():
        while not (now := world.store.request(request.id)).state.final and world.clock.monotonic() < limit:
            if not patient:
                return None
            world.clock.sleep(0.2)
        return now
    return None


def _tell(place: Place, request: StopRequest) -> None:
    """Say how it came out: all of it here, unless a terminal looks after the watch and says the rest."""
    try:
        place.attachment.take(request.watch_id)
    except ConflictError:
        now = place.engine.world.clock.now()
        probe = Probe(JobState.UNKNOWN, "it was not carried out yet")
        execution = request.execution or Execution((), probe)
        for line in outcome_lines(request, execution, now, after_restart=False):
            place.screen.tell(line)
        return
    place.engine.publishing.publish({request.watch_id})


def _row(place: Place, watch: Watch) -> tuple[str, str, str, str, str, str]:
    last = _last(place, watch)
    return (
        watch.id,
        str(watch.state).replace("_", " "),
        str(last.verdict.decision) if last else "-",
        say_step(last.last_step) if last and last.last_step is not None else "-",
        _next(place, watch),
        safe(str(watch.run)),
    )


def _next(place: Place, watch: Watch) -> str:
    if watch.next_round_at is None:
        return "-"
    left = (watch.next_round_at - place.engine.world.clock.now()).total_seconds()
    return f"in {say_duration(round(left))}" if left > 0 else "due"


def _last(place: Place, watch: Watch) -> Round | None:
    rounds = place.engine.world.store.rounds(watch.id, limit=1)
    return rounds[-1] if rounds else None


def _expected(change: Announcement) -> str:
    return f"step {say_step(change.step)}" + (f" ({safe(change.what)})" if change.what else "")


def _facts(place: Place, watch: Watch) -> list[tuple[str, str]]:
    context, zone = watch.context, place.settings.timezone
    baseline = ", ".join(f"{safe(name)}={say(value)}" for name, value in context.baseline.items())
    facts = [
        ("Watch", f"{watch.id} ({str(watch.state).replace('_', ' ')})"),
        ("Run", safe(str(watch.run))),
        ("Owner", f"{watch.owner}, since {stamp(watch.created_at, zone)}"),
        ("Rounds", f"{watch.round_count}, every {say_duration(context.interval)}"),
        ("Next check", _next(place, watch)),
        ("Posts", "every round" if context.rounds is Posts.ALL else "what is new"),
        ("Quiet until", stamp(watch.snoozed_until, zone) if watch.snoozed_until else "not snoozed"),
        ("Mode", f"{context.mode} before stopping" if context.mode == "ask" else "stops by itself"),
        ("Job", watch.identity.label if watch.identity else "unknown"),
        ("Stop command", context.stop_command or "none"),
        ("Log", context.log_path or " ".join(context.log_argv) or "none"),
        ("Baseline", baseline or "none"),
        ("Expected", ", ".join(_expected(each) for each in context.announced) or "no change"),
        ("Notes", context.notes_path or "none"),
    ]
    return facts + ([("Ended", str(watch.ended_reason))] if watch.ended_reason else [])
