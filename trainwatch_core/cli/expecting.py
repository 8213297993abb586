"""`trainwatch expect | false-alarm`."""

from __future__ import annotations

import click

from trainwatch_core.cli.place import open_place
from trainwatch_core.model.announcement import parse_step
from trainwatch_core.model.numbers import say_step


@click.command()
@click.argument("watch")
@click.argument("what", nargs=-1)
@click.option("--at", metavar="STEP", help="Where it comes (default: the newest step that was seen).")
@click.pass_context
def expect(ctx: click.Context, watch: str, what: tuple[str, ...], *, at: str | None) -> None:
    """A change of WATCH is meant to happen: say WHAT in your words. What follows from it is no reason to stop."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    step = parse_step(at) if at is not None else None
    noted = place.engine.announcing.expect(found.id, place.actor, " ".join(what), at=step)
    words = f" ({noted.what})" if noted.what else ""
    click.echo(f"Noted for watch {found.id}: a change at step {say_step(noted.step)}{words}.")


@click.command("false-alarm")
@click.argument("watch")
@click.pass_context
def false_alarm(ctx: click.Context, watch: str) -> None:
    """What WATCH shows now is meant to be so. A stop that waits for an answer is declined."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    noted = place.engine.announcing.false_alarm(found.id, place.actor)
    click.echo(f"Noted for watch {found.id}: a false alarm at step {say_step(noted.step)}. The run goes on.")
