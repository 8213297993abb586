"""Answers to what a person typed or pressed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.blocks.card import ahead_line, figures_line
from bot.blocks.limits import Message, each, heading, message, plain, said, small
from bot.blocks.words import SIGNS, Setting, people, when, with_people
from bot.texts import text, text_of
from trainwatch_core.decision.authority import Refusal, Verb
from trainwatch_core.engine.drytest import Tried
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import Card
from trainwatch_core.model.numbers import say
from trainwatch_core.model.round import Round
from trainwatch_core.report.compose import safe

NAMED = frozenset({Verb.APPROVE, Verb.DECLINE, Verb.WATCH, Verb.CHECK, Verb.GO_AUTOMATIC, Verb.TYPE_COMMAND})
"""What a refusal names; all else is "do this"."""


def help_message() -> Message:
    """What can be typed."""
    return message(text("help-title"), [heading(text("help", words=text("words")))])


def unknown_message() -> Message:
    """A word that nobody knows."""
    known = text("words-known", words=text("words"))
    return message(known, [said([f"{known}."])])


def status_message(card: Card, setting: Setting, silence: tuple[datetime, datetime] | None = None) -> Message:
    """How a watch stands, in the thread; and from when until when Slack was not heard lately."""
    look = text_of("look", card.look)
    lines = [card.why, figures_line(card, setting, curve=True), ahead_line(card, setting)]
    blocks = [heading(f"{SIGNS[card.look]} *{look}*"), *each(lines)]
    if silence is not None:
        begun, over = (when(moment, setting.zone) for moment in silence)
        blocks.append(small(plain(text("status-was-deaf", begun=begun, over=over))))
    return message(f"{look}: {card.run}", blocks)


def why_message(last: Round | None) -> Message:
    """What the last decision rests on, what held it back, what would change it."""
    if last is None:
        return message(text("why-nothing-title"), [said([text("why-nothing")])])
    verdict = last.verdict
    lines = [f"• {safe(reason.text)}" for reason in verdict.reasons]
    lines += [text("why-held", what=safe(line)) for line in verdict.held_back]
    lines += [safe(verdict.would_change)] if verdict.would_change else []
    lines += [text("why-looked", what=safe(line)) for line in last.source.inspected[:5]]
    latest = ", ".join(f"{safe(name)} {say(value)}" for name, value in last.latest.items())
    newest = text("why-newest", values=latest or text("why-no-values"))
    head = text("why-head", decision=str(verdict.decision), number=last.number)
    blocks = [heading(head), *each(lines, 600), said([newest])]
    return message(text("why-title", decision=str(verdict.decision)), blocks)


def tried_message(tried: Sequence[Tried]) -> Message:
    """What came of a dry test, line by line; what failed comes with what to do."""
    bad = sum(not one.fine for one in tried)
    lines = [f"{'✓' if one.fine else '✗'} {one.subject}: {one.said} {one.todo}".strip() for one in tried]
    head = text("tried-bad", bad=bad, all=len(tried)) if bad else text("tried-fine")
    return message(text("tried-title", head=head), [heading(text("tried-head", head=head)), *each(lines, 600)])


def refusal_message(refusal: Refusal) -> Message:
    """Why not, and who could: the names first, that is what the person needs next."""
    if not refusal.could:
        return message(refusal.reason, [said([f"{refusal.reason}."])])
    act = text_of("act", refusal.verb) if refusal.verb in NAMED else text("act-other")
    only = text("only-they", people=people(refusal.could), act=act)
    return message(refusal.reason, [heading(only), small(plain(refusal.reason))])


def problem_message(error: TrainwatchError) -> Message:
    """What went wrong, where, and what to do."""
    return message(str(error), [said([str(error)])])


def word_message(line: str) -> Message:
    """One line."""
    return message(line, [said([line])])


def people_message(line: str) -> Message:
    """One line about people."""
    return message(line, [heading(with_people(line))])
