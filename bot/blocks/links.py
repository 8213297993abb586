"""What stands below the link of a run: how its watch is, or a button to begin one."""

from __future__ import annotations

from bot.blocks.limits import Block, actions, button, heading, inert, plain
from bot.blocks.words import SIGNS, linked
from bot.ids import Action
from bot.texts import text, text_of
from trainwatch_core.model.message import Card


def offer_blocks(run: str) -> tuple[Block, ...]:
    """A run that nobody watches.

    Args:
        run: `entity/project/run`; comes back with the button.
    """
    offer = button(text("link-watch"), Action.WATCH_LINK, run, style="primary")
    return (
        {"type": "section", "text": plain(text("link-unwatched", run=run), 300)},
        actions(f"link/{run}", offer),
    )


def watched_blocks(card: Card, link: str, *, here: bool) -> tuple[Block, ...]:
    """A run that is watched.

    Args:
        card: Its watch.
        link: The address of the watch's thread; empty while it has none.
        here: Whether it reports to the channel that reads this: its numbers belong to no other.
    """
    head = f"{SIGNS[card.look]} *{text_of('look', card.look)}* · {linked(card.run, link)}"
    facts = " · ".join(part for part in (*map(str, card.metrics[:1]), card.progress) if part) if here else ""
    return (heading("\n".join(part for part in (head, inert(facts)[:300]) if part)),)
