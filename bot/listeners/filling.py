"""What stands in the fields of a form, and what a person's changes to them mean. Pure but for paths of notes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from bot.blocks.form import Filled
from bot.ids import CHOOSE_RUN, VALUE, Field
from bot.listeners.context import settled
from bot.listeners.parsing import KEYS
from trainwatch_core.config import Settings
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.duration import spell_duration
from trainwatch_core.model.errors import InvalidInputError, TrainwatchError
from trainwatch_core.model.watch import WatchContext

OPTIONS = tuple(field for field in Field if field in KEYS)
"""The fields that are options of `/watch`."""
_BLANK: Mapping[Field, Mapping[str, object]] = {
    Field.LAUNCH: {"launch": ""},
    Field.BASELINE: {"baseline": {}},
    Field.BASELINE_RUN: {"baseline_runs": ()},
    Field.TARGET: {"target": {}},
    Field.KEY: {"key_metrics": ()},
    Field.LOG: {"log_path": ""},
    Field.NOTES: {"notes_path": ""},
    Field.STEPS: {"planned_steps": None},
    Field.ANNOUNCE: {"announced": ()},
}
"""What an emptied field means."""


def filled_of(context: WatchContext, settings: Settings) -> Filled:
    """A context as a person would type it into the form.

    Commands are never shown again, they may hold secrets: left empty, they stay as they are.
    """
    notes = PurePath(context.notes_path)
    texts = {
        Field.LAUNCH: context.launch,
        Field.EVERY: spell_duration(context.interval),
        Field.MODE: str(context.mode),
        Field.ROUNDS: str(context.rounds),
        Field.BASELINE: _values(context.baseline),
        Field.BASELINE_RUN: ", ".join(map(str, context.baseline_runs)),
        Field.TARGET: _values(context.target),
        Field.KEY: ", ".join(context.key_metrics),
        Field.LOG: context.log_path,
        Field.NOTES: notes.name if notes.parent == settings.chat_notes else context.notes_path,
        Field.STEPS: f"{context.planned_steps:.15g}" if context.planned_steps else "",
        Field.ANNOUNCE: "\n".join(map(_announced, context.announced)),
    }
    return {field: text for field, text in texts.items() if text}


def marks_of(filled: Filled) -> dict[str, str]:
    """What tells later which fields a person has changed: they may have been told anew meanwhile by somebody else."""
    return {field: _mark(filled.get(field, "")) for field in OPTIONS}


def changed(filled: Filled, marks: Mapping[str, object]) -> Filled:
    """The fields that a person has changed, emptied ones too.

    The mode is always filled in and cannot be emptied: a client that sends none of it sends nothing of fields that
    nobody touched, and an empty field of its means no change.
    """
    tells_all = Field.MODE in filled
    return {
        field: filled.get(field, "")
        for field in OPTIONS
        if _mark(filled.get(field, "")) != marks.get(field) and (field in filled or (tells_all and field in _BLANK))
    }


def told_anew(known: WatchContext, fields: Filled, settings: Settings) -> WatchContext:
    """A context with the fields that a person has changed.

    Raises:
        InvalidInputError: If one of them cannot be read.
    """
    blank: dict[str, Any] = {}
    for field in fields:
        blank |= _BLANK.get(field, {})
    return settled(options_of(fields), replace(known, **blank), settings)


def options_of(fields: Filled) -> dict[str, str]:
    """The fields that are filled, as what was typed after `/watch`."""
    return {str(field): text for field, text in fields.items() if field in OPTIONS and text}


def misread(fields: Filled, known: WatchContext, settings: Settings) -> dict[Field, TrainwatchError]:
    """What is wrong with single fields, each by itself: a person wants to hear of all at once."""
    found: dict[Field, TrainwatchError] = {}
    for key, text in options_of(fields).items():
        try:
            settled({key: text}, known, settings)
        except InvalidInputError as error:
            found[Field(key)] = error
    return found


def filled_in(view: Mapping[str, Any]) -> dict[Field, str]:
    """What a person has filled in."""
    values = view.get("state", {}).get("values", {})
    found = {field: _read(values.get(field)) for field in Field}
    return {field: text for field, text in found.items() if text}


def _read(block: object) -> str:
    if not isinstance(block, Mapping):
        return ""
    element = block.get(VALUE) or block.get(CHOOSE_RUN)
    if not isinstance(element, Mapping):
        return ""
    chosen = element.get("selected_option")
    text = chosen.get("value") if isinstance(chosen, Mapping) else element.get("value")
    text = text or element.get("selected_conversation")
    return text.strip() if isinstance(text, str) else ""


def _values(pairs: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in pairs.items())


def _announced(change: Announcement) -> str:
    return f"{change.step:.15g}" + (f"={change.what}" if change.what else "")


def _mark(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
