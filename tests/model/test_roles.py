"""Roles are told by names, and a direction only where the name is certain."""

from __future__ import annotations

import pytest

from trainwatch_core.model.roles import (
    Goal,
    Role,
    assign_goals,
    assign_roles,
    infer_role,
    loss_is_a_game,
    main_of,
    names_a_loss,
    words,
)

MIN, MAX = Goal.MINIMIZE, Goal.MAXIMIZE

NAMES = [
    ("loss", Role.TRAIN_LOSS, MIN),
    ("train/loss", Role.TRAIN_LOSS, MIN),
    ("trainLoss", Role.TRAIN_LOSS, MIN),
    ("lm loss", Role.TRAIN_LOSS, MIN),
    ("train/CrossEntropyLoss", Role.TRAIN_LOSS, MIN),
    ("train_perplexity_step", Role.TRAIN_LOSS, MIN),
    ("train-rmse", Role.TRAIN_LOSS, MIN),
    ("logloss", Role.TRAIN_LOSS, MIN),
    ("train/nt_xent", Role.TRAIN_LOSS, MIN),
    ("loss/val", Role.EVAL_LOSS, MIN),
    ("valloss", Role.EVAL_LOSS, MIN),
    ("Validation Loss", Role.EVAL_LOSS, MIN),
    ("test_mse", Role.EVAL_LOSS, MIN),
    ("val_bpb", Role.EVAL_LOSS, MIN),
    ("eval_g0_loss", Role.EVAL_LOSS, MIN),
    ("val_acc", Role.EVAL_SCORE, MAX),
    ("Test Instance Accuracy", Role.EVAL_SCORE, MAX),
    ("metrics/mAP50-95(B)", Role.EVAL_SCORE, MAX),
    ("eval mIoU of Lamp", Role.EVAL_SCORE, MAX),
    ("eval_rouge2", Role.EVAL_SCORE, MAX),
    ("eval/f1", Role.EVAL_SCORE, MAX),
    ("eval_wer", Role.EVAL_SCORE, MIN),
    ("test_error(%)", Role.EVAL_SCORE, MIN),
    ("val_top5_err", Role.EVAL_SCORE, MIN),
    ("fid50k_full", Role.TRAIN_SCORE, MIN),
    ("rollout/ep_rew_mean", Role.TRAIN_SCORE, MAX),
    ("train_acc", Role.TRAIN_SCORE, MAX),
    ("dev_score", Role.EVAL_SCORE, None),
    ("val/elbo", Role.EVAL_SCORE, None),
    ("lr-AdamW", Role.LEARNING_RATE, None),
    ("lr/pg0", Role.LEARNING_RATE, None),
    ("x/lr0", Role.LEARNING_RATE, None),
    ("Learning rate", Role.LEARNING_RATE, None),
    ("train/gradNorm", Role.GRAD_NORM, None),
    ("gnorm", Role.GRAD_NORM, None),
    ("gradient/norm", Role.GRAD_NORM, None),
    ("train/epoch", Role.PROGRESS, None),
    ("eval_samples_per_second", Role.PROGRESS, None),
    ("system/gpu.0.loss", Role.PROGRESS, None),
    ("_runtime", Role.PROGRESS, None),
    ("loss_scale", Role.LOSS_SCALE, None),
    ("train/lossScale", Role.LOSS_SCALE, None),
    ("grad_scale", Role.LOSS_SCALE, None),
    ("amp/scaler", Role.LOSS_SCALE, None),
    ("fp16_scale", Role.LOSS_SCALE, None),
    ("reward_scale", Role.OTHER, None),
    ("scale", Role.OTHER, None),
    ("val_loss_scale", Role.OTHER, None),
    ("loss_weight", Role.OTHER, None),
    ("r", Role.OTHER, None),
    ("l", Role.OTHER, None),
    ("t", Role.OTHER, None),
    ("d_loss", Role.OTHER, None),
    ("errG", Role.OTHER, None),
    ("train/value_loss", Role.OTHER, None),
    ("train/entropy_loss", Role.OTHER, None),
    ("reward_std", Role.OTHER, None),
    ("Best mIoU", Role.OTHER, None),
    ("kl_weight", Role.OTHER, None),
    ("glossary", Role.OTHER, None),
    ("accrual", Role.OTHER, None),
    ("", Role.OTHER, None),
    ("%$", Role.OTHER, None),
]


