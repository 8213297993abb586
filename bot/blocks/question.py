"""The question "Stop it?": everything that would be done is seen before it can be approved."""

from __future__ import annotations

import json
from datetime import datetime

from bot.blocks.limits import (
    ALL_CHARACTERS,
    CONTEXT,
    SECTION,
    Block,
    Message,
    actions,
    button,
    confirmation,
    cut,
    divider,
    each,
    heading,
    inert,
    message,
    own,
    plain,
    said,
    small,
)
from bot.blocks.words import Setting, people, when, who
from bot.ids import Action
from trainwatch_core.model.command import hidden_character
from trainwatch_core.model.message import StopQuestion
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest
from trainwatch_core.report.redact import redact

_ROOM = ALL_CHARACTERS - 5000
"""Characters that the plan may take beside everything else."""
_LATER = "Ask again in 2 h"


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
    title = f"🔴 *I would stop* {name}"
    if pending and request.execute_after is not None:
        title = f"🔴 *I stop* {name} *at {when(request.execute_after, setting.zone)}* unless somebody objects"
    blocks = [heading(title), *each([*question.saw, question.would_change], 600), divider(), *_plan(question.plan)]
    blocks += [small(text) for text in _footer(question, request, setting)]
    blocks.append(_buttons(question, request) if pending else heading(_came_out(request, setting, over_at)))
    if pending and not approvable(question.plan):
        blocks.append(said(["It cannot be approved here: not all of the command can be shown. Stop it on the host."]))
    return message(f"🔴 Stop {question.run}? {' '.join(question.saw)}", blocks)


def approvable(plan: StopPlan) -> bool:
    """Whether a person sees all that would be done: nothing cut off, nothing invisible."""
    hidden = any(hidden_character(step.shown) for step in plan.steps)
    # As it travels: of quotes and backslashes each takes two places, and what has no room is cut off by `message`.
    return not hidden and len(json.dumps(_plan(plan), ensure_ascii=False)) <= _ROOM


def _plan(plan: StopPlan) -> list[Block]:
    job = plan.identity.label if plan.identity is not None else "unknown, only a stop command is known"
    lines = [f"Job: {job}", f"Host: {plan.host}"]
    for number, step in enumerate(plan.steps):
        word = "Command" if number == 0 else "Then"
        lines.append(f"{word}: {redact(step.shown)}   (then wait {say_duration(step.wait)} at most)")
    lines.append(f"Proof: {plan.verify or 'none, the outcome will be unverified'}")
    # A long line goes on in the next section, nothing is cut off: what is approved is seen in full.
    return [said([line[at : at + SECTION]]) for line in lines for at in range(0, min(len(line), _ROOM), SECTION)]


def _footer(question: StopQuestion, request: StopRequest, setting: Setting) -> list[Block]:
    about = f"request {request.id[:8]} · fingerprint {question.fingerprint}"
    if question.evidence:
        about += f" · evidence {question.evidence}"
    lines = [plain(about, CONTEXT)]
    if request.state is RequestState.PENDING and request.execute_after is None:
        until = (
            f"valid until {when(request.expires_at, setting.zone)}"
            if request.expires_at is not None
            else f"valid for {say_duration(question.ttl)}"
        )
        seen = f"numbers of {when(request.created_at, setting.zone)}; I look again before anything is run"
        many = f" ({question.approvals} of them must)" if question.approvals > 1 else ""
        could = setting.approvers if question.approvers is None else question.approvers
        lines.append(own(f"Can approve{many}: {people(could)} · {until} · {seen}", CONTEXT))
    elif request.state is RequestState.PENDING:
        seen = f"numbers of {when(request.created_at, setting.zone)}; I look again before anything is run"
        lines.append(own(f"Can object: {people(setting.approvers)}, and whoever watches it · {seen}", CONTEXT))
    return lines


def _buttons(question: StopQuestion, request: StopRequest) -> Block:
    automatic = request.execute_after is not None
    keep = button("Keep running", Action.KEEP, request.id, style="primary" if automatic else "")
    others = [keep, button(_LATER, Action.LATER, request.id), button("Explain", Action.EXPLAIN, request.id)]
    if automatic or not approvable(question.plan):
        return actions(f"stop/{request.id}", *others)
    plan = question.plan
    confirm = confirmation(
        "Stop this training?",
        [
            f"Job: {cut(plan.identity.label if plan.identity is not None else 'unknown', 110)}",
            f"Host: {cut(plan.host, 60)}",
            f"Command: {cut(redact(plan.steps[0].shown), 90)}",
        ],
        "Stop it",
        "Not now",
    )
    approve = button("Approve Stop", Action.APPROVE, request.id, style="danger", confirm=confirm)
    return actions(f"stop/{request.id}", approve, *others)


def _came_out(request: StopRequest, setting: Setting, over_at: datetime | None) -> str:
    """One line in place of the buttons; says only what is durable."""
    by = who(request.decided_by)
    at = f" {when(request.decided_at, setting.zone)}" if request.decided_at is not None else ""
    detail = f" ({inert(cut(request.execution.probe.detail, 300))})" if request.execution is not None else ""
    gone = f"gone at {when(over_at, setting.zone)}" if over_at is not None else "gone"
    return {
        RequestState.APPROVED: f"Approved by {by}{at} · stopping…",
        RequestState.EXECUTING: f"Approved by {by}{at} · stop sent, checking…",
        RequestState.STOPPED: f"Approved by {by}{at} · ⏹\N{VARIATION SELECTOR-16} {gone}{detail}",
        RequestState.FAILED: f"Approved by {by}{at} · 🚨 *NOT stopped*, the job still runs{detail}",
        RequestState.UNKNOWN: f"Approved by {by}{at} · 🚨 *unverified*, look yourself{detail}",
        RequestState.DECLINED: f"Kept running by {by}{at}. Nothing was stopped.",
        RequestState.EXPIRED: "Nobody answered in time. Nothing was stopped.",
        RequestState.SUPERSEDED: "Withdrawn: not what it was any more. Nothing was stopped.",
        RequestState.ALREADY_ENDED: f"The job had already ended{detail}. Nothing was run.",
    }.get(request.state, str(request.state))
