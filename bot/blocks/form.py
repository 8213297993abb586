"""The form of a watch: a new one, or one that is told anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.blocks.fields import (
    OPTION_VALUE,
    OPTIONS,
    View,
    channel_field,
    choice_field,
    form,
    option_of,
    search_field,
    text_field,
)
from bot.blocks.limits import Block, heading, inert, own, plain, small
from bot.ids import CHOOSE_RUN, FORM, Field
from bot.texts import text, text_of
from trainwatch_core.model.run import RunChoice, RunState
from trainwatch_core.model.watch import Mode, Posts

Filled = Mapping[Field, str]
"""What stands in the fields, as a person would type it."""

_FIRST = (Field.LAUNCH, Field.EVERY)
_FURTHER = (
    Field.BASELINE,
    Field.BASELINE_RUN,
    Field.TARGET,
    Field.KEY,
    Field.LOG,
    Field.NOTES,
    Field.STEPS,
    Field.ANNOUNCE,
)
_COMMANDS = (Field.STOP, Field.LOG_COMMAND)
_SIGNS: Mapping[RunState | None, str] = {RunState.RUNNING: "▶", RunState.PENDING: "…", RunState.FINISHED: "✓"}


def new_form(
    filled: Filled,
    *,
    status: str,
    projects: Sequence[str] = (),
    asks_channel: bool,
    commands: bool,
    carried: Mapping[str, object],
) -> View:
    """The form of a run that is not watched yet.

    Args:
        filled: What stands in the fields already.
        status: How far the look-up of projects is, in our words.
        projects: To choose from; none while nobody knows them.
        asks_channel: Whether a channel must be chosen.
        commands: Whether commands may be typed in chat.
        carried: Comes back with it.
    """
    blocks: list[Block] = [small(plain(status))]
    if projects:
        named = [(project, project) for project in projects]
        blocks.append(choice_field(Field.PROJECT, _label(Field.PROJECT), named, projects[0]))
        blocks.append(search_field(Field.RUN, _label(Field.RUN), CHOOSE_RUN, _hint(Field.RUN)))
    # Without lists to choose from there is nothing that it is the other way of.
    label = _label(Field.TYPED if projects else Field.RUN)
    blocks.append(text_field(Field.TYPED, label, filled=filled.get(Field.TYPED, ""), example=_hint(Field.TYPED)))
    if asks_channel:
        blocks.append(channel_field(Field.CHANNEL, _label(Field.CHANNEL), filled.get(Field.CHANNEL, "")))
    blocks += _context(filled, commands=commands)
    return form(text("form-new"), blocks, callback=FORM, submit=text("form-watch"), carried=carried)


def edit_form(run: str, filled: Filled, *, commands: bool, carried: Mapping[str, object]) -> View:
    """The form of a watch that is there, with what it was told.

    Args:
        run: Its name.
        filled: What it was told.
        commands: Whether commands may be typed in chat.
        carried: Comes back with it.
    """
    blocks = [heading(f"*{inert(run)}*"), *_context(filled, commands=commands)]
    return form(text("form-edit"), blocks, callback=FORM, submit=text("form-save"), carried=carried)


def run_options(choices: Sequence[RunChoice]) -> list[Block]:
    """The runs of a list: a sign and a word for how each stands, its name, its id."""
    options = []
    for choice in [choice for choice in choices if len(choice.run.target) <= OPTION_VALUE][:OPTIONS]:
        state = text_of("run", choice.state) if choice.state is not None else text("run-unknown")
        name = choice.name if choice.name == choice.run.short else f"{choice.name} ({choice.run.short})"
        options.append(option_of(f"{_SIGNS.get(choice.state, '✗')} {name} · {state}", choice.run.target))
    return options


def _context(filled: Filled, *, commands: bool) -> list[Block]:
    modes = [(text("form-mode-ask"), str(Mode.ASK)), (text("form-mode-auto"), str(Mode.AUTO))]
    rounds = [(text("form-rounds-all"), str(Posts.ALL)), (text("form-rounds-changes"), str(Posts.CHANGES))]
    return [
        *(_typed(field, filled) for field in _FIRST),
        choice_field(Field.MODE, _label(Field.MODE), modes, filled.get(Field.MODE, "")),
        choice_field(Field.ROUNDS, _label(Field.ROUNDS), rounds, filled.get(Field.ROUNDS, "")),
        small(own(text("form-optional"))),
        *(_typed(field, filled, lines=field is Field.ANNOUNCE) for field in _FURTHER),
        *(_typed(field, filled) for field in (_COMMANDS if commands else ())),
    ]


def _typed(field: Field, filled: Filled, *, lines: bool = False) -> Block:
    return text_field(field, _label(field), filled=filled.get(field, ""), example=_hint(field), lines=lines)


def _label(field: Field) -> str:
    return text_of("field", field)


def _hint(field: Field) -> str:
    return text_of("hint", field)
