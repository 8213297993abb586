"""`/watch backtest`: what trainwatch would have done to finished runs of a project."""

from __future__ import annotations

from bot.actors import Claim
from bot.blocks.answers import backtest_message, word_message
from bot.blocks.limits import Message
from bot.listeners.desk import Desk
from bot.listeners.parsing import Typed
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.switching import QUOTED
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_project


def backtested(desk: Desk, claim: Claim, typed: Typed) -> Message:
    """Try it, which takes minutes; one at a time, beside the work of the bot.

    Raises:
        NotAllowedError: If this person may watch no run.
        InvalidInputError: If it names no project, or none that may be watched here.
        SourceUnavailableError: If W&B does not say which runs there are.
    """
    desk.admit(claim, Verb.WATCH, None)
    project = parse_wandb_project(typed.options["project"])
    world = desk.engine.world
    if world.backtest is None:
        return word_message(text("went-wrong"))
    if not desk.settings.wandb.entities and project not in desk.choices.projects():
        # The key of W&B is the operator's: without their word its owner's projects are all that others may look into.
        raise InvalidInputError(text("backtest-foreign"), where=project, todo=text("backtest-foreign-todo"))
    with world.exclusive(QUOTED) as mine:
        if not mine:
            return word_message(text("backtest-busy"))
        return backtest_message(
            project, world.backtest(RunRef(RunKind.WANDB, f"{project}/any"), int(typed.options["last"]))
        )
