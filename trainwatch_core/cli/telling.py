"""`trainwatch edit | snooze | note`."""

from __future__ import annotations

from pathlib import Path

import click

from trainwatch_core.cli.options import as_given, settle, was_given, watch_options
from trainwatch_core.cli.place import open_place
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.quiet import snooze_until
from trainwatch_core.report.text import stamp


@click.command()
@click.argument("watch")
@watch_options
@click.pass_context
def edit(ctx: click.Context, /, watch: str, **options: object) -> None:
    """Tell WATCH anew what it was told: only what is given changes. A shorter interval counts from now on."""
    place = open_place(ctx)
    given = as_given(options)
    if not was_given(given):
        raise InvalidInputError("Nothing is given that could change", todo="E.g. trainwatch edit WATCH --every 10m")
    found = place.engine.watches.find(watch)
    place.engine.editing.edit(found.id, place.actor, lambda known: settle(known, given, cwd=Path.cwd()))
    click.echo(f"Watch {found.id} is told anew. See: trainwatch show {found.id}")


@click.command()
@click.argument("watch")
@click.argument("until", nargs=-1, metavar="[2h | until 08:00 | tomorrow | off]")
@click.pass_context
def snooze(ctx: click.Context, watch: str, until: tuple[str, ...]) -> None:
    """Post no ordinary rounds of WATCH for a while (default: 2 hours). Looking goes on; a STOP is said at once."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    words, zone = " ".join(until), place.settings.timezone
    end = None if words == "off" else snooze_until(words, place.engine.world.clock.now(), zone)
    place.engine.editing.snooze(found.id, place.actor, end)
    how = f"is quiet until {stamp(end, zone)}" if end is not None else "tells of every check again"
    click.echo(f"Watch {found.id} {how}.")


@click.command()
@click.argument("watch")
@click.argument("words", nargs=-1, required=True)
@click.pass_context
def note(ctx: click.Context, watch: str, words: tuple[str, ...]) -> None:
    """Keep WORDS about WATCH: in the audit, and in its notes file if it has one."""
    place = open_place(ctx)
    found = place.engine.watches.find(watch)
    place.engine.editing.note(found.id, place.actor, " ".join(words))
    path = found.context.notes_path
    click.echo(f"Noted for watch {found.id}{f'. It goes to {path} with the next tick' if path else ', in the audit'}.")
