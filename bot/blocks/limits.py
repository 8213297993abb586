"""The atoms of messages: every text is redacted, inert and within Slack's limits by the way it is made.

Untrusted words go into plain_text, where nothing is a link, a mention or an emoji; log lines into preformatted rich
text, which no backticks can close. Only our own words are mrkdwn; a name that must stand in them is made `inert`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.texts import text as say
from trainwatch_core.report.redact import plain as visible
from trainwatch_core.report.redact import redact

Block = dict[str, Any]

SECTION, FIELD, HEADER, BUTTON, CONFIRM, VALUE, CONTEXT = 3000, 2000, 150, 75, 300, 2000, 2000
"""Characters that Slack takes."""
BLOCKS, ALL_CHARACTERS, FALLBACK = 50, 12_000, 3000
"""Blocks, characters of all blocks (Slack refuses at about 13,200), characters of the text for notifications."""

_SHORTEST = 200

_INERT = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "\N{MODIFIER LETTER GRAVE ACCENT}", "*": "\u2217", "~": "\u223c"}
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message, ready to be posted.

    Attributes:
        text: For notifications and screen readers; inert.
        blocks: What is seen.
    """

    text: str
    blocks: tuple[Block, ...]


def message(text: str, blocks: Sequence[Block]) -> Message:
    """A message within the limits that hold for all of it."""
    return Message(cut(inert(text), FALLBACK), _fitted(blocks[:BLOCKS]))


def fits(blocks: Sequence[Block]) -> bool:
    """Whether Slack takes blocks together as they are."""
    return len(blocks) <= BLOCKS and len(json.dumps(list(blocks), ensure_ascii=False)) <= ALL_CHARACTERS


def _fitted(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks, the longest texts cut shorter and shorter until Slack takes all of them together."""
    fitted = list(blocks)
    while not fits(fitted):
        at = max(range(len(fitted)), key=lambda n: len(_main_text(fitted[n]).get("text", "")))
        text = _main_text(fitted[at])
        if len(text.get("text", "")) < _SHORTEST:
            return tuple(fitted[: len(fitted) * 3 // 4])
        text["text"] = cut(text["text"], len(text["text"]) * 3 // 4)
    return tuple(fitted)


def _main_text(block: Block) -> Block:
    """The text object that carries a block; an empty one for buttons, which are short."""
    if block["type"] == "section":
        found: Block = block["text"]
    elif block["type"] == "context":
        found = block["elements"][0]
    elif block["type"] == "rich_text":
        found = block["elements"][0]["elements"][0]
    else:
        found = {}
    return found


def cut(text: str, limit: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clipped(text: str) -> str:
    """A title: one line of untrusted words, where Slack shows plain text."""
    return cut(redact(visible(text)).replace("\n", " ").strip() or say("report-picture-untitled"), HEADER)


def inert(text: str) -> str:
    """Untrusted words inside mrkdwn: no mention, link, format or fence comes of them."""
    return redact(visible(text)).translate(_INERT)


def tight(text: str) -> str:
    """Numbers keep their percent sign where the line breaks."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def plain(text: str, limit: int = SECTION) -> Block:
    """A plain_text object: shown to the letter."""
    return {"type": "plain_text", "text": cut(redact(visible(text)).strip() or "-", limit), "emoji": False}


def own(text: str, limit: int = SECTION) -> Block:
    """A mrkdwn object of our own words; foreign ones in it were made `inert` before."""
    return {"type": "mrkdwn", "text": cut(text, limit), "verbatim": True}


def said(lines: Sequence[str], limit: int = SECTION) -> Block:
    """A section of untrusted lines."""
    return {"type": "section", "text": plain("\n".join(line for line in lines if line), limit)}


def packed(lines: Sequence[str], limit: int = SECTION) -> list[str]:
    """Lines in as few texts as there must be, none of them cut: on a phone every section takes a gap."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= limit:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def each(lines: Sequence[str], limit: int = SECTION) -> list[Block]:
    """A section for each untrusted line."""
    return [said([line], limit) for line in lines if line]


def labelled(label: str, text: str, limit: int = 2000) -> Block:
    """An untrusted line with a label of ours before it."""
    return {"type": "section", "text": own(f"*{label}:* {inert(cut(text, limit))}")}


def heading(text: str) -> Block:
    """A section of our own words."""
    return {"type": "section", "text": own(text)}


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def small(*texts: Block) -> Block:
    """Small grey words."""
    return {"type": "context", "elements": list(texts[:10])}


def quoted(lines: Sequence[str], limit: int = SECTION) -> Block:
    """Lines of a log, to the letter, in a frame that nothing in them can close."""
    # Together: a key that is printed over several lines has no mark in most of them.
    text = cut(redact("\n".join(visible(line) for line in lines)), limit) or "-"
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}],
    }


def button(label: str, action: str, value: str, *, style: str = "", confirm: Block | None = None) -> Block:
    """A button.

    Args:
        label: At most 75 characters.
        action: Its action_id.
        value: What it gives back.
        style: `primary`, `danger`, or empty.
        confirm: Asked before it counts.
    """
    made: Block = {"type": "button", "action_id": action, "text": plain(label, BUTTON), "value": cut(value, VALUE)}
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def confirmation(title: str, lines: Sequence[str], yes: str, no: str) -> Block:
    """A question that must be answered before a button counts."""
    return {
        "title": plain(title, 100),
        "text": plain("\n".join(lines), CONFIRM),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
        "style": "danger",
    }


def menu(action: str, options: Sequence[tuple[str, str]]) -> Block:
    """A menu behind three dots: label and value of each of at most five options."""
    choices = [{"text": plain(label, BUTTON), "value": cut(value, 150)} for label, value in options[:5]]
    return {"type": "overflow", "action_id": action, "options": choices}


def actions(block_id: str, *elements: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": cut(block_id, 255), "elements": list(elements[:25])}
