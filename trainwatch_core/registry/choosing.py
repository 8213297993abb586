"""Which runs there are to choose from. The rooms of the trackers are entered only when they are needed."""

from __future__ import annotations

from collections.abc import Sequence

from trainwatch_core.config import Settings
from trainwatch_core.model.run import RunChoice, RunKind, RunRef
from trainwatch_core.registry.sources import allows, require_allowed

CHOICES = 50
"""Runs that a list offers: a person who does not find theirs types more of its name."""


def finished_runs(project: str, settings: Settings, *, last: int) -> Sequence[str]:
    """The last runs of a W&B project that are over, newest first, in words that `locate` reads.

    Raises:
        InvalidInputError: If runs of this entity are not watched here.
        SourceUnavailableError: If nobody can say which runs there are.
    """
    some = RunRef(RunKind.WANDB, f"{project}/any")
    require_allowed(some, settings)
    folder = settings.offline_folder(some)
    if folder:
        return offline_runs(folder, last=last)
    from trainwatch_core.adapters.sources.wandb.projects import runs_that_are_over  # noqa: PLC0415  # a command that needs no W&B starts without it
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # likewise

    endpoint = load_endpoint(settings.wandb.base_url)
    return runs_that_are_over(endpoint, project, last=last, seconds=settings.wandb.timeout)


def projects_to_choose(settings: Settings) -> Sequence[str]:
    """W&B projects whose runs may be watched here, as `entity/project`: of `[wandb] entities`, else of the key's user.

    Raises:
        SourceUnavailableError: If W&B does not say.
    """
    from trainwatch_core.adapters.sources.wandb.picking import projects_of  # noqa: PLC0415  # likewise
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # likewise

    allowed = settings.wandb.entities
    owners = sorted({each.partition("/")[0] for each in allowed if "*" not in each.partition("/")[0]})
    endpoint = load_endpoint(settings.wandb.base_url)
    found = projects_of(endpoint, owners, seconds=settings.wandb.timeout)
    return [project for project in found if not allowed or allows(allowed, project)]


def runs_to_choose(project: str, words: str, settings: Settings, *, seconds: float) -> Sequence[RunChoice]:
    """Runs of a W&B project whose name or id has some words in it; those that run first, then the newest first.

    Raises:
        InvalidInputError: If runs of this project are not watched here.
        SourceUnavailableError: If W&B does not say.
    """
    from trainwatch_core.adapters.sources.wandb.picking import runs_to_choose as choose  # noqa: PLC0415  # likewise
    from trainwatch_core.adapters.sources.wandb.settings import load_endpoint  # noqa: PLC0415  # likewise

    require_allowed(RunRef(RunKind.WANDB, f"{project}/any"), settings)
    return choose(load_endpoint(settings.wandb.base_url), project, words, first=CHOICES, seconds=seconds)


def offline_runs(folder: str, *, last: int) -> Sequence[str]:
    """The paths of the last offline runs in a folder, newest first.

    Raises:
        SourceUnavailableError: If it cannot be read, or holds none.
    """
    from trainwatch_core.adapters.sources.wandb.folder import runs_in  # noqa: PLC0415  # likewise

    return runs_in(folder, last=last)
