"""Messages as text: exact, wrapped, inert."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from trainwatch_core.model.finding import Decision
from trainwatch_core.model.message import FinalSummary, Notice, Report, StopQuestion
from trainwatch_core.model.stop import JobIdentity, StopPlan, StopStep
from trainwatch_core.report.text import say_body, stamp

AT = datetime(2026, 3, 2, 22, 30, 4, tzinfo=UTC)
BERLIN_WINTER = timezone(timedelta(hours=1))
REPORT = Report(
    watch_id="w",
    round_number=14,
    at=AT,
    title="Healthy · resnet50",
    source="wandb_ok (offline)",
    run="resnet50 (lab/vision/r1)",
    metrics=("step 41,200 of 90,000 (46 %)", "loss 2.314 (\N{MINUS SIGN}1.2 % since last check)"),
    anomalies=(),
    evidence=("https://wandb.ai/lab/vision/runs/r1",),
    decision=Decision.CONTINUE,
    reason=("Loss 2.314, still falling.",),
    next_at=AT + timedelta(minutes=30),
)


def test_the_report_is_exactly_this() -> None:
    """E1 to the letter."""
    assert say_body(REPORT, zone=BERLIN_WINTER, width=100) == (
        "## Training Check - 2026-03-02 23:30:04 +01:00\n"
        "\n"
        "- Data source: wandb_ok (offline)\n"
        "- Run: resnet50 (lab/vision/r1)\n"
        "- Recent metrics: step 41,200 of 90,000 (46 %), loss 2.314 (\N{MINUS SIGN}1.2 % since last check)\n"
        "- Anomalies: none\n"
        "- Evidence: https://wandb.ai/lab/vision/runs/r1\n"
        "- Decision: CONTINUE\n"
        "- Reason: Loss 2.314, still falling.\n"
        "- Next check: 2026-03-02 23:00:04 +01:00".replace("23:00:04", "00:00:04").replace(
            "Next check: 2026-03-02", "Next check: 2026-03-03"
        )
    )


def test_the_last_report_says_ending() -> None:
    """No next check, no time."""
    assert say_body(replace(REPORT, next_at=None), zone=UTC, width=80).endswith("- Next check: ending")


@pytest.mark.parametrize("width", [20, 40, 60, 100])
def test_long_fields_wrap_with_a_hanging_indent(width: int) -> None:
    """A phone's terminal reads it too; a word that is longer than the line stays whole."""
    text = say_body(replace(REPORT, reason=("word " * 60,)), zone=UTC, width=width)
    reason = text[text.index("- Reason") : text.index("- Next check")]
    assert all(len(line) <= max(width, 40) for line in reason.splitlines())
    assert "\n  word" in text


def test_a_stamp_carries_its_offset() -> None:
    """F-C03: on the night when clocks go back, two stamps of the same hour differ."""
    assert stamp(AT, UTC) == "2026-03-02 22:30:04 +00:00"
    assert stamp(AT, timezone(timedelta(hours=-5, minutes=-30))) == "2026-03-02 17:00:04 -05:30"


def question(**changes: object) -> StopQuestion:
    """A question about a process."""
    identity = JobIdentity("pid", "localhost", "7", {"pid": "7"}, 'pid 7, user ana, "train.py"')
    steps = (
        StopStep("run", argv=("/bin/bash", "-c", "kill  7   # two  spaces"), wait=30),
        StopStep("SIGKILL to group 7", signal="SIGKILL", wait=10),
    )
    plan = StopPlan("combined", "pid:7", "localhost", steps, identity, "/proc shows nothing of it")
    asked = StopQuestion(
        "w", "7f3a9c21" + "0" * 24, "resnet50", ("Loss is NaN.",), "", plan, "ab12cd34", None, 3600, "/e"
    )
    return replace(asked, **changes)  # type: ignore[arg-type]  # as given


def test_a_command_is_shown_to_the_letter() -> None:
    """F-I03: not wrapped, not shortened, no blank swallowed."""
    text = say_body(question(), zone=UTC, width=40)
    assert "/bin/bash -c 'kill  7   # two  spaces'" in text
    assert "Then      SIGKILL to group 7" in text
    assert "Job       pid 7, user ana" in text


def test_a_question_says_how_long_or_when() -> None:
    """Ask mode says how long it is valid, automatic mode when it acts."""
    assert "Valid for 60 min" in say_body(question(), zone=UTC, width=100)
    acts = say_body(question(execute_after=AT), zone=UTC, width=100)
    assert "Acts at   2026-03-02 22:30:04 +00:00 unless somebody keeps it running" in acts


def test_a_stop_without_proof_says_so() -> None:
    """No probe, no promise."""
    plan = replace(question().plan, identity=None, verify="")
    text = say_body(question(plan=plan), zone=UTC, width=100)
    assert "Proof     none: the outcome will be unverified" in text
    assert "only a stop command is known" in text


def test_the_summary_begins_with_its_name() -> None:
    """FINAL_SUMMARY is a word that scripts look for."""
    summary = FinalSummary("w", "r", "r: stopped, proven gone", (("What happened", "Loss is NaN."),))
    assert say_body(summary, zone=UTC, width=80).splitlines() == [
        "FINAL_SUMMARY",
        "r: stopped, proven gone",
        "",
        "- What happened: Loss is NaN.",
    ]


def test_a_notice_keeps_its_lines() -> None:
    """One line of the text is one line of the screen."""
    assert say_body(Notice("w", "one\ntwo"), zone=UTC, width=80) == "one\ntwo"
