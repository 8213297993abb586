"""Answers to what a person typed or pressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.blocks.limits import Block, Message, each, heading, inert, message, own, plain, said, small
from bot.blocks.words import SIGNS, Setting, linked, people, when, with_people
from trainwatch_core.decision.authority import Refusal, Verb
from trainwatch_core.engine.drytest import Tried
from trainwatch_core.model.errors import TrainwatchError
from trainwatch_core.model.message import Card
from trainwatch_core.model.numbers import say
from trainwatch_core.model.round import Round
from trainwatch_core.report.compose import safe

KNOWN = "check now, status, why, pause, resume, end, mode auto, mode ask, expected change, false alarm, help"

_ACTS: Mapping[Verb, str] = {
    Verb.APPROVE: "approve stops here",
    Verb.DECLINE: "answer this, or the owner of the watch",
    Verb.WATCH: "watch runs here",
    Verb.CHECK: "ask for a check",
    Verb.GO_AUTOMATIC: "let it stop by itself",
    Verb.TYPE_COMMAND: "type commands here",
}

_HELP = (
    "*`/watch entity/project/run`* watches a run: its card comes into the channel, each check into the card's thread.\n"
    "After the run, all optional: `log=PATH` (read when W&B cannot be reached) · `baseline=val/loss:2.31` · "
    "`baseline_run=RUN` (held against it step by step) · `target=METRIC:VALUE` · `every=30m` · "
    "`launch=pid:4211` (so that it can be stopped) · `notes=FILE.md` · "
    "`mode=ask` or `mode=auto` · `key=METRIC` · `steps=90000` · `announce=30000` or "
    '`announce="30000=harder data"` (a change that is meant to happen). For admins, where allowed: `stop="COMMAND"`.\n'
    "*`/watch list`* shows what is watched. *`/watch test RUN`* tries out what its watch rests on."
    " *`/watch help`* shows this.\n"
    f"In a card's thread just write: {KNOWN}."
)


def help_message() -> Message:
    """What can be typed."""
    return message("How to use /watch", [heading(_HELP)])


def unknown_message() -> Message:
    """A word that nobody knows."""
    return message(f"I know: {KNOWN}", [said([f"I know: {KNOWN}."])])


def list_message(cards: Sequence[tuple[Card, str]], setting: Setting, *, further: int = 0) -> Message:
    """What is watched, with links to the threads; how many more there are."""
    if not cards:
        return message("Nothing is watched", [heading("Nothing is watched. Begin with `/watch entity/project/run`.")])
    blocks: list[Block] = []
    for card, link in cards:
        due = f" · next check {when(card.next_at, setting.zone)}" if card.next_at is not None else ""
        facts = " · ".join(part for part in (*card.metrics[:1], card.progress) if part)
        blocks.append(
            heading(f"{SIGNS[card.look]} *{card.look}* · {linked(card.run, link)}\n{inert(facts)[:300]}{due}")
        )
    if further:
        blocks.append(small(own(f"and {further} more")))
    return message(f"{len(cards) + further} watched", blocks)


def status_message(card: Card, setting: Setting) -> Message:
    """How a watch stands, in the thread."""
    due = f"Next check {when(card.next_at, setting.zone)}" if card.next_at is not None else "No check is due"
    lines = [card.why, *card.metrics, card.progress, due]
    return message(f"{card.look}: {card.run}", [heading(f"{SIGNS[card.look]} *{card.look}*"), *each(lines)])


def why_message(last: Round | None) -> Message:
    """What the last decision rests on, what held it back, what would change it."""
    if last is None:
        return message("No check yet", [said(["There was no check yet."])])
    verdict = last.verdict
    lines = [f"• {safe(reason.text)}" for reason in verdict.reasons]
    lines += [f"Held back: {safe(text)}" for text in verdict.held_back]
    lines += [safe(verdict.would_change)] if verdict.would_change else []
    lines += [f"Looked at: {safe(text)}" for text in last.source.inspected[:5]]
    latest = ", ".join(f"{safe(name)} {say(value)}" for name, value in last.latest.items())
    blocks = [heading(f"*Why {verdict.decision}* (round {last.number})"), *each(lines, 600)]
    return message(f"Why {verdict.decision}", [*blocks, said([f"Newest values: {latest or 'none'}"])])


def tried_message(tried: Sequence[Tried]) -> Message:
    """What came of a dry test, line by line; what failed comes with what to do."""
    bad = sum(not one.fine for one in tried)
    lines = [f"{'✓' if one.fine else '✗'} {one.subject}: {one.said} {one.todo}".strip() for one in tried]
    head = f"{bad} of {len(tried)} not as it must be" if bad else "Everything is there"
    return message(f"Dry test: {head}", [heading(f"*Dry test: {head}.* Nothing was stopped."), *each(lines, 600)])


def refusal_message(refusal: Refusal) -> Message:
    """Why not, and who could: the names first, that is what the person needs next."""
    if not refusal.could:
        return message(refusal.reason, [said([f"{refusal.reason}."])])
    act = _ACTS.get(refusal.verb, "do this")
    return message(refusal.reason, [heading(f"Only {people(refusal.could)} can {act}."), small(plain(refusal.reason))])


def problem_message(error: TrainwatchError) -> Message:
    """What went wrong, where, and what to do."""
    return message(str(error), [said([str(error)])])


def word_message(text: str) -> Message:
    """One line."""
    return message(text, [said([text])])


def people_message(text: str) -> Message:
    """One line about people."""
    return message(text, [heading(with_people(text))])
