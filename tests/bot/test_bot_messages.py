"""Every message as JSON, and none beyond what Slack takes."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from slack_sdk.models.views import View

from bot.blocks.answers import (
    help_message,
    problem_message,
    refusal_message,
    status_message,
    unknown_message,
    why_message,
)
from bot.blocks.backtest import backtest_message
from bot.blocks.card import card_message
from bot.blocks.catchup import catchup_message
from bot.blocks.digest import digest_message
from bot.blocks.explain import Explained, explain_message
from bot.blocks.fields import notice
from bot.blocks.form import edit_form, new_form
from bot.blocks.limits import ALL_CHARACTERS, BLOCKS, Message, message
from bot.blocks.links import offer_blocks, watched_blocks
from bot.blocks.listing import PAGE, Listed, home_view, list_message, refused_home
from bot.blocks.question import question_message
from bot.blocks.reminder import reminder_message
from bot.blocks.report import notice_message, outcome_message, report_message, summary_message
from bot.blocks.words import Setting
from bot.ids import Field
from trainwatch_core.decision.authority import Refusal, Verb
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.errors import NotFoundError
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import (
    Card,
    Catchup,
    Figure,
    FinalSummary,
    Look,
    Moment,
    Notice,
    Report,
    StopOutcome,
    StopQuestion,
    StopReminder,
)
from trainwatch_core.model.roles import Goal
from trainwatch_core.model.round import Round, SourceReport, SourceStatus
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.stop import Execution, JobState, Probe, RequestState, StopPlan, StopRequest, StopStep
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.report.backtest import Backtested, KeyMetric, Trial
from trainwatch_core.report.digest import Entry, Saving, compose_digest
from trainwatch_core.testing.stoppers import JOB, LADDER

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 3, 2, 9, 39, tzinfo=UTC)
NAMES = {"U0ANA": "Ana", "U0BO": "Bo", "U0DANA": "Dana"}
BERLIN = Setting(ZoneInfo("Europe/Berlin"), ("U0ANA", "U0BO"), NAMES.__getitem__)
BO = Actor(ActorKind.SLACK, "U0BO", "T0HOME")
PLAN = StopPlan("pid", "pid:4211", "localhost", LADDER, JOB, "/proc shows nothing of it")
CARD = Card(
    "abcd1234",
    "resnet50-lr3e4",
    "https://wandb.ai/lab/vision/runs/r1",
    Look.HEALTHY,
    "",
    (Figure("loss 2.314", "▇▆▅▄▄▃▃▂", "\u22121.2 %"), Figure("val_acc 0.687", "", "+0.004")),
    "step 41,200 of 90,000 (46 %)",
    AT + timedelta(minutes=30),
    14,
    automatic=False,
    owner=BO,
    since=AT - timedelta(hours=12),
    at=AT,
    compared_at=AT - timedelta(minutes=30),
    done_at=AT + timedelta(hours=28),
)
REPORT = Report(
    "abcd1234",
    14,
    AT,
    "Healthy · resnet50-lr3e4",
    "wandb_ok",
    "resnet50-lr3e4 (lab/vision/r1)",
    ("step 41,200 of 90,000 (46 %)", "loss 2.314 (\u22121.2 % since last check)"),
    (),
    ("https://wandb.ai/lab/vision/runs/r1",),
    Decision.CONTINUE,
    ("loss 2.314 at step 41,200, still falling.",),
    AT + timedelta(minutes=30),
)
BAD = replace(
    REPORT,
    title="Wants to stop · resnet50-lr3e4",
    decision=Decision.STOP,
    anomalies=("loss is NaN since step 40,350.", "grad_norm is NaN since step 40,351."),
    evidence=("/mnt/logs/a/very/long/path/to/a/training/of/ours/train.log", "log: RuntimeError: ``` <!channel>"),
)
QUESTION = StopQuestion(
    "abcd1234",
    "7f3a9c21" * 4,
    "resnet50-lr3e4",
    ("Loss jumped from 2.31 to 6.91 at step 40,350.",),
    "I would change my mind if the loss fell below 2.6.",
    PLAN,
    "7f3a9c21",
    None,
    3600.0,
    "/data/evidence/r1-round-14",
)
REQUEST = StopRequest(
    QUESTION.request_id, "abcd1234", 14, RequestState.PENDING, PLAN, "7f3a9c21" * 8, "Loss jumped.", AT
)
LOSS = KeyMetric("val/loss", Goal.MINIMIZE, np.arange(4.0), np.array([4.0, 3.0, 2.0, 1.0]))
DIED = Trial(
    "resnet50-lr3e4 <!here>",
    "lab/vision/r1",
    RunState.CRASHED,
    24,
    3,
    40_350.0,
    4 * 3600.0,
    14 * 3600.0,
    "loss is NaN since step 40,350.",
    LOSS,
    2.31,
    math.nan,
)
TRIALS = (
    replace(DIED, run="wd-1e2", ended=RunState.FINISHED, reason="val/loss rises since step 8,000.", after=2.18),
    replace(DIED, run="big-batch", alarms=1, stop_step=None, saved=0.0, reason=""),
    DIED,
    *(
        replace(DIED, run=f"seed-{n}", ended=RunState.FINISHED, alarms=0, stop_step=None, saved=0.0, reason="")
        for n in range(7)
    ),
)
TRIED_RUNS = Backtested(TRIALS, {"lab/vision/gone": "There is no such run (lab/vision/gone)"})
LISTED = [
    Listed(CARD, "https://x.slack.com/archives/C1/p1"),
    Listed(replace(CARD, watch_id="bbbb2222", look=Look.CLOSE, why="Loss jumped to 6.9 <!here>."), ""),
    Listed(replace(CARD, watch_id="cccc3333", look=Look.PAUSED, next_at=None), "https://x.slack.com/archives/C1/p3"),
    Listed(replace(CARD, watch_id="dddd4444", look=Look.NEW, metrics=(), progress=""), ""),
]
CATCHUP = Catchup(
    watch_id="abcd1234",
    run="resnet50-lr3e4",
    since=AT - timedelta(hours=9),
    until=AT,
    looks=18,
    decision=Decision.CONTINUE,
    metrics=("train/loss 2.314 → 2.18 (-5.8 %)", "val/loss 2.41"),
    moments=(
        Moment(AT - timedelta(hours=5), Decision.WAIT, "Loss jumped from 2.2 to 6.9 <!channel>."),
        Moment(AT - timedelta(hours=4), Decision.CONTINUE, "Loss is back at 2.19."),
    ),
    further=3,
)
PUT_OFF = replace(QUESTION, put_off_by=BO, put_off_at=AT - timedelta(hours=2))
REMINDER = StopReminder(
    "abcd1234", QUESTION.request_id, "resnet50-lr3e4", "Loss jumped from 2.31 to 6.91.", ("U0ANA", "U0BO"), (), AT
)
QUESTION_AT = "https://x.slack.com/archives/C1/p1700000000000200?thread_ts=1700000000.000100&cid=C1TRAIN"
LOST = Finding(
    "divergence",
    "divergence.jump",
    Decision.STOP,
    Weight.SOFT,
    "Loss jumped from 2.31 to 6.91 = ln(1000) at step 40,350 and stayed there for 3 checks (62 min).",
    metric="train/loss",
    first_step=40_350.0,
    last_step=41_200.0,
    numbers={"best": 2.31, "grad_norm": 0.0},
    until="the loss fell below 2.6",
)
ASKED = Round(
    "abcd1234",
    14,
    AT,
    Verdict(
        Decision.STOP,
        (LOST, replace(LOST, text="val_acc is 0.001, that of a guess.", metric="val_acc", numbers={})),
        would_change="I would change my mind if the loss fell below 2.6.",
        sure="Seen in 3 checks in a row, 62 min, and in two metrics.",
    ),
    (LOST,),
    SourceReport(SourceStatus.WANDB_OK, inspected=("https://wandb.ai/lab/vision/runs/r1",)),
    RunInfo(name="resnet50-lr3e4"),
    41_200.0,
    latest={"train/loss": 6.91, "val_acc": 0.001},
)
LATER = replace(ASKED, number=15, latest={"train/loss": 6.4, "val_acc": 0.001})
DECIDED = replace(REQUEST, decided_by=BO, decided_at=AT + timedelta(minutes=1))
GONE = Execution((), Probe(JobState.GONE, "no such process"))
OUTCOME = StopOutcome(
    "abcd1234", REQUEST.id, RequestState.STOPPED, ("Stopped: gone 2 s after the decision.", "TERM sent")
)
SUMMARY = FinalSummary(
    "abcd1234",
    "resnet50-lr3e4",
    "resnet50-lr3e4: stopped, proven gone",
    (
        ("What happened", "Loss jumped."),
        ("Best", "loss 2.31 at step 40,100"),
        ("Best", "val_acc 0.687 at step 40,000"),
        ("Decided by", "slack:U0BO"),
        ("Saved", "about 9 h"),
    ),
)

MESSAGES: dict[str, Message] = {
    **{f"card_{look.name.lower()}": card_message(replace(CARD, look=look), BERLIN) for look in Look},
    "card_automatic": card_message(replace(CARD, automatic=True, next_at=None), BERLIN),
    "report_continue": report_message(REPORT, BERLIN),
    "report_stop": report_message(BAD, BERLIN),
    "question_pending": question_message(QUESTION, replace(REQUEST, expires_at=AT + timedelta(hours=1)), BERLIN),
    "question_automatic": question_message(QUESTION, replace(REQUEST, execute_after=AT), BERLIN),
    **{
        f"question_{state}": question_message(
            QUESTION,
            replace(DECIDED, state=state, execution=GONE),
            BERLIN,
            over_at=AT + timedelta(minutes=2) if state is RequestState.STOPPED else None,
        )
        for state in RequestState
        if state is not RequestState.PENDING
    },
    "question_put_off": question_message(
        QUESTION, replace(DECIDED, state=RequestState.DECLINED, ask_again_at=AT + timedelta(hours=2)), BERLIN
    ),
    "question_by_hand": question_message(
        replace(QUESTION, saw=("slack:U0BO asks to stop it.", "My last check says CONTINUE: fine."), would_change=""),
        replace(REQUEST, expires_at=AT + timedelta(hours=1)),
        BERLIN,
    ),
    "catchup": catchup_message(CATCHUP, BERLIN),
    "catchup_calm": catchup_message(replace(CATCHUP, moments=(), further=0, looks=1, until=CATCHUP.since), BERLIN),
    "question_again": question_message(PUT_OFF, replace(REQUEST, expires_at=AT + timedelta(hours=1)), BERLIN),
    "question_survivors": question_message(
        QUESTION,
        replace(
            DECIDED,
            state=RequestState.FAILED,
            execution=Execution((), Probe(JobState.ALIVE, "still there 40 s after SIGKILL", ("pid 4211", "pid 4212"))),
        ),
        BERLIN,
    ),
    "reminder": reminder_message(REMINDER, BERLIN, QUESTION_AT),
    "reminder_escalated": reminder_message(replace(REMINDER, called=("U0DANA",)), BERLIN, QUESTION_AT),
    "reminder_to_an_approver": reminder_message(replace(REMINDER, called=("U0BO",)), BERLIN, ""),
    "explain": explain_message(
        Explained(replace(REQUEST, expires_at=AT + timedelta(hours=1), evidence="/data/e"), ASKED, ASKED), BERLIN
    ),
    "explain_later": explain_message(
        Explained(
            replace(DECIDED, state=RequestState.STOPPED),
            replace(ASKED, verdict=replace(ASKED.verdict, held_back=("Warm-up.",))),
            LATER,
            (BO,),
            2,
            (replace(DECIDED, state=RequestState.DECLINED),),
        ),
        BERLIN,
    ),
    "explain_automatic": explain_message(Explained(replace(REQUEST, execute_after=AT), ASKED, ASKED), BERLIN),
    "outcome": outcome_message(OUTCOME, BERLIN),
    "outcome_loud": outcome_message(replace(OUTCOME, loud=True, lines=("NOT stopped: pid 4211 still runs.",)), BERLIN),
    "summary": summary_message(SUMMARY, BERLIN),
    "notice": notice_message(Notice("abcd1234", "I would stop it, but cannot.", loud=True), BERLIN),
    "help": help_message(),
    "backtest": backtest_message("lab/vision", TRIED_RUNS),
    "backtest_one": backtest_message("lab/vision/s3", Backtested(TRIALS[-1:], {})),
    "backtest_empty": backtest_message("lab/vision", Backtested((), {})),
    "unknown": unknown_message(),
    "list": list_message(LISTED, BERLIN, page=0, total=4),
    "list_second_page": list_message(LISTED[:2], BERLIN, page=1, total=22),
    "list_empty": list_message([], BERLIN, page=0, total=0),
    "status": status_message(CARD, BERLIN),
    "why_nothing": why_message(None),
    "refusal": refusal_message(Refusal(Verb.APPROVE, "This needs the role approver", ("U0ANA", "U0BO"))),
    "problem": problem_message(NotFoundError("There is no such run", where="r9", todo="See /watch list")),
    "digest": digest_message(
        compose_digest(
            [
                Entry(CARD, "https://x.slack.com/archives/C1/p1", ("loss 2.31 at step 40,100",)),
                Entry(replace(CARD, look=Look.CLOSE, why="loss is NaN in 3 samples.")),
                Entry(replace(CARD, look=Look.STOPPED), summary=replace(SUMMARY, saved=9 * 3600.0)),
                Entry(replace(CARD, look=Look.ENDED)),
            ],
            [
                replace(DECIDED, state=state, ask_again_at=AT if state is RequestState.DECLINED else None)
                for state in RequestState
            ],
            Saving(0.0, 3.1, "USD"),
        ),
        "Mon 2 Mar",
        BERLIN,
    ),
    "link_offer": message("lab/vision/r1", offer_blocks("lab/vision/r1")),
    "link_here": message("r1", watched_blocks(CARD, "https://x.slack.com/archives/C0TRAIN/p1", here=True)),
    "link_elsewhere": message("r1", watched_blocks(CARD, "", here=False)),
    "digest_empty": digest_message(compose_digest([]), "Mon 2 Mar", BERLIN),
}


def within_limits(message: Message) -> None:
    """Hold a message against Slack's limits."""
    assert len(message.blocks) <= BLOCKS
    assert 0 < len(message.text) <= 4000
    assert len(json.dumps(message.blocks, ensure_ascii=False)) <= ALL_CHARACTERS
    for block in message.blocks:
        texts = [block["text"]] if block["type"] == "section" else block.get("elements", [])
        for text in texts:
            if text["type"] in {"plain_text", "mrkdwn"}:
                assert 0 < len(text["text"]) <= (3000 if block["type"] == "section" else 2000)
        assert len(block.get("block_id", "")) <= 255
        if block["type"] == "context":
            assert len(block["elements"]) <= 10
        for element in block["elements"] if block["type"] == "actions" else []:
            assert len(element["action_id"]) <= 255
            assert len(element.get("text", {}).get("text", "")) <= 75
            assert len(element.get("value", "")) <= 2000
            assert len(element.get("options", [])) <= 5
            if "confirm" in element:
                assert len(element["confirm"]["text"]["text"]) <= 300
                assert len(element["confirm"]["title"]["text"]) <= 100
                assert all(len(element["confirm"][key]["text"]) <= 30 for key in ("confirm", "deny"))


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_looks_as_it_was_agreed(name: str) -> None:
    """And one that Slack takes."""
    within_limits(MESSAGES[name])
    as_golden(name, {"text": MESSAGES[name].text, "blocks": MESSAGES[name].blocks})


