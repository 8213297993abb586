"""`/watch backtest`: what trainwatch would have done to a run that is over, or to those of a project."""

from __future__ import annotations

from bot.actors import Claim
from bot.blocks.answers import word_message
from bot.blocks.backtest import backtest_message
from bot.blocks.limits import Message
from bot.listeners.desk import Desk
from bot.listeners.parsing import MOST_RUNS, SOME_RUNS, Typed
from bot.texts import text
from trainwatch_core.decision.authority import Verb
from trainwatch_core.engine.switching import QUOTED
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.run import RunKind, RunRef, parse_wandb_project, parse_wandb_run


def backtested(desk: Desk, claim: Claim, typed: Typed) -> Message:
    """Try it, which takes minutes; one at a time, beside the work of the bot.

    Raises:
        NotAllowedError: If this person may watch no run.
        InvalidInputError: If it names neither run nor project, or none that may be watched here.
        SourceUnavailableError: If W&B does not say which runs there are.
    """
    desk.admit(claim, Verb.WATCH, None)
    subject, run, last = _wanted(typed)
    world = desk.engine.world
    if world.backtest is None:
        return word_message(text("went-wrong"))
    if not desk.settings.wandb.entities and run.project not in desk.choices.projects():
        # The key of W&B is the operator's: without their word its owner's projects are all that others may look into.
        raise InvalidInputError(text("backtest-foreign"), where=run.project, todo=text("backtest-foreign-todo"))
    with world.exclusive(QUOTED) as mine:
        if not mine:
            return word_message(text("backtest-busy"))
        return backtest_message(subject, world.backtest(run, last))


def _wanted(typed: Typed) -> tuple[str, RunRef, int | None]:
    """What is tried, in a person's words: a run beside which runs are looked for and how many; or one run, and None."""
    told = typed.options["subject"]
    names_run = "/runs/" in told if "://" in told else told.strip("/").count("/") > 1
    if not names_run:
        project = parse_wandb_project(told)
        return project, RunRef(RunKind.WANDB, f"{project}/any"), int(typed.options.get("last", SOME_RUNS))
    if "last" in typed.options:
        raise InvalidInputError(text("backtest-unreadable"), todo=text("backtest-todo", most=MOST_RUNS))
    run = parse_wandb_run(told)
    return run.target, run, None
