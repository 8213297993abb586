"""The card of a watch: the one message that the channel sees."""

from __future__ import annotations

from bot.blocks.limits import CONTEXT, Block, Message, actions, button, each, heading, menu, message, own, small, tight
from bot.blocks.words import SIGNS, Setting, linked, when, who
from bot.ids import Action, Choice
from bot.texts import text, text_of
from trainwatch_core.model.message import Card, Look

OVER = frozenset({Look.STOPPED, Look.FINISHED, Look.ENDED})


def card_message(card: Card, setting: Setting) -> Message:
    """The card with its buttons; none when the watch is over."""
    due = text("card-next-check", when=when(card.next_at, setting.zone)) if card.next_at is not None else ""
    lines = [card.why, tight(" · ".join(card.metrics)), tight(" · ".join(p for p in (card.progress, due) if p))]
    proven = f" {text('card-proven', when=when(card.over_at, setting.zone))}" if card.over_at is not None else ""
    look = text_of("look", card.look)
    blocks = [heading(f"{SIGNS[card.look]} *{look}*{proven} · {linked(card.run, card.url)}")]
    blocks += each(lines)
    if card.look not in OVER:
        blocks.append(_buttons(card))
    mode = text("card-stops-itself") if card.automatic else text("card-asks")
    since = text("card-watched", who=who(card.owner, setting), when=when(card.since, setting.zone))
    rounds = f"{text('card-round', number=card.round_number)} · " if card.round_number else ""
    blocks.append(small(own(f"{rounds}{mode} · {since}", CONTEXT)))
    return message(f"{SIGNS[card.look]} {look}: {card.run}", blocks)


def _buttons(card: Card) -> Block:
    paused = card.look is Look.PAUSED
    turn = (text("card-resume"), Action.RESUME) if paused else (text("card-pause"), Action.PAUSE)
    switch = (text("card-to-ask"), Choice.ASK) if card.automatic else (text("card-to-auto"), Choice.AUTO)
    status, why, end = (text(f"card-{name}") for name in ("status", "why", "end"))
    options = [(status, Choice.STATUS), (why, Choice.WHY), switch, (end, Choice.END)]
    elements = [
        *([] if paused else [button(text("card-check-now"), Action.CHECK_NOW, card.watch_id)]),
        *([] if card.look in {Look.STOPPING, Look.WANTS_STOP} else [button(turn[0], turn[1], card.watch_id)]),
        menu(Action.MENU, [(label, f"{card.watch_id} {choice}") for label, choice in options]),
    ]
    return actions(f"card/{card.watch_id}", *elements)