VIEWS = {
    "view_new": new_form(
        {}, status="Choose a run.", projects=["lab/vision", "e/tiny"], asks_channel=True, commands=False, carried={}
    ),
    "view_edit": edit_form(
        "lab/vision/<r1>", {Field.EVERY: "30m", Field.MODE: "ask", Field.ROUNDS: "all"}, commands=True, carried={}
    ),
    "view_home": home_view(LISTED[:2], LISTED[2:], BERLIN, further=3),
    "view_home_empty": home_view([], [], BERLIN, further=0),
    "view_home_refused": refused_home("Only members of the own workspace may do this <!here>"),
    "view_notice": notice(MESSAGES["status"]),
}
"""Forms and homes."""


def as_golden(name: str, shown: object) -> None:
    """A change of looks is seen in a diff of JSON. TRAINWATCH_GOLDEN=write writes it anew."""
    found = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("TRAINWATCH_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(found)
    assert found == file.read_text()


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_is_the_one_that_was_looked_at(name: str) -> None:
    """And one that slack_sdk takes for a view."""
    View(**VIEWS[name]).validate_json()
    as_golden(name, VIEWS[name])


ASK = {
    *("question_pending", "question_by_hand", "question_again", "question_automatic", "outcome_loud", "notice"),
    *("reminder", "reminder_escalated", "reminder_to_an_approver"),
}
"""The messages that want something of somebody."""
WHISPERS = {"refusal"}
"""What one user alone is told calls nobody, whomever it mentions."""


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - WHISPERS))
def test_only_a_message_that_asks_somebody_to_act_calls_anybody(name: str) -> None:
    """FEATURES.md E4, over all messages that there are: the one kind mentions people, the other names them."""
    told = json.dumps([MESSAGES[name].text, MESSAGES[name].blocks])
    assert ("<@" in told) == (name in ASK)


