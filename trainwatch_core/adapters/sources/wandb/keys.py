"""Which metrics of a run are read: those with a role first, at most as many as a history keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def choose(names: Iterable[str], kept: Sequence[str] = ()) -> tuple[str, ...]:
    """Those that are kept, and behind them as many of the new names as there is room for."""
    chosen = dict.fromkeys(kept)
    fresh = [(infer_role(name)[0], name) for name in names if name not in chosen and not hidden(name)]
    for role, name in sorted(fresh, key=lambda pair: (_RANK[pair[0]], len(words(pair[1])), pair[1])):
        if len(chosen) < MAX_SERIES - (RESERVE if role in _PLAIN else 0):
            chosen[name] = None
    return tuple(chosen)


def left_out_note(names: Iterable[str]) -> tuple[str, ...]:
    """A sentence that names what is not read; nothing if all is read."""
    left = sorted(names)
    if not left:
        return ()
    shown = ", ".join(name[:_LONGEST] for name in left[:_SHOWN])
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return (f"Not read, because a watch keeps at most {MAX_SERIES} metrics: {shown}{more}",)
