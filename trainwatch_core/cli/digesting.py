"""`trainwatch digest`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from trainwatch_core.cli.place import open_place
from trainwatch_core.engine.standing import Standing
from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import StorageError
from trainwatch_core.report.digest_text import say_digest


@click.command()
@click.option("--since", metavar="DURATION", default="24h", show_default=True, help="Tell what happened since.")
@click.option("--png", type=click.Path(path_type=Path), help="File for one picture of the runs, the worst first.")
@click.pass_context
def digest(ctx: click.Context, since: str, png: Path | None) -> None:
    """The day at a glance: who needs somebody, best and latest values, what ended and who decided, what was saved.

    The same that Slack is told once a day. Nothing is looked at anew, and nothing is sent.
    """
    place = open_place(ctx)
    world = place.engine.world
    standing = Standing(world)
    begin = world.clock.now() - timedelta(seconds=parse_duration(since))
    told = standing.day(begin, mine=lambda _watch: True, link=lambda _watch: "")
    click.echo(say_digest(told, zone=place.settings.timezone, width=place.screen.width()))
    if png is None:
        return
    spec = standing.pictured(told)
    if spec is None:
        click.echo("\nThere is nothing to draw yet.")
        return
    try:
        png.write_bytes(world.painter.paint_multiples(spec))
    except OSError as error:
        raise StorageError(f"The picture cannot be written: {error.strerror}", where=str(png)) from error
    click.echo(f"\nPicture: {png}")
