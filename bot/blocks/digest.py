"""The daily digest."""

from __future__ import annotations

from bot.blocks.limits import Block, Message, cut, heading, inert, message, own, plain, small
from bot.blocks.words import SIGNS, linked, with_people
from bot.texts import text, text_of
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
        return message(text("digest-empty-title", day=day), [heading("☀️ " + text("digest-empty", day=day))])
    counts = " · ".join(f"{SIGNS[look]} {count} {text_of('look', look).lower()}" for look, count in digest.counts)
    blocks: list[Block] = [heading(f"☀️ *{day}* · {counts}")]
    if digest.needy:
        lines = [
            f"{SIGNS[entry.card.look]} {linked(entry.card.run, entry.link)}: {cut(inert(entry.card.why), 150)}"
            for entry in digest.needy[:_MOST]
        ]
        blocks.append(heading("\n".join([text("digest-needy"), *lines])))
    if digest.over:
        lines = [
            f"{SIGNS[entry.card.look]} {linked(entry.card.run, entry.link)}: {with_people(cut(words, 240))}"
            for entry, words in digest.over[:_MOST]
        ]
        blocks.append(heading("\n".join([text("digest-over"), *lines])))
    left = len(digest.needy[_MOST:]) + len(digest.over[_MOST:])
    if left:
        blocks.append(small(plain(text("digest-more", count=left))))
    if not digest.needy:
        blocks.append(small(own(text("digest-calm"))))
    return message(f"{day}: {counts}", blocks)
