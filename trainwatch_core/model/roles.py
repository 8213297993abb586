"""Roles: which metric plays which part, inferred from its name.

Names are matched by whole words ("train/loss", "eval_loss", "valAcc", "lm loss"), so `glossary` is no loss. What its
name does not tell gets the role OTHER and decides nothing; a direction that is not certain (`score`, `elbo`) is left
unknown, because a score read the wrong way round would stop good runs. Losses of players in a game (GAN, actor and
critic) are OTHER too: they rise and fall in healthy runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

_WORD = re.compile(r"[a-z]+[0-9]*|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TAIL_DIGITS = re.compile(r"[0-9]+$")
# Spellings with capitals inside that would fall apart into letters.
_SPELLED = re.compile(r"mAP|mA[PR](?=[^a-z]|$)|m?Io[Uu]|m?IOU")


class Goal(StrEnum):
    """Which way a metric should go."""

    MINIMIZE = "min"
    MAXIMIZE = "max"


class Role(StrEnum):
    """The part a metric plays."""

    TRAIN_LOSS = "train_loss"
    EVAL_LOSS = "eval_loss"
    EVAL_SCORE = "eval_score"
    TRAIN_SCORE = "train_score"
    LEARNING_RATE = "learning_rate"
    GRAD_NORM = "grad_norm"
    LOSS_SCALE = "loss_scale"
    PROGRESS = "progress"
    OTHER = "other"


def _table(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GLUED: Mapping[str, tuple[str, ...]] = {
    **{
        f"{a}{b}": (a, b) for a in ("train", "val", "valid", "test", "dev", "eval") for b in ("loss", "acc", "accuracy")
    },
    **{name: (name[:-1], name[-1]) for name in ("errd", "errg", "lossd", "lossg")},
    **dict.fromkeys(("gradnorm", "gnorm", "gn"), ("grad", "norm")),
    **dict.fromkeys(("logloss", "crossentropy"), ("cross", "loss")),
}
_EVAL = _table("eval val valid validation test dev evaluation heldout holdout")
_LOSS = _table(
    "loss losses nll xent ce perplexity ppl bpb bpc mse rmse mae mape rmsle infonce cost recon reconstruction"
)
_SIGN_UNKNOWN = _table("elbo score scores likelihood loglik logp objective")
_ERRORS = _table("wer cer fid kid err error errors brier eer ece lpips fvd")
_BETTER_HIGH = _table(
    "acc accuracy auc auroc auprc f1 ap map iou miou bleu rouge meteor cider chrf recall precision psnr ssim dice "
    "ndcg mrr hit hits top1 top5 r2 reward rewards rew return returns success kappa mcc pearson spearman winrate"
)
_PLAYERS = _table(
    "d g gen disc generator discriminator adv adversarial gan critic actor policy value vf pg td q entropy fake real kl"
)
_REINFORCED = _table("reward rewards rew return returns episode rollout critic actor policy")
# Said beside a metric's name, these make it a statistic, a weight or a record of it, not the metric itself.
_DERIVED = _table("std stddev var variance best scale scaler weight weights coef coeff lambda beta ratio frac zero")
_PROGRESS = _table(
    "epoch epochs ep step steps iter iters iteration iterations batch timestep timesteps episode episodes runtime eta "
    "elapsed throughput speed samples tokens time hours seconds sec wall memory mem fps wps ups flos num count duration"
)
_PLAIN = _table(
    "loss train training total lm eval val valid validation test dev grad norm learning rate lr mean avg average batch "
    "epoch step running current cross entropy 0"
)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a metric's name, in lower case: `train/gradNorm_2` is train, grad, norm, 2."""
    spelled = _SPELLED.sub(lambda match: f" {match[0].lower()}", name[:200])
    found: list[str] = []
    for word in _WORD.findall(_CAMEL.sub(" ", spelled).lower()):
        bare = _TAIL_DIGITS.sub("", word)
        # `lr0` is lr and 0, but `g0` is a group, not the generator, and `f1` is a name of its own.
        known = word if word in _BETTER_HIGH or len(bare) == 1 else bare
        found.extend(_GLUED.get(known, (known,)) if known else (word,))
        if known and known != word:
            found.append(word[len(known) :])
    return tuple(found)


