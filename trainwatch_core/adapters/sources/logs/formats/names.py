"""What stands in front of a number: the name of a metric, of a position (step, epoch), or nothing."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from trainwatch_core.model.roles import Role, infer_role, words

NAME_LIMIT = 100
_WINDOW = 160  # characters in front of a number that may hold its name
_MAX_WORDS = 5

STEP_RANK = {
    **dict.fromkeys(("global step", "globalstep", "trainer global step", "train global step"), 6),
    **dict.fromkeys(("step", "steps", "current steps", "training step", "train step"), 5),
    **dict.fromkeys(("iteration", "iterations", "iter", "iters", "itr", "it", "training iteration", "num updates"), 4),
    **dict.fromkeys(("total timesteps", "total env steps", "timesteps total", "env steps", "time total timesteps"), 4),
    "misc total timesteps": 4,
    "misc nupdates": 3,
    **dict.fromkeys(("update", "updates", "up.", "global episode", "episode", "episodes", "generation", "kimg"), 3),
    **dict.fromkeys(("batch", "batches", "batch idx", "minibatch", "tick"), 2),
}
EPOCHS = frozenset({"epoch", "ep", "ep.", "train epoch", "training epoch", "eval epoch"})
TOTALS = frozenset({"total steps", "max steps", "total iterations", "max iters", "num training steps"})
SETTINGS = frozenset({"steps", "iterations", "episodes", "batches", "updates"})  # in a dict these are settings
_DECISIVE = frozenset({Role.TRAIN_LOSS, Role.EVAL_LOSS, Role.EVAL_SCORE, Role.TRAIN_SCORE, Role.GRAD_NORM})
_LOSSES = frozenset({"loss", "losses"})
_OF_A_LOSS = frozenset(
    {"weight", "weights", "coef", "coeff", "lambda", "beta", "ratio", "frac", "std", "var", "best"}
    | {"fn", "function", "type", "name", "reduction", "scale", "scaler", "every", "interval", "step", "steps", "epoch"}
)
_PLAIN = frozenset(
    {"loss", "train", "training", "total", "lm", "eval", "val", "valid", "validation", "test", "avg", "mean"}
)
_SILENT = frozenset(
    {"eta", "seed", "epochs", "pid", "rank", "line", "port", "elapsed", "percentage", "current epoch"}
    | {"images", "instances", "labels", "class"}  # how much an evaluation looked at
)

_DELIMITER = re.compile(r"[|,;{}\[\]()<>\t:\"`]|'(?!s )|\s{2,16}| - |[-=]>|={3,64}|\. (?=[a-z])")
_CLOCK = re.compile(r"\((?:t|s|ms|sec|secs|seconds|time)\)$")
_TAIL = re.compile(r"\([A-Za-z%/. ]{1,16}\)$")
_LEADING = re.compile(r"^(?:[^A-Za-z_]{1,160}(?:[AP]M )?|[AP]M )")
_NAME = re.compile(r"[A-Za-z_][^\s=]{0,59}(?: [A-Za-z(#][^\s=]{0,39}){0,4}")
_SOURCE_FILE = re.compile(r"\.(?:py|pyx|c|cc|cpp|cu|cuh|h|hpp|go|rs|jl|java|lua|sh|ipynb)$")
PART = re.compile(
    r"(?<![\w./\-])(train|training|valid|validation|val|eval|evaluation|test|dev|cv)(?![\w./\-])", re.IGNORECASE
)
# `completed step 5`, `loss at step 5`, `Learning iteration 5`: the words in front of a position, and what it is of.
_TOLD = re.compile(
    r"(?:(.{0,80}) )?(?:at|after|for|completed|finished|learning|optimizer|current)"
    r"(?: global)? (step|iteration|epoch)"
)
_LOGGER = re.compile(r"[\w.]{1,80}:[\w<>]{1,60}:$")  # package.module:function:270
_STORY = re.compile(r"\b(?:improved?|improve) from\b|\bnot improve\b", re.IGNORECASE)


class Sign(Enum):
    """What ties a number to the name in front of it."""

    ASSIGNED = "assigned"  # loss=0.5, loss: 0.5
    QUOTED = "quoted"  # 'loss': 0.5
    BARE = "bare"  # loss 0.5
    LIST = "list"  # step: [5/10]


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role:
    """The role of a metric by its name alone."""
    return infer_role(name)[0]


def decisive(name: str) -> bool:
    """Whether a metric of this name can matter to a verdict (learning rates excluded: every configuration has some)."""
    role = role_of(name)
    return role in _DECISIVE or (role is Role.OTHER and not _LOSSES.isdisjoint(told := words(name)) and _own(told))


def _own(told: tuple[str, ...]) -> bool:
    """Whether the words name a loss itself, such as that of a player, and not a weight of it or a setting."""
    return told[-1] in _LOSSES or _OF_A_LOSS.isdisjoint(told)


def plain(name: str) -> bool:
    """Whether the name is nothing but a loss or a score: `val loss`, not `loss_weight`."""
    return decisive(name) and ("loss" not in words(name) or set(words(name)) <= _PLAIN)


def silent(name: str) -> bool:
    """Whether a number of this name is no metric: settings and clocks."""
    return name.startswith("__") or spoken(name) in _SILENT or bool(_STORY.search(name))


def spoken(name: str) -> str:
    """A name for comparison with the tables above: lower case, separators as spaces, without what is in brackets."""
    return _TAIL.sub("", name.lower()).replace("_", " ").replace("/", " ").strip()


def told_position(name: str) -> tuple[str, str] | None:
    """A position in words: `val loss at step` is a step, and a number that follows it is of `val loss`.

    Returns:
        The word for the position, and the metric (empty if there is none); None if the name is no such words.
    """
    found = _TOLD.fullmatch(_TAIL.sub("", name).lower())
    return (found.group(2), name[: len(found.group(1) or "")]) if found else None


def clock(name: str) -> bool:
    """Whether a number of this name is a time: `Batch (t)` is what a batch takes, not which one it is."""
    return bool(_CLOCK.search(name))


def step_rank(name: str, sign: Sign) -> int:
    """How well a name says "this is the step": 0 if it does not, or says how long one takes."""
    said = spoken(name)
    if (sign is Sign.QUOTED and said in SETTINGS) or clock(name):
        return 0
    return STEP_RANK.get(said, 0)


def name_before(text: str, after: str) -> tuple[str, Sign] | None:
    """The name that the text in front of a number ends with.

    Args:
        text: What stands between the number before (or the start of the line) and the number.
        after: What follows the number.

    Returns:
        The name and how it is tied to the number; None if there is none.
    """
    front = text[-_WINDOW:].rstrip()
    in_list = front.endswith("[")
    front = front.removesuffix("[").rstrip()
    if front[-1:] in {"'", '"'} and after[:1] in {front[-1:], "/"}:  # '0.5', '5/10': numbers written as strings
        front = front[:-1].rstrip()
    if front.endswith(("->", "=>")):
        front = front[:-2] + " ="
    tie = front[-1:]
    if tie not in {"=", ":"}:
        name = _segment(front)
        return (name, Sign.LIST if in_list else Sign.BARE) if name else None
    front = front[:-1]
    attached = not front[-1:].isspace()
    front = front.rstrip()
    if front[-1:] in {"'", '"'}:
        _, opening, key = front[:-1].rpartition(front[-1])
        told = Sign.LIST if in_list else Sign.QUOTED
        return (key, told) if opening and key and key.isprintable() else None
    name = _segment(front, last_word=attached and (tie == "=" or text[-1:] == ":"))
    if attached and tie == ":" and _is_source(name, text, after):
        return None
    return (name, Sign.LIST if in_list else Sign.ASSIGNED) if name else None


def _segment(front: str, *, last_word: bool = False) -> str:
    """The words (or only the last one) after the last delimiter; empty unless they make a name."""
    tail = _TAIL.search(front)
    body = front[: tail.start()].rstrip() if tail else front
    glued = bool(tail) and len(body) == len(front) - len(tail.group()) if tail else False
    words_ = _LEADING.sub("", _DELIMITER.split(body)[-1].strip(" *"))
    if last_word:
        words_ = words_.rpartition(" ")[2]
    name = f"{words_}{'' if glued else ' '}{tail.group()}" if tail and words_ else words_
    if not _NAME.fullmatch(name) or name.count(" ") >= _MAX_WORDS or not name.isprintable():
        return ""
    return name[:NAME_LIMIT]


def _is_source(name: str, text: str, after: str) -> bool:
    """Whether `name:<number>` names a line of source code, as loggers print it, or ends in a range."""
    if _SOURCE_FILE.search(name):
        return True
    if text[-1:] != ":":
        return False
    logged = after.startswith(" >>") or (after.startswith(" - ") and _LOGGER.search(text[-_WINDOW:]))
    return "@" in name or bool((logged or after[:1] in {")", "]", "\t"}) and not decisive(name))
