"""Messages as plain text, for terminals, files and notes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime, tzinfo

from trainwatch_core.model.message import (
    Body,
    Card,
    Catchup,
    FinalSummary,
    Notice,
    Picture,
    PictureMissing,
    ProjectNote,
    Report,
    StopOutcome,
    StopQuestion,
    StopReminder,
    WriteBack,
)
from trainwatch_core.model.numbers import say_duration
from trainwatch_core.model.stop import StopPlan

_MIN_WIDTH = 40


def stamp(moment: datetime, zone: tzinfo | None) -> str:
    """Local time with its offset, to the second: `2026-03-29 01:59:59 +01:00`. None is the machine's own zone."""
    local = moment.astimezone(zone)
    day, _, rest = local.isoformat(sep=" ", timespec="seconds").partition(" ")
    return f"{day} {rest[:8]} {rest[8:]}"


def say_body(body: Body, *, zone: tzinfo | None, width: int) -> str:
    """A message as text.

    Args:
        body: The message; the text of a Picture is its alternative text.
        zone: The reader's zone; None is the machine's own.
        width: Columns to wrap at.
    """
    match body:
        case Report():
            text = say_report(body, zone=zone, width=width)
        case Picture() | PictureMissing():
            text = wrapped(_picture(body), width)
        case StopQuestion():
            text = say_question(body, zone=zone, width=width)
        case StopReminder():
            text = wrapped(_reminder(body, zone), width)
        case StopOutcome():
            text = "\n".join(wrapped(line, width) for line in body.lines)
        case FinalSummary():
            text = say_summary(body, width=width)
        case Card() | Catchup():
            lines = say_card(body, zone=zone) if isinstance(body, Card) else _catchup(body, zone)
            text = "\n".join(wrapped(line, width) for line in lines)
        case Notice() | ProjectNote() | WriteBack():
            text = "\n".join(wrapped(line, width) for line in body.text.splitlines())
    return text


def _picture(body: Picture | PictureMissing) -> str:
    return body.alt_text if isinstance(body, Picture) else f"- Picture: none. {body.why}"


def _reminder(reminder: StopReminder, zone: tzinfo | None) -> str:
    until = stamp(reminder.expires_at, zone)
    return f"Still no answer: stop {reminder.run}? {reminder.reason} It can be approved until {until}."


def _catchup(told: Catchup, zone: tzinfo | None) -> list[str]:
    since, until = stamp(told.since, zone), stamp(told.until, zone)
    lines = [f"While it was quiet: {told.run}, {told.looks} checks from {since} to {until}"]
    lines += [", ".join(told.metrics)] if told.metrics else []
    lines += [f"- {stamp(moment.at, zone)} {moment.decision}: {moment.text}" for moment in told.moments]
    lines += [f"- and {told.further} more"] if told.further else []
    return lines if told.moments else [*lines, "Nothing happened."]


def say_report(report: Report, *, zone: tzinfo | None, width: int) -> str:
    """The report of a round, exactly its eight fields."""
    fields: list[tuple[str, Sequence[str]]] = [
        ("Data source", (report.source,)),
        ("Run", (report.run,)),
        ("Recent metrics", report.metrics),
        ("Anomalies", report.anomalies or ("none",)),
        ("Evidence", report.evidence or ("none",)),
        ("Decision", (str(report.decision),)),
        ("Reason", report.reason),
        ("Next check", (stamp(report.next_at, zone) if report.next_at else "ending",)),
    ]
    lines = [f"## Training Check - {stamp(report.at, zone)}", ""]
    for label, values in fields:
        separator = ", " if label == "Recent metrics" else " | " if label == "Evidence" else " "
        lines.append(wrapped(f"- {label}: {separator.join(values)}", width, hang="  "))
    return "\n".join(lines)


def say_question(question: StopQuestion, *, zone: tzinfo | None, width: int) -> str:
    """What a person must see before they approve a stop: what was seen, and exactly what would be done."""
    lines = [f"I would stop {question.run}", ""]
    lines += [wrapped(line, width) for line in question.saw]
    if question.would_change:
        lines.append(wrapped(question.would_change, width))
    lines += ["", *say_plan(question.plan, width=width)]
    if question.evidence:
        lines.append(f"{'Evidence':<9} {question.evidence}")
    lines.append(_field("Request", f"{question.request_id[:8]} · fingerprint {question.fingerprint}", width))
    if question.execute_after is not None:
        lines.append(
            _field("Acts at", f"{stamp(question.execute_after, zone)} unless somebody keeps it running", width)
        )
    else:
        many = f" · {question.approvals} people must approve it" if question.approvals > 1 else ""
        lines.append(_field("Valid for", f"{say_duration(question.ttl)}{many}", width))
    return "\n".join(lines)


def say_plan(plan: StopPlan, *, width: int) -> list[str]:
    """Job, host, every rung of the ladder in full, and the proof."""
    lines = []
    if plan.identity is not None:
        lines.append(_field("Job", f"{plan.identity.label} on {plan.host}", width))
    else:
        lines.append(_field("Job", f"unknown: only a stop command is known, on {plan.host}", width))
    for number, step in enumerate(plan.steps):
        what = step.shown
        label = "Command" if number == 0 else "Then"
        # Never wrapped: a command is shown to the letter.
        lines += [f"{label:<9} {what}", f"{'':<9} then wait {say_duration(step.wait)} at most"]
    lines.append(_field("Proof", plan.verify or "none: the outcome will be unverified", width))
    return lines


def say_card(card: Card, *, zone: tzinfo | None) -> list[str]:
    """A watch at a glance, line by line."""
    due = f"next check {stamp(card.next_at, zone)}" if card.next_at else ""
    return [
        line
        for line in (
            f"{card.look} · {card.run}",
            card.why,
            " · ".join(map(str, card.metrics)),
            " · ".join(part for part in (card.progress, due) if part),
        )
        if line
    ]


def say_summary(summary: FinalSummary, *, width: int) -> str:
    """The last message of a watch."""
    lines = ["FINAL_SUMMARY", summary.title, ""]
    return "\n".join(lines + [wrapped(f"- {label}: {text}", width, hang="  ") for label, text in summary.lines])


def _field(label: str, text: str, width: int) -> str:
    return wrapped(f"{label:<9} {text}", width, hang=" " * 10)


def wrapped(text: str, width: int, *, hang: str = "") -> str:
    """A text in lines of at most so many columns; `hang` begins all but the first."""
    return textwrap.fill(
        text,
        max(width, _MIN_WIDTH),
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