def test_every_golden_file_is_a_message() -> None:
    """None is left over."""
    assert {file.stem for file in GOLDEN.glob("*.json")} == {*MESSAGES, *VIEWS}


LONG = "x <!channel> & ``` *b* " * 2000


def test_messages_stay_within_the_limits_whatever_is_in_them() -> None:
    """Names, reasons and evidence of any length."""
    lines = (LONG,) * 60
    card = replace(
        CARD, run=LONG, why=LONG, metrics=(Figure(LONG[:400], LONG[:9], LONG[:99]),) * 3, progress=LONG[:400]
    )
    report = replace(REPORT, metrics=lines, anomalies=lines, evidence=lines, reason=lines, run=LONG, source=LONG)
    for told in (
        card_message(card, BERLIN),
        report_message(report, BERLIN),
        report_message(replace(report, evidence=tuple(f"log: {line}" for line in lines)), BERLIN),
        outcome_message(replace(OUTCOME, lines=lines), BERLIN),
        notice_message(Notice("w", LONG), BERLIN),
        catchup_message(
            replace(CATCHUP, run=LONG, metrics=lines, moments=(Moment(AT, Decision.STOP, LONG),) * 60), BERLIN
        ),
        summary_message(replace(SUMMARY, lines=tuple(("Best", line) for line in lines[:9])), BERLIN),
        list_message([Listed(replace(card, run=LONG[:80], look=Look.CLOSE), "")] * PAGE, BERLIN, page=1, total=60),
        digest_message(compose_digest([Entry(replace(card, run=LONG[:80], look=Look.CLOSE))] * 60), "Mon", BERLIN),
    ):
        assert len(told.blocks) <= BLOCKS
        assert len(told.text) <= 4000
        assert len(json.dumps(told.blocks, ensure_ascii=False)) <= ALL_CHARACTERS
        for block in told.blocks:
            for text in [block["text"]] if block["type"] == "section" else block.get("elements", []):
                assert len(text.get("text", "")) <= 3000


