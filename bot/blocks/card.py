"""The card of a watch: the one message that the channel sees."""

from __future__ import annotations

from bot.blocks.limits import CONTEXT, Block, Message, actions, button, each, heading, menu, message, own, small, tight
from bot.blocks.words import SIGNS, Setting, linked, when, who
from bot.ids import Action, Choice
from trainwatch_core.model.message import Card, Look

OVER = frozenset({Look.STOPPED, Look.FINISHED, Look.ENDED})


def card_message(card: Card, setting: Setting) -> Message:
    """The card with its buttons; none when the watch is over."""
    due = f"next check {when(card.next_at, setting.zone)}" if card.next_at is not None else ""
    lines = [card.why, tight(" · ".join(card.metrics)), tight(" · ".join(p for p in (card.progress, due) if p))]
    proven = f" (proven {when(card.over_at, setting.zone)})" if card.over_at is not None else ""
    blocks = [heading(f"{SIGNS[card.look]} *{card.look}*{proven} · {linked(card.run, card.url)}")]
    blocks += each(lines)
    if card.look not in OVER:
        blocks.append(_buttons(card))
    mode = "stops by itself" if card.automatic else "asks before stopping"
    since = f"watched by {who(card.owner)} since {when(card.since, setting.zone)}"
    rounds = f"round {card.round_number} · " if card.round_number else ""
    blocks.append(small(own(f"{rounds}{mode} · {since}", CONTEXT)))
    return message(f"{SIGNS[card.look]} {card.look}: {card.run}", blocks)


def _buttons(card: Card) -> Block:
    paused = card.look is Look.PAUSED
    turn = ("Resume", Action.RESUME) if paused else ("Pause", Action.PAUSE)
    switch = ("Ask before stopping", Choice.ASK) if card.automatic else ("Stop by itself", Choice.AUTO)
    options = [("Status", Choice.STATUS), ("Why?", Choice.WHY), switch, ("End this watch", Choice.END)]
    elements = [
        *([] if paused else [button("Check now", Action.CHECK_NOW, card.watch_id)]),
        *([] if card.look in {Look.STOPPING, Look.WANTS_STOP} else [button(turn[0], turn[1], card.watch_id)]),
        menu(Action.MENU, [(label, f"{card.watch_id} {choice}") for label, choice in options]),
    ]
    return actions(f"card/{card.watch_id}", *elements)
