"""`trainwatch audit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import click

from trainwatch_core.cli.place import Place, open_place
from trainwatch_core.model.change import AuditRow
from trainwatch_core.model.duration import parse_duration
from trainwatch_core.model.errors import NotFoundError
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.report.audit import audit_cells, audit_entry, audit_proof
from trainwatch_core.report.text import stamp

_PROVEN = frozenset(map(str, (RequestState.STOPPED, RequestState.FAILED, RequestState.UNKNOWN)))
"""The verbs of rows that say how a stop came out."""


@click.command()
@click.argument("watch", required=False)
@click.option("--since", metavar="DURATION", help="Only what happened since, e.g. 7d.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with command, outcome and proof.")
@click.pass_context
def audit(ctx: click.Context, watch: str | None, since: str | None, *, as_json: bool) -> None:
    """Who asked, approved, refused and stopped what: every act and every refusal, oldest first, only ever appended to.

    WATCH: the id of one watch, or its run; without it all of them, ended ones too.
    """
    place = open_place(ctx)
    store = place.engine.world.store
    about = None if watch is None else place.engine.watches.find(watch).id
    begin = None if since is None else place.engine.world.clock.now() - timedelta(seconds=parse_duration(since))
    rows = store.audited(watch_id=about, since=begin)
    if as_json:
        for row in rows:
            click.echo(json.dumps(audit_entry(row, _request(place, row)), ensure_ascii=True))
        return
    _table(place, rows)


def _table(place: Place, rows: Sequence[AuditRow]) -> None:
    if not rows:
        click.echo("Nothing was done and nothing was refused yet.")
        return
    cells = [(stamp(row.at, place.settings.timezone), *audit_cells(row)) for row in rows]
    head = ("WHEN", "WHO", "WHAT", "ALLOWED", "WATCH/REQUEST", "WHY")
    widths = [max(len(line[i]) for line in (head, *cells)) for i in range(5)]

    def line(texts: tuple[str, ...]) -> str:
        return "  ".join([*(text.ljust(width) for text, width in zip(texts, widths, strict=False)), texts[5]])

    click.echo(line(head))
    for row, texts in zip(rows, cells, strict=True):
        click.echo(line(texts))
        request = _request(place, row) if row.verb in _PROVEN else None
        for said in audit_proof(request) if request is not None else ():
            click.echo(f"    {said}")


def _request(place: Place, row: AuditRow) -> StopRequest | None:
    """The stop request of a row; a refusal may name one that never was."""
    if not row.request_id:
        return None
    try:
        return place.engine.world.store.request(row.request_id)
    except NotFoundError:
        return None
