"""Whether two looks have seen the same job: a name is not an identity, the facts are."""

from __future__ import annotations

from trainwatch_core.model.errors import StopRefusedError
from trainwatch_core.model.stop import JobIdentity


def require_known(known: JobIdentity | None, found: JobIdentity | None) -> None:
    """Raise unless what was found is the job that is watched; where none is known, anything is.

    Raises:
        StopRefusedError: If they differ.
    """
    if known is not None and (found is None or dict(known.facts) != dict(found.facts)):
        raise StopRefusedError(
            "The job is another one than the one that is watched",
            where=f"{known.kind}:{known.target}: now {found.label if found else 'nothing'}; then {known.label}",
            todo="Register the watch again if this is the job you mean",
        )


def require_same(planned: JobIdentity, now: JobIdentity) -> None:
    """Raise unless a plan's job is the one that is there now, on the same host.

    Raises:
        StopRefusedError: If any fact differs.
    """
    if dict(planned.facts) == dict(now.facts) and planned.host == now.host:
        return
    names = sorted({*planned.facts, *now.facts})
    changed = ", ".join(name for name in names if planned.facts.get(name) != now.facts.get(name))
    raise StopRefusedError(
        f"This is not the job that was to be stopped: {changed or 'its host'} differs",
        where=f"now {now.label}; then {planned.label}",
        todo="Nothing was done; watch the run again with the launch that it has now",
    )