def test_no_link_of_a_long_digest_is_cut_in_two() -> None:
    """F-I01: what is left of a link that was cut off would be shown to the letter, or worse."""
    link = f"https://x.slack.com/archives/C0TRAIN/p{'1' * 300}"
    entries = [
        Entry(replace(CARD, run=LONG[:80], why=LONG, look=look, metrics=(Figure(LONG[:400]),)), link, (LONG[:200],))
        for look in Look
        for _ in range(20)
    ]
    asked = [replace(DECIDED, state=RequestState.DECLINED, ask_again_at=AT)] * 50
    told = digest_message(compose_digest(entries, asked), "Mon 2 Mar", BERLIN)
    texts = [block["text"]["text"] for block in told.blocks if block["type"] == "section"]
    assert sum(text.count(link) for text in texts) == 3 * 3
    assert all(text.count("<") == text.count(">") == text.count(link) for text in texts)
    within_limits(told)


def test_what_cannot_be_seen_in_full_cannot_be_approved() -> None:
    """F-I03: a command too long to be shown has no button, and says so."""
    step = StopStep("Run it", argv=("/usr/bin/stop", "a" * 9000))
    question = replace(QUESTION, plan=replace(PLAN, steps=(step,)))
    shown = json.dumps(question_message(question, REQUEST, BERLIN).blocks)
    assert "stop_approve" not in shown
    assert "cannot be approved here" in shown
    assert "stop_keep" in shown


