"""Which metrics of a run are read: those with a role first, at most as many as a history keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from trainwatch_core.model.roles import Role, infer_role, words
from trainwatch_core.model.series import MAX_SERIES

RESERVE = 8
"""Places that metrics without a role do not get: an evaluation is often logged hours after the first step."""

_RANK = {
    role: rank
    for rank, role in enumerate(
        (
            Role.TRAIN_LOSS,
            Role.EVAL_LOSS,
            Role.GRAD_NORM,
            Role.LOSS_SCALE,
            Role.LEARNING_RATE,
            Role.EVAL_SCORE,
            Role.TRAIN_SCORE,
            Role.OTHER,
            Role.PROGRESS,
        )
    )
}
_PLAIN = frozenset({Role.OTHER, Role.PROGRESS})
_SHOWN = 3
_LONGEST = 80


def hidden(name: str) -> bool:
    """Whether a key is the tracker's own: `_step`, `system/...`, `histogram._type`."""
    return name.startswith(("_", "system/", "system.")) or "._" in name or not name


def choose(names: Iterable[str], kept: Sequence[str] = (), named: Collection[str] = ()) -> tuple[str, ...]:
    """Those that are kept, and behind them as many of the new names as there is room for.

    Args:
        names: What the run has.
        kept: What was chosen before.
        named: What the person spoke of: it comes first, whatever its name tells.
    """
    chosen = dict.fromkeys(kept)
    fresh = [(infer_role(name)[0], name) for name in names if name not in chosen and not hidden(name)]
    for role, name in sorted(
        fresh, key=lambda pair: (pair[1] not in named, _RANK[pair[0]], len(words(pair[1])), pair[1])
    ):
        if len(chosen) < MAX_SERIES - (RESERVE if role in _PLAIN and name not in named else 0):
            chosen[name] = None
    return tuple(chosen)


def left_out_note(names: Iterable[str]) -> tuple[str, ...]:
    """A sentence that names what is not read; nothing if all is read."""
    left = sorted(names)
    return (f"Not read, because a watch keeps at most {MAX_SERIES} metrics: {some_of(left)}",) if left else ()


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(name[:_LONGEST] for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
