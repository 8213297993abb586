"""The daily digest."""

from __future__ import annotations

from bot.blocks.limits import Block, Message, cut, heading, inert, message, own, plain, small
from bot.blocks.words import SIGNS, linked, with_people
from trainwatch_core.report.digest import Digest

_MOST = 12
"""Watches of one kind that are named."""


def digest_message(digest: Digest, day: str) -> Message:
    """One message; a day with nothing to tell is one line.

    Args:
        digest: What is told.
        day: Its date, e.g. `Mon 2 Mar`.
    """
    if digest.empty:
        return message(f"{day}: nothing is watched", [heading(f"☀️ *{day}* · nothing is watched, nothing ended")])
    counts = " · ".join(f"{SIGNS[look]} {count} {str(look).lower()}" for look, count in digest.counts)
    blocks: list[Block] = [heading(f"☀️ *{day}* · {counts}")]
    if digest.needy:
        lines = [
            f"{SIGNS[entry.card.look]} {linked(entry.card.run, entry.link)}: {cut(inert(entry.card.why), 150)}"
            for entry in digest.needy[:_MOST]
        ]
        blocks.append(heading("\n".join(["*Needs a look*", *lines])))
    if digest.over:
        lines = [
            f"{SIGNS[entry.card.look]} {linked(entry.card.run, entry.link)}: {with_people(cut(text, 240))}"
            for entry, text in digest.over[:_MOST]
        ]
        blocks.append(heading("\n".join(["*Came to its end*", *lines])))
    left = len(digest.needy[_MOST:]) + len(digest.over[_MOST:])
    if left:
        blocks.append(small(plain(f"and {left} more: /watch list")))
    if not digest.needy:
        blocks.append(small(own("Nobody needs to do anything.")))
    return message(f"{day}: {counts}", blocks)
