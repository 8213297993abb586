"""`trainwatch test`: is everything there that a watch rests on? Nothing is stored, nothing is stopped."""

from __future__ import annotations

import click

from trainwatch_core.cli.findings import bad, good
from trainwatch_core.cli.place import open_place
from trainwatch_core.engine.drytest import dry_test


@click.command()
@click.argument("watch")
@click.pass_context
def test(ctx: click.Context, watch: str) -> None:
    """Try out what WATCH rests on: sources, roles, the job, what a stop would do, notes. Exit code 1 if one fails."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    fine = True
    for tried in dry_test(place.engine.world, found):
        (good(tried.subject, tried.said) if tried.fine else bad(tried.subject, tried.said, tried.todo)).show()
        fine = fine and tried.fine
    click.echo("\nNothing was stopped." + ("" if fine else " Something is not as it must be."))
    ctx.exit(0 if fine else 1)