@pytest.mark.parametrize(("name", "role", "goal"), NAMES)
def test_a_name_tells_its_role(name: str, role: Role, goal: Goal | None) -> None:
    """Names as real loggers write them get the role and the direction a person would give them."""
    assert infer_role(name) == (role, goal)


def test_words_come_apart_at_capitals_digits_and_signs() -> None:
    """Camel case, digits at the end and any sign between are seams."""
    assert words("train/gradNorm_2") == ("train", "grad", "norm", "2")
    assert words("mAP50") == ("map", "50")
    assert words("valAcc") == ("val", "acc")


def test_a_name_of_any_length_is_read_in_bounded_time() -> None:
    """Only the first 200 characters of an untrusted name are looked at."""
    assert infer_role("x" * 10_000_000 + " loss") == (Role.OTHER, None)


def test_the_persons_word_wins() -> None:
    """An override beats the name."""
    assert assign_roles(["loss", "foo"], {"foo": Role.EVAL_LOSS}) == {"loss": Role.TRAIN_LOSS, "foo": Role.EVAL_LOSS}


def test_an_override_of_a_metric_that_is_not_there_adds_nothing() -> None:
    """Roles and goals are told of what was logged, and of nothing else."""
    assert assign_roles(["loss"], {"foo": Role.EVAL_LOSS}) == {"loss": Role.TRAIN_LOSS}
    assert assign_goals(["loss"], {"foo": MAX}) == {"loss": MIN}


def test_goals_are_told_where_the_name_is_certain() -> None:
    """A score without a direction has none until the person gives it one, and the person's word wins."""
    names = ["val_acc", "val_loss", "val_score", "lr"]
    assert assign_goals(names) == {"val_acc": MAX, "val_loss": MIN}
    assert assign_goals(names, {"val_score": MAX, "val_acc": MIN}) == {
        "val_acc": MIN,
        "val_loss": MIN,
        "val_score": MAX,
    }


def test_the_columns_of_a_monitor_file_are_known_only_together() -> None:
    """Reward, length and time of Stable-Baselines3 are one letter each: alone, a letter tells nothing."""
    monitor = ["r", "l", "t"]
    assert assign_roles(monitor) == {"r": Role.TRAIN_SCORE, "l": Role.OTHER, "t": Role.PROGRESS}
    assert assign_goals(monitor) == {"r": MAX}
    assert loss_is_a_game(iter(monitor))
    assert assign_roles(["r", "l"]) == {"r": Role.OTHER, "l": Role.OTHER}
    assert assign_goals(["r", "t"]) == {}
    assert not loss_is_a_game(["l", "t"])
    assert assign_roles(monitor, {"l": Role.TRAIN_LOSS})["l"] is Role.TRAIN_LOSS
    assert assign_goals(monitor, {"r": MIN}) == {"r": MIN}


def test_names_may_be_read_only_once() -> None:
    """An iterator of names is as good as a list."""
    assert assign_roles(iter(["loss"])) == {"loss": Role.TRAIN_LOSS}
    assert assign_goals(iter(["loss"])) == {"loss": MIN}


@pytest.mark.parametrize(
    ("counts", "main"),
    [
        ({"loss": 10, "loss_box": 500}, "loss"),
        ({"train_loss_epoch": 5, "train_loss_step": 500}, "train_loss_step"),
        ({"box_loss": 5, "cls_loss": 9}, "cls_loss"),
        ({"lr": 5}, None),
    ],
)
def test_the_plainest_name_speaks_for_a_role(counts: dict[str, int], main: str | None) -> None:
    """Plain names first, then the one with the most samples; none if nobody plays the role."""
    assert main_of(Role.TRAIN_LOSS, assign_roles(counts), counts) == main


@pytest.mark.parametrize(
    ("names", "game"),
    [
        (["loss", "val_loss"], False),
        (["d_loss", "g_loss"], True),
        (["errD", "errG"], True),
        (["train/loss", "rollout/ep_rew_mean"], True),
        (["loss", "val_acc", "epoch"], False),
    ],
)
def test_games_are_told_by_their_names(names: list[str], *, game: bool) -> None:
    """GANs and reinforcement learning are known by their players and rewards."""
    assert loss_is_a_game(names) is game


def test_a_players_loss_is_a_loss_but_its_scale_is_none() -> None:
    """A NaN in a generator's loss matters; a loss scale is no loss."""
    assert names_a_loss("g_loss")
    assert not names_a_loss("loss_scale")
    assert not names_a_loss("val_acc")
