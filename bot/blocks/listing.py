"""What is watched: as an answer to `/watch list`, page by page, and on the app's home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.fields import View
from bot.blocks.limits import Block, Message, actions, button, cut, divider, heading, inert, menu, message, own, small
from bot.blocks.words import SIGNS, Setting, clock, linked
from bot.ids import Action
from bot.texts import text, text_of
from trainwatch_core.model.message import Card, Look

PAGE = 10
"""Watches of one page: more would not be read on a phone."""
_FACTS, _WHY = 300, 150
_TROUBLE = frozenset({Look.CLOSE, Look.WANTS_STOP, Look.BLIND, Look.STOPPING})


@dataclass(frozen=True, slots=True)
class Listed:
    """A watch of a list.

    Attributes:
        card: As it is now.
        link: The address of its thread; empty while it has none.
    """

    card: Card
    link: str


def list_message(listed: Sequence[Listed], setting: Setting, *, page: int, total: int) -> Message:
    """One page of the list, with what can be done to each watch, and the way to the other pages.

    Args:
        listed: The watches of this page.
        setting: Zone.
        page: Which one; the first is 0.
        total: How many watches there are.
    """
    if not listed:
        return message(text("list-empty-title"), [heading(text("list-empty")), actions("list/none", _new())])
    blocks = [_entry(each, setting, page) for each in listed]
    last = (total - 1) // PAGE
    turns = [
        *([button(text("list-newer"), Action.LIST_PAGE, str(page - 1))] if page > 0 else []),
        *([button(text("list-older"), Action.LIST_PAGE, str(page + 1))] if page < last else []),
    ]
    if turns:
        at = text("list-page", page=page + 1, pages=last + 1, count=total)
        # Two buttons with the same name in one message are told apart by their blocks.
        blocks += [small(own(at)), *(actions(f"list/turn/{turn['value']}", turn) for turn in turns)]
    return message(text("list-title", count=total), blocks)


def home_view(mine: Sequence[Listed], others: Sequence[Listed], setting: Setting, *, further: int) -> View:
    """The app's home of one person.

    Args:
        mine: The watches that they began.
        others: Those of others.
        setting: Zone.
        further: How many more there are.
    """
    renew = button(text("home-renew"), Action.HOME_RENEW, "home")
    blocks: list[Block] = [actions("home", _new(), renew)]
    for key, part in (("home-mine", mine), ("home-others", others)):
        if part:
            blocks += [divider(), heading(f"*{text(key)}*"), *(_entry(each, setting, 0) for each in part)]
    if not mine and not others:
        blocks += [divider(), heading(text("list-empty"))]
    if further:
        blocks.append(small(own(text("list-further", count=further))))
    return {"type": "home", "blocks": blocks}


def refused_home(words: str) -> View:
    """The home of somebody who may see nothing."""
    return {"type": "home", "blocks": [heading(inert(words))]}


def _new() -> Block:
    return button(text("form-open"), Action.OPEN_FORM, "new", style="primary")


def _entry(listed: Listed, setting: Setting, page: int) -> Block:
    card = listed.card
    due = (
        text("card-next-check", when=clock(card.next_at, setting.zone, card.at or card.since))
        if card.next_at is not None
        else ""
    )
    facts = " · ".join(part for part in (*map(str, card.metrics[:1]), card.progress) if part)
    lines = [f"{SIGNS[card.look]} *{text_of('look', card.look)}* · {linked(card.run, listed.link)}"]
    if card.look in _TROUBLE and card.why:
        lines.append(inert(cut(card.why, _WHY)))
    lines.append(" · ".join(part for part in (inert(facts)[:_FACTS], due) if part))
    pause = ("resume", "card-resume") if card.look is Look.PAUSED else ("pause", "card-pause")
    choices = [("check now", "card-check-now"), ("why", "card-why"), pause, ("edit", "card-edit"), ("end", "card-end")]
    if card.look is Look.PAUSED:
        choices = choices[1:]
    options = [(text(key), f"{page} {card.watch_id} {word}") for word, key in choices]
    block = heading("\n".join(line for line in lines if line))
    return {**block, "block_id": f"list/{card.watch_id}", "accessory": menu(Action.LIST_MENU, options)}
