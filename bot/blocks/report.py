"""The report of a round, an outcome, a notice, the last words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.blocks.limits import (
    CONTEXT,
    Block,
    Message,
    cut,
    heading,
    inert,
    labelled,
    message,
    own,
    plain,
    quoted,
    said,
    small,
    tight,
)
from bot.blocks.words import DECISIONS, SIGNS, Setting, named, people, when
from bot.texts import text
from trainwatch_core.model.message import FinalSummary, Look, Notice, Report, StopOutcome
from trainwatch_core.model.stop import RequestState

_LOG = "log: "
_LONG_PATH = re.compile(r"(?<![\w:/])/[^\s|()]{30,}?((?:/[^/\s|()]+){1,2})(?=[\s|()]|$)")
_GOES_ON = "▶\N{VARIATION SELECTOR-16}"
_FIELD, _LONG = 2000, 900
"""Characters of a field, and of the evidence: a report fits on a phone."""


def report_message(report: Report, setting: Setting, *, missing: str = "") -> Message:
    """The eight fields: decision and time on top, what counts in the middle, where it comes from in small letters.

    Args:
        report: What is told.
        setting: The zone.
        missing: Why there is no picture; empty if there is one.
    """
    at = when(report.at, setting.zone, exact=True)
    state = report.title.partition(" · ")[0]
    logged = [line.removeprefix(_LOG) for line in report.evidence if line.startswith(_LOG)]
    seen = [line for line in report.evidence if not line.startswith(_LOG)]
    due = when(report.next_at, setting.zone, exact=True) if report.next_at is not None else text("report-ending")
    head = text("report-head", decision=str(report.decision), when=at, number=report.round_number)
    blocks: list[Block] = [
        heading(f"{DECISIONS[report.decision]} {head}"),
        labelled(text("report-metrics"), tight(", ".join(report.metrics)), _FIELD),
        labelled(text("report-anomalies"), _listed(report.anomalies), _FIELD),
        labelled(text("report-reason"), " ".join(report.reason), _FIELD),
        labelled(text("report-next"), due),
    ]
    if logged:
        blocks.append(quoted(logged, _LONG))
    evidence = cut(" | ".join(map(_shortened, seen)), _LONG) or text("report-none")
    whence = [
        text("report-source", source=cut(report.source, 300)),
        text("report-run", run=cut(_shortened(report.run), 400)),
        text("report-evidence", evidence=evidence),
    ]
    blocks.append(small(plain(" · ".join(whence), CONTEXT)))
    if missing:
        blocks.append(small(plain(text("report-no-picture", why=cut(missing, 200)), CONTEXT)))
    return message(f"{DECISIONS[report.decision]} {report.decision}, {state}: {report.run}", blocks)


def _listed(anomalies: Sequence[str]) -> str:
    """One goes on in its line, several stand below each other."""
    if len(anomalies) > 1:
        return "\n".join(["", *(f"• {anomaly}" for anomaly in anomalies)])
    return "".join(anomalies) or text("report-none")


def _shortened(line: str) -> str:
    """A line with its long paths cut to their ends; FINAL_SUMMARY and "why" say them in full."""
    return _LONG_PATH.sub(r"…\1", line)


def outcome_message(outcome: StopOutcome, setting: Setting) -> Message:
    """How a stop came out; loud when somebody must act."""
    first, *rest = (named(line, setting) for line in outcome.lines)
    over = outcome.state in {RequestState.STOPPED, RequestState.ALREADY_ENDED}
    sign = "🚨" if outcome.loud else SIGNS[Look.STOPPED] if over else _GOES_ON
    blocks: list[Block] = [heading(f"{sign} {inert(cut(first, _FIELD))}")]
    if rest:
        blocks.append(small(plain(" · ".join(rest), CONTEXT)))
    if outcome.loud and setting.approvers:
        blocks.append(small(own(text("outcome-look", people=people(setting.approvers)), CONTEXT)))
    return message(first, blocks)


def notice_message(notice: Notice, setting: Setting) -> Message:
    """Something else worth a line."""
    blocks: list[Block] = [said([f"{'⚠️ ' if notice.loud else ''}{notice.text}"])]
    if notice.loud and setting.approvers:
        blocks.append(small(own(people(setting.approvers), CONTEXT)))
    return message(notice.text, blocks)


def summary_message(summary: FinalSummary, setting: Setting) -> Message:
    """The last words of a watch."""
    together: dict[str, list[str]] = {}
    for label, line in summary.lines:
        together.setdefault(label, []).append(line)
    lines = [_summed(label, " · ".join(texts), setting) for label, texts in together.items()]
    return message(f"FINAL_SUMMARY {summary.title}", [heading(f"🏁 *FINAL_SUMMARY* · {inert(summary.title)}"), *lines])


def _summed(label: str, line: str, setting: Setting) -> Block:
    if label != "Decided by":
        return labelled(label, line, 900)
    return heading(f"*{label}:* {inert(cut(named(line, setting), 900))}")
