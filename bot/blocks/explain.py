"""What is behind the question "Stop it?", for the one who wants to know before answering."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.blocks.answers import why_message
from bot.blocks.limits import Message, each, heading, inert, message, own, said, small
from bot.blocks.words import Setting, when, who
from bot.texts import text
from trainwatch_core.model.actor import Actor
from trainwatch_core.model.finding import Finding
from trainwatch_core.model.numbers import say, say_duration, say_percent_change, say_step
from trainwatch_core.model.round import Round
from trainwatch_core.model.stop import RequestState, StopRequest
from trainwatch_core.report.compose import safe

_REASONS, _VALUES, _SEEN = 6, 8, 5
"""Reasons, newest values, and places that were looked at: at most so many are told."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known about a question.

    Attributes:
        request: As its row says.
        asked: The round that asks; None for a stop by hand, or if it is stored no more.
        newest: The last round; None if there was none.
        voted: Who has approved so far.
        needed: How many must.
        before: Earlier requests of the watch, oldest first.
    """

    request: StopRequest
    asked: Round | None
    newest: Round | None
    voted: Sequence[Actor] = ()
    needed: int = 1
    before: Sequence[StopRequest] = ()


def explain_message(told: Explained, setting: Setting) -> Message:
    """Reasons with their values, what held back, what would change it, what came since, what happens next."""
    asked = told.asked
    if asked is None:
        return why_message(told.newest)
    verdict = asked.verdict
    decision = str(verdict.decision)
    held = [text("why-held", what=safe(line)) for line in verdict.held_back]
    blocks = [
        heading(text("explain-head", decision=decision, number=asked.number, when=when(asked.at, setting.zone))),
        *each([_reason(finding) for finding in verdict.reasons[:_REASONS]], 600),
        *each([safe(verdict.sure), *(held or [text("explain-nothing-held")]), safe(verdict.would_change)], 600),
        said([_values(asked, told.newest)]),
        *each(list(_since(told))),
        heading("\n".join([text("explain-next"), *_next(told, setting)])),
        small(own(" · ".join(_small(told, asked, setting)))),
    ]
    return message(text("explain-title", decision=decision, reason=safe(verdict.reasons[0].text)), blocks)


def _reason(finding: Finding) -> str:
    """A reason with the figures that its sentence does not say."""
    said_so = safe(finding.text)
    figures = [f"{name.replace('_', ' ')} {say(value)}" for name, value in finding.numbers.items()]
    if finding.first_step is not None and say_step(finding.first_step) not in said_so:
        figures.insert(0, text("explain-since-step", step=say_step(finding.first_step)))
    return f"• {said_so}" + (f" ({', '.join(figures)})" if figures else "")


def _values(asked: Round, newest: Round | None) -> str:
    """The values it was asked with, and how far they have moved since."""
    latest = newest.latest if newest is not None and newest.number > asked.number else {}
    parts = []
    for name, value in list(asked.latest.items())[:_VALUES]:
        moved = f" {text('explain-moved', change=say_percent_change(value, latest[name]))}" if name in latest else ""
        parts.append(f"{safe(name)} {say(value)}{moved}")
    at = text("explain-at-step", step=say_step(asked.last_step)) if asked.last_step is not None else ""
    return text("explain-values", at=at, values=", ".join(parts) or text("why-no-values"))


def _since(told: Explained) -> Iterator[str]:
    newest, asked = told.newest, told.asked
    if newest is not None and asked is not None and newest.number > asked.number:
        first = safe(newest.verdict.reasons[0].text)
        yield text("explain-newer", number=newest.number, decision=str(newest.verdict.decision), reason=first)


def _next(told: Explained, setting: Setting) -> Iterator[str]:
    request = told.request
    if request.state is not RequestState.PENDING:
        how = str(request.state).replace("_", " ")
        yield text("explain-answered", how=how, who=who(request.decided_by, setting))
        return
    if request.execute_after is not None:
        yield text("explain-alone", when=when(request.execute_after, setting.zone))
    else:
        longest = sum(step.wait for step in request.plan.steps)
        yield text("explain-approve", longest=say_duration(longest))
    yield text("explain-others")
    if request.execute_after is None and request.expires_at is not None:
        yield text("explain-no-answer", when=when(request.expires_at, setting.zone))


def _small(told: Explained, asked: Round, setting: Setting) -> Iterator[str]:
    if told.needed > 1:
        voted = ", ".join(who(actor, setting) for actor in told.voted) or text("nobody")
        yield text("explain-votes", people=voted, count=len(told.voted), needed=told.needed)
    if told.before:
        last = told.before[-1]
        how = str(last.state).replace("_", " ")
        yield text("explain-before", times=len(told.before), how=how, who=who(last.decided_by, setting))
    yield text("explain-source", source=inert(str(asked.source)))
    yield from (text("explain-looked", what=inert(safe(path))) for path in asked.source.inspected[:_SEEN])
    if told.request.evidence:
        yield text("question-evidence", path=inert(told.request.evidence))
