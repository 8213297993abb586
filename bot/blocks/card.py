"""The card of a watch: the one message that the channel sees."""

from __future__ import annotations

from datetime import datetime

from bot.blocks.limits import CONTEXT, Block, Message, actions, button, heading, menu, message, own, said, small, tight
from bot.blocks.words import SIGNS, Setting, clock, linked, who
from bot.ids import Action, Choice
from bot.texts import text, text_of
from trainwatch_core.model.message import Card, Figure, Look

OVER = frozenset({Look.STOPPED, Look.FINISHED, Look.ENDED})


def card_message(card: Card, setting: Setting) -> Message:
    """The card with its buttons; none when the watch is over."""
    look, since = text_of("look", card.look), _since(card, setting)
    blocks = [heading(f"{SIGNS[card.look]} *{look}*{since} · {linked(card.run, card.url)}")]
    if card.why:
        blocks.append(said([card.why]))
    figures = figures_line(card, setting, curve=True)
    ahead = ahead_line(card, setting)
    if figures or ahead:
        blocks.append(said([figures, ahead]))
    if card.look not in OVER:
        blocks.append(_buttons(card))
    blocks.append(small(own(_background(card, setting), CONTEXT)))
    told = (f"{look}{since}: {card.run}", card.why, figures_line(card, setting, curve=False), ahead)
    return message(f"{SIGNS[card.look]} {'. '.join(part.rstrip('.') for part in told if part)}.", blocks)


def figures_line(card: Card, setting: Setting, *, curve: bool) -> str:
    """`loss 2.314  ▇▅▃▂  -1.2 % since 10:00 · val_acc 0.687 (+0.004)`; without the curve where it is read aloud."""
    since = ""
    if card.compared_at is not None:
        since = " " + text("card-since", when=_clock(card.compared_at, card, setting))
    first, *others = card.metrics or (Figure(""),)
    change = f"{first.change}{since}" if first.change else ""
    parts = [str(Figure(first.now, first.curve, change)) if curve else ", ".join(filter(None, (first.now, change)))]
    parts += [f"{each.now} ({each.change})" if each.change else each.now for each in others]
    return tight(" · ".join(part for part in parts if part))


def ahead_line(card: Card, setting: Setting) -> str:
    """`step 41,200 of 90,000 (46 %) · done Tue 14:20 · next check 10:30`."""
    done = text("card-done", when=_clock(card.done_at, card, setting)) if card.done_at is not None else ""
    due = text("card-next-check", when=_clock(card.next_at, card, setting)) if card.next_at is not None else ""
    return tight(" · ".join(part for part in (card.progress, done, due) if part))


def _since(card: Card, setting: Setting) -> str:
    if card.over_at is not None:
        return " " + text("card-proven", when=_clock(card.over_at, card, setting))
    if card.blind_since is not None:
        return " " + text("card-since", when=_clock(card.blind_since, card, setting))
    return ""


def _background(card: Card, setting: Setting) -> str:
    """`round 14 · asks before stopping · watched by Ana since Mon 21:04`."""
    mode = text("card-stops-itself") if card.automatic else text("card-asks")
    since = text("card-watched", who=who(card.owner, setting), when=_clock(card.since, card, setting))
    rounds = text("card-round", number=card.round_number) if card.round_number else ""
    quiet = ""
    if card.quiet_until is not None:
        quiet = text("card-quiet", when=_clock(card.quiet_until, card, setting))
    return " · ".join(part for part in (rounds, quiet, mode, since) if part)


def _clock(moment: datetime, card: Card, setting: Setting) -> str:
    """A time as it is read on the day of the last look."""
    return clock(moment, setting.zone, card.at or card.since)


def _buttons(card: Card) -> Block:
    paused = card.look is Look.PAUSED
    turn = (text("card-resume"), Action.RESUME) if paused else (text("card-pause"), Action.PAUSE)
    switch = (text("card-to-ask"), Choice.ASK) if card.automatic else (text("card-to-auto"), Choice.AUTO)
    edit, why, end = (text(f"card-{name}") for name in ("edit", "why", "end"))
    snooze = (text("card-snooze"), Choice.SNOOZE) if card.quiet_until is None else (text("card-wake"), Choice.WAKE)
    options = [(edit, Choice.EDIT), (why, Choice.WHY), snooze, switch, (end, Choice.END)]
    elements = [
        *([] if paused else [button(text("card-check-now"), Action.CHECK_NOW, card.watch_id)]),
        *([] if card.look in {Look.STOPPING, Look.WANTS_STOP} else [button(turn[0], turn[1], card.watch_id)]),
        menu(Action.MENU, [(label, f"{card.watch_id} {choice}") for label, choice in options]),
    ]
    return actions(f"card/{card.watch_id}", *elements)
