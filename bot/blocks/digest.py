"""The daily digest."""

from __future__ import annotations

from collections.abc import Sequence

from bot.blocks.limits import Block, Message, cut, fits, heading, inert, message, own, packed, plain, small, tight
from bot.blocks.words import SIGNS, Setting, linked, named, when, who
from bot.texts import text, text_of
from trainwatch_core.model.message import Look
from trainwatch_core.model.stop import StopRequest
from trainwatch_core.report.digest import Digest, Entry

_MOST = (8, 5, 3, 1)
"""Watches of one kind that are named: as many as a message takes, since a link that is cut off is none."""
_NAME, _WHY, _VALUES, _END = 60, 140, 160, 240
"""Characters of a name, a reason, a line of values, the end of a run."""


def digest_message(digest: Digest, day: str, setting: Setting) -> Message:
    """One message; a day with nothing to tell is one line.

    Args:
        digest: What is told.
        day: Its date, e.g. `Mon 2 Mar`.
        setting: Zone, and the names of people.
    """
    if digest.empty:
        return message(text("digest-empty-title", day=day), [heading("☀️ " + text("digest-empty", day=day))])
    counts = _counts(digest)
    tried = (_blocks(digest, f"☀️ *{day}* · {counts}", setting, most) for most in _MOST)
    blocks = next((each for each in tried if fits(each)), [heading(f"☀️ *{day}* · {counts}")])
    return message(f"{day}: {counts}", blocks)


def _counts(digest: Digest) -> str:
    return " · ".join(f"{SIGNS[look]} {count} {_word(look)}" for look, count in digest.counts)


def _blocks(digest: Digest, title: str, setting: Setting, most: int) -> list[Block]:
    lists = {
        text("digest-needy"): [_needy(entry) for entry in digest.needy],
        text("digest-well"): [f"{_named(entry)}{_below(entry.values)}" for entry in digest.well],
        text("digest-over"): [_over(entry, words, setting) for entry, words in digest.over],
        text("digest-asked"): [_answer(run, asked, setting) for run, asked in digest.answers],
    }
    blocks = [heading(title)]
    for name, lines in lists.items():
        blocks += _listed(name, lines, most)
    if str(digest.saving):
        blocks.append(heading("💾 " + text("digest-saved", what=inert(str(digest.saving)))))
    if not digest.needy:
        blocks.append(small(own(text("digest-calm"))))
    return blocks


def _word(look: Look) -> str:
    return text_of("look", look).lower()


def _listed(title: str, lines: Sequence[str], most: int) -> list[Block]:
    """A list below its title; what has no room is counted."""
    if not lines:
        return []
    blocks = [heading(part) for part in packed([f"*{title}*", *lines[:most]])]
    left = len(lines) - most
    return [*blocks, small(plain(text("digest-more", count=left)))] if left > 0 else blocks


def _named(entry: Entry) -> str:
    return f"{SIGNS[entry.card.look]} {linked(cut(entry.card.run, _NAME), entry.link)}"


def _below(values: str) -> str:
    return f"\n      {tight(inert(cut(values, _VALUES)))}" if values else ""


def _needy(entry: Entry) -> str:
    return f"{_named(entry)} · {_word(entry.card.look)}: {inert(cut(entry.card.why, _WHY))}{_below(entry.values)}"


def _over(entry: Entry, words: str, setting: Setting) -> str:
    return f"{_named(entry)}: {inert(cut(named(words, setting), _END))}"


def _answer(run: str, request: StopRequest, setting: Setting) -> str:
    at = when(request.decided_at or request.created_at, setting.zone)
    told = text_of("asked", request.state, who=who(request.decided_by, setting), when=at)
    if request.ask_again_at is not None:
        told += f", {text('asked-again', when=when(request.ask_again_at, setting.zone))}"
    return f"{inert(cut(run, _NAME))}: {told}"
