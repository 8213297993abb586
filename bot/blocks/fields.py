"""The atoms of forms: fields that people fill in, within Slack's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.blocks.limits import Block, Message, clipped, plain
from bot.ids import VALUE, Field
from bot.texts import text

View = dict[str, Any]

TITLE, LABEL, PLACEHOLDER, OPTION, OPTION_VALUE, OPTIONS = 24, 2000, 150, 75, 150, 100
"""Characters that Slack takes, and options of a list."""
BLOCKS = 100
"""Of a form."""
METADATA, TEXT = 3000, 3000
"""Characters that travel with a form, and that a person may type into a field."""


def form(title: str, blocks: Sequence[Block], *, callback: str, submit: str, carried: Mapping[str, object]) -> View:
    """A form.

    Args:
        title: At most 24 characters.
        blocks: What it asks for.
        callback: Its callback_id.
        submit: On the button.
        carried: Comes back with it; at most METADATA characters as JSON.
    """
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain(text("form-close"), TITLE),
        "private_metadata": json.dumps(carried),
        "blocks": list(blocks[:BLOCKS]),
    }


def notice(told: Message) -> View:
    """A message in a window of its own, where nothing can be whispered."""
    title, close = plain(text("notice-title"), TITLE), plain(text("form-close"), TITLE)
    return {"type": "modal", "title": title, "close": close, "blocks": list(told.blocks)}


def text_field(field: Field, label: str, *, filled: str, example: str, lines: bool = False) -> Block:
    """A field to type into."""
    element: Block = {"type": "plain_text_input", "action_id": VALUE, "multiline": lines, "max_length": TEXT}
    if filled:
        element["initial_value"] = filled[:TEXT]
    return _input(field, label, {**element, "placeholder": plain(example, PLACEHOLDER)})


def choice_field(field: Field, label: str, options: Sequence[tuple[str, str]], chosen: str) -> Block:
    """A list to choose from: words and value of each; values that are longer than Slack takes are left out."""
    offered = [option_of(words, value) for words, value in options if len(value) <= OPTION_VALUE][:OPTIONS]
    element: Block = {"type": "static_select", "action_id": VALUE, "options": offered}
    first = [option for option in offered if option["value"] == chosen]
    if first:
        element["initial_option"] = first[0]
    return _input(field, label, element)


def search_field(field: Field, label: str, action: str, example: str) -> Block:
    """A list for which Slack asks us, with what the person has typed."""
    element = {"type": "external_select", "action_id": action, "min_query_length": 0}
    return _input(field, label, {**element, "placeholder": plain(example, PLACEHOLDER)})


def channel_field(field: Field, label: str, chosen: str) -> Block:
    """A channel of the own workspace."""
    element: Block = {
        "type": "conversations_select",
        "action_id": VALUE,
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
    }
    if chosen:
        element["initial_conversation"] = chosen
    return _input(field, label, element)


def option_of(words: str, value: str) -> Block:
    """One thing to choose; its words may be anybody's."""
    return {"text": plain(clipped(words), OPTION), "value": value}


def _input(field: Field, label: str, element: Block) -> Block:
    shown = plain(label, LABEL)
    return {"type": "input", "block_id": field, "optional": True, "label": shown, "element": element}
