"""What happened while ordinary rounds were held back: one message in place of many."""

from __future__ import annotations

from bot.blocks.limits import CONTEXT, Block, Message, heading, inert, message, packed, plain, said, small, tight
from bot.blocks.words import DECISIONS, Setting, when
from bot.texts import text
from trainwatch_core.model.message import Catchup


def catchup_message(told: Catchup, setting: Setting) -> Message:
    """The overview: how far the metrics came, and what happened, oldest first."""
    zone = setting.zone
    looks = text(
        "catchup-looks",
        looks=told.looks,
        when=when(told.since, zone),
        since=when(told.since, zone),
        until=when(told.until, zone),
    )
    blocks: list[Block] = [heading(f"{DECISIONS[told.decision]} {text('catchup-head', run=inert(told.run))}")]
    if told.metrics:
        blocks.append(said([tight(" · ".join(told.metrics))]))
    lines = [f"{DECISIONS[m.decision]} {m.decision} · {when(m.at, zone)}: {m.text}" for m in told.moments]
    if told.further:
        lines.append(text("catchup-more", count=told.further))
    blocks += [said([part]) for part in packed(lines or [text("catchup-calm")])]
    blocks.append(small(plain(looks, CONTEXT)))
    what = told.moments[-1].text if told.moments else text("catchup-calm")
    return message(text("catchup-title", run=told.run, what=what), blocks)
