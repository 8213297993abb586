"""Which metric plays which role, said once in the first report: whoever sees it read wrongly can say so."""

from __future__ import annotations

from collections.abc import Mapping

from trainwatch_core.model.roles import Goal, Role, main_of
from trainwatch_core.model.round import View

_WORDS: Mapping[Role, str] = {
    Role.TRAIN_LOSS: "training loss",
    Role.EVAL_LOSS: "eval loss",
    Role.EVAL_SCORE: "eval score",
    Role.TRAIN_SCORE: "training score",
    Role.LEARNING_RATE: "learning rate",
    Role.GRAD_NORM: "gradient norm",
    Role.LOSS_SCALE: "loss scale",
}
_GOALS = {Goal.MINIMIZE: "lower is better", Goal.MAXIMIZE: "higher is better"}
_SCORES = frozenset({Role.EVAL_SCORE, Role.TRAIN_SCORE})


def role_line(view: View) -> str:
    """One sentence with the metric that speaks for each role; empty if no metric has one."""
    counts = {name: series.count for name, series in view.history.series.items()}
    parts = []
    for role, word in _WORDS.items():
        name = main_of(role, view.roles, counts)
        if name is not None and counts.get(name):
            goal = _GOALS.get(view.goals[name]) if name in view.goals else "direction unknown, so it decides nothing"
            parts.append(f"{name[:60]} as {word}" + (f" ({goal})" if role in _SCORES else ""))
    return f"I read {', '.join(parts)}." if parts else ""