@pytest.mark.parametrize("sign", ['"', "\\", "\t"])
def test_what_is_cut_off_on_its_way_cannot_be_approved(sign: str) -> None:
    """F-I03: signs that take two places in JSON count twice: all of the command is seen, or there is no button."""
    step = StopStep("Run it", argv=("/usr/bin/stop", sign * 6500))
    told = question_message(replace(QUESTION, plan=replace(PLAN, steps=(step,))), REQUEST, BERLIN)
    shown = "".join(block["text"]["text"] for block in told.blocks if block["type"] == "section")
    assert sign * 6500 in shown or "stop_approve" not in json.dumps(told.blocks)


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\u2066", "\n", "\x1b[2K", "\u3164"])
def test_a_command_with_hidden_characters_cannot_be_approved(hidden: str) -> None:
    """F-I03: what is shown must be what runs."""
    step = StopStep("Run it", argv=("/usr/bin/stop", f"job{hidden}1"))
    question = replace(QUESTION, plan=replace(PLAN, steps=(step,)))
    assert "stop_approve" not in json.dumps(question_message(question, REQUEST, BERLIN).blocks)


def test_every_rung_of_a_long_ladder_is_shown_to_the_letter() -> None:
    """F-I03: nothing of what would be done is cut off."""
    steps = tuple(StopStep(f"rung {n}", argv=(f"/usr/bin/rung{n}", "x" * 1500)) for n in range(4))
    told = question_message(replace(QUESTION, plan=replace(PLAN, steps=steps)), REQUEST, BERLIN)
    shown = "".join(block["text"]["text"] for block in told.blocks if block["type"] == "section")
    for step in steps:
        assert f"{step.argv[0]} {step.argv[1]}" in shown
    assert "stop_approve" in json.dumps(told.blocks)


def test_the_confirm_dialog_repeats_job_host_and_command() -> None:
    """Whoever presses "Stop it" has read them twice."""
    actions = next(b for b in MESSAGES["question_pending"].blocks if b["type"] == "actions")
    text = actions["elements"][0]["confirm"]["text"]["text"]
    assert "pid 4211" in text
    assert "Host: localhost" in text
    assert "SIGTERM to process group 4211" in text


def test_automatic_mode_is_named_as_who_decided() -> None:
    """A stop that nobody pressed says so."""
    told = question_message(QUESTION, replace(DECIDED, decided_by=SYSTEM, state=RequestState.APPROVED), BERLIN)
    assert "Approved by automatic mode" in json.dumps(told.blocks)