@lru_cache(maxsize=4096)
def infer_role(name: str) -> tuple[Role, Goal | None]:
    """The role of a metric by its name, and which way it should go where the name tells for certain."""
    found = words(name)
    have = set(found[:-1] if found[-1:] == ("value",) else found)  # `lm loss value` is no value function
    evaluated = bool(have & _EVAL) or name.startswith("metrics/")
    if not found:
        answer: tuple[Role, Goal | None] = (Role.OTHER, None)
    elif name.startswith(("_", "system/", "system.", "gpu")):
        answer = (Role.PROGRESS, None)
    elif "lr" in have or {"learning", "rate"} <= have:
        answer = (Role.LEARNING_RATE, None)
    elif _scales(have):
        answer = (Role.LOSS_SCALE, None)
    elif have & _DERIVED:
        answer = (Role.OTHER, None)
    elif "norm" in have and have & {"grad", "gradient", "grads", "gradients"}:
        answer = (Role.GRAD_NORM, None)
    else:
        answer = _measured(have, evaluated=evaluated)
    return answer


def _scales(have: set[str]) -> bool:
    return bool(have & {"scale", "scaler"} and have & {"loss", "grad", "amp", "fp16", "fp"}) and not have & _EVAL


def _measured(have: set[str], *, evaluated: bool) -> tuple[Role, Goal | None]:
    score = Role.EVAL_SCORE if evaluated else Role.TRAIN_SCORE
    loss = have & _LOSS
    if (loss or have & {"err"}) and have & _PLAYERS and not {"cross", "entropy"} <= have:
        answer: tuple[Role, Goal | None] = (Role.OTHER, None)
    elif loss or {"cross", "entropy"} <= have:
        answer = (Role.EVAL_LOSS if evaluated else Role.TRAIN_LOSS, Goal.MINIMIZE)
    elif have & _ERRORS:
        answer = (score, Goal.MINIMIZE)
    elif have & _BETTER_HIGH or {"exact", "match"} <= have:
        answer = (score, Goal.MAXIMIZE)
    elif have & _SIGN_UNKNOWN:
        answer = (score, None)
    else:
        answer = (Role.PROGRESS if have & _PROGRESS else Role.OTHER, None)
    return answer


_MONITOR = frozenset({"r", "l", "t"})
"""Columns of Stable-Baselines3's Monitor files: reward, length and time. One letter alone tells nothing."""


def assign_roles(names: Iterable[str], overrides: Mapping[str, Role] | None = None) -> dict[str, Role]:
    """The role of every metric; `overrides` are the words of the person and win."""
    known = tuple(names)
    inferred = {name: infer_role(name)[0] for name in known}
    if set(known) >= _MONITOR:
        inferred |= {"r": Role.TRAIN_SCORE, "l": Role.OTHER, "t": Role.PROGRESS}
    return inferred | {name: role for name, role in (overrides or {}).items() if name in inferred}


def assign_goals(names: Iterable[str], overrides: Mapping[str, Goal] | None = None) -> dict[str, Goal]:
    """Which way each metric should go, where its name tells for certain; `overrides` are the words of the person."""
    known = tuple(names)
    inferred = {name: goal for name in known if (goal := infer_role(name)[1]) is not None}
    if set(known) >= _MONITOR:
        inferred["r"] = Goal.MAXIMIZE
    return inferred | {name: goal for name, goal in (overrides or {}).items() if name in known}


def names_a_loss(name: str) -> bool:
    """Whether the name speaks of a loss, that of a player in a game included: a NaN in it is never fine."""
    have = set(words(name))
    return bool(have & _LOSS) and not have & _DERIVED


def loss_is_a_game(names: Iterable[str]) -> bool:
    """Whether the names tell of reinforcement learning or of a GAN: there the level of a loss says little."""
    known = tuple(names)
    if set(known) >= _MONITOR:
        return True
    for name in known:
        have = set(words(name))
        if have & _REINFORCED or (
            have & {"d", "disc", "discriminator", "gan"} and have & {"loss", "err", "real", "fake"}
        ):
            return True
    return False


def main_of(role: Role, roles: Mapping[str, Role], counts: Mapping[str, int] | None = None) -> str | None:
    """The metric that speaks for a role: the plainest name (`loss` before `loss_box`), then the most samples.

    Args:
        role: The role asked for.
        roles: Metric name to role.
        counts: How many samples each metric has; None if unknown.
    """

    def order(name: str) -> tuple[int, int, int, str]:
        found = words(name)
        return (len(set(found) - _PLAIN), -(counts or {}).get(name, 0), len(found), name)

    return min((name for name, played in roles.items() if played is role), key=order, default=None)
