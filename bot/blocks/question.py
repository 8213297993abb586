"""The question "Stop it?": everything that would be done is seen before it can be approved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.blocks.limits import (
    ALL_CHARACTERS,
    CONTEXT,
    FALLBACK,
    SECTION,
    Block,
    Message,
    actions,
    button,
    confirmation,
    cut,
    divider,
    each,
    fits,
    heading,
    inert,
    message,
    own,
    packed,
    plain,
    said,
    small,
)
from bot.blocks.words import Setting, named, people, when, who
from bot.ids import Action
from bot.texts import text, text_of
from trainwatch_core.model.command import hidden_character
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest
from trainwatch_core.report.redact import redact

_ROOM = ALL_CHARACTERS - 5000
"""Characters that the plan may take beside everything else."""


def question_message(
    question: StopQuestion, request: StopRequest, setting: Setting, *, over_at: datetime | None = None
) -> Message:
    """The question as its request stands now: with buttons while it waits, else with how it came out.

    Args:
        question: What is asked.
        request: As its row says.
        setting: Zone and approvers.
        over_at: When the job was proven gone; None if it was not, or nobody knows.
    """
    pending = request.state is RequestState.PENDING
    name = inert(question.run)
    title = text("question-head", run=name)
    if pending and request.execute_after is not None:
        title = text("question-head-automatic", run=name, when=when(request.execute_after, setting.zone))
    blocks = [heading(f"🔴 {title}"), *_put_off(question, setting)]
    saw = [named(line, setting) for line in question.saw]
    rest = [divider(), *_plan(question.plan)]
    rest += [small(line) for line in _footer(question, request, setting)]
    came_out = "" if pending else _came_out(request, setting, over_at)
    rest.append(_buttons(question, request) if pending else heading(came_out))
    if pending and not approvable(question.plan):
        rest.append(said([text("question-hidden")]))
    blocks += [*_reasons(saw, question.would_change, [*blocks, *rest]), *rest]
    fallback = text("question-fallback", run=question.run, saw=" ".join(saw))
    told = message(f"🔴 {fallback}", blocks)
    if pending:
        return told
    after = text("question-fallback", run=name, saw=came_out.replace("*", ""))
    return replace(told, text=cut(after, FALLBACK))


def _reasons(saw: Sequence[str], would_change: str, beside: Sequence[Block]) -> list[Block]:
    """As much of them as there is room for: they are cut, not the command, which is what is approved."""
    reasons: list[Block] = []
    for room in (600, 200, 60):
        reasons = each(["\n".join(cut(line, room) for line in saw), cut(would_change, room)])
        if fits([*beside, *reasons]):
            break
    return reasons


def approvable(plan: StopPlan) -> bool:
    """Whether a person sees all that would be done: nothing cut off, nothing invisible."""
    hidden = any(hidden_character(step.shown) for step in plan.steps)
    # As it travels: of quotes and backslashes each takes two places, and what has no room is cut off by `message`.
    return not hidden and len(json.dumps(_plan(plan), ensure_ascii=False)) <= _ROOM


def _plan(plan: StopPlan) -> list[Block]:
    job = plan.identity.label if plan.identity is not None else text("question-no-job")
    lines = [text("question-job", job=job), text("question-host", host=plan.host)]
    for number, step in enumerate(plan.steps):
        key = "question-command" if number == 0 else "question-then"
        lines.append(text(key, command=redact(step.shown), wait=say_duration(step.wait)))
    lines.append(text("question-proof", proof=plan.verify or text("question-no-proof")))
    # A long line goes on in the next section, nothing is cut off: what is approved is seen in full.
    pieces = [line[at : at + SECTION] for line in lines for at in range(0, min(len(line), _ROOM), SECTION)]
    return [said([piece]) for piece in packed(pieces)]


def _put_off(question: StopQuestion, setting: Setting) -> list[Block]:
    if question.put_off_at is None:
        return []
    asked = text(
        "question-put-off", who=who(question.put_off_by, setting), when=when(question.put_off_at, setting.zone)
    )
    return [small(own(asked))]


def _footer(question: StopQuestion, request: StopRequest, setting: Setting) -> list[Block]:
    about = text("question-about", request=request.id[:8], fingerprint=question.fingerprint)
    if question.evidence:
        about += f" · {text('question-evidence', path=question.evidence)}"
    lines = [plain(about, CONTEXT)]
    if request.state is RequestState.PENDING and request.execute_after is None:
        until = (
            text("question-valid-until", when=when(request.expires_at, setting.zone))
            if request.expires_at is not None
            else text("question-valid-for", duration=say_duration(question.ttl))
        )
        seen = text("question-seen", when=when(request.created_at, setting.zone))
        could = setting.approvers if question.approvers is None else question.approvers
        can = text("question-can-approve", count=question.approvals, people=people(could))
        lines.insert(0, own(f"{can} · {until} · {seen}", CONTEXT))
    elif request.state is RequestState.PENDING:
        seen = text("question-seen", when=when(request.created_at, setting.zone))
        can = text("question-can-object", people=people(setting.approvers))
        lines.insert(0, own(f"{can} · {seen}", CONTEXT))
    return lines


def _buttons(question: StopQuestion, request: StopRequest) -> Block:
    automatic = request.execute_after is not None
    keep = button(text("question-keep"), Action.KEEP, request.id, style="primary" if automatic else "")
    others = [
        keep,
        button(text("question-later"), Action.LATER, request.id),
        button(text("question-explain"), Action.EXPLAIN, request.id),
    ]
    if automatic or not approvable(question.plan):
        return actions(f"stop/{request.id}", *others)
    plan = question.plan
    job = plan.identity.label if plan.identity is not None else text("question-confirm-unknown")
    confirm = confirmation(
        text("question-confirm"),
        [
            text("question-job", job=cut(job, 110)),
            text("question-host", host=cut(plan.host, 60)),
            text("question-confirm-command", command=cut(redact(plan.steps[0].shown), 90)),
        ],
        text("question-confirm-yes"),
        text("question-confirm-no"),
    )
    approve = button(text("question-approve"), Action.APPROVE, request.id, style="danger", confirm=confirm)
    return actions(f"stop/{request.id}", approve, *others)


def _came_out(request: StopRequest, setting: Setting, over_at: datetime | None) -> str:
    """One line in place of the buttons; says only what is durable."""
    by = who(request.decided_by, setting)
    at = f" {when(request.decided_at, setting.zone)}" if request.decided_at is not None else ""
    if request.state is RequestState.DECLINED and request.ask_again_at is not None:
        return text("came-put-off", who=by, at=at, when=when(request.ask_again_at, setting.zone))
    probe = request.execution.probe if request.execution is not None else None
    there = inert(cut("; ".join(probe.survivors), 600)) if probe is not None else ""
    return text_of(
        "came",
        request.state,
        who=f"{by}{at}",
        gone=text("came-gone-at", when=when(over_at, setting.zone)) if over_at is not None else text("came-gone"),
        detail=f" ({inert(cut(probe.detail, 300))})" if probe is not None else "",
        left=f" {text('came-left', there=there)}" if there else "",
    )
