"""Words from outside are shown and never obeyed, and no secret leaves."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.blocks import limits
from bot.blocks.limits import Message
from bot.blocks.question import question_message
from bot.blocks.report import report_message
from bot.testing import BO, CHANNEL, Office
from trainwatch_core.model.finding import Decision, Finding, Weight
from trainwatch_core.model.message import Report, StopQuestion
from trainwatch_core.model.run import RunInfo, RunState
from trainwatch_core.model.stop import RequestState, StopPlan, StopRequest, StopStep
from trainwatch_core.testing.fakes import START, ScriptedSource
from trainwatch_core.testing.slack_server import APP_TOKEN, BOT_TOKEN, SlackServer
from trainwatch_core.testing.stoppers import JOB
from trainwatch_core.testing.worlds import FakeWorld, loss_rows

ATTACKS = [
    "<!channel>",
    "<!here>",
    "<@U0ANA>",
    "<#C0TRAIN>",
    "<!subteam^S0TEAM>",
    "<!date^1392734382^x|y>",
    "<https://evil.example|Approve here>",
    "```\n<!channel>\n```",
    "*bold* _x_ ~y~ `z`",
    "&lt;!channel&gt;",
    "@channel @here",
    "https://evil.example/approve",
]
CONTROL = re.compile(r"<[!@#]|<https?:")


def texts(found: object) -> list[dict[str, Any]]:
    """All text objects in some blocks."""
    if isinstance(found, dict):
        own = (
            [found] if found.get("type") in {"plain_text", "mrkdwn", "text"} and isinstance(found["text"], str) else []
        )
        return own + [text for value in found.values() for text in texts(value)]
    return [text for value in found for text in texts(value)] if isinstance(found, list | tuple) else []


def inert(message: Message) -> None:
    """Nothing of an attack reaches a place where Slack would obey it."""
    assert not CONTROL.search(message.text)
    for text in texts(list(message.blocks)):
        if text["type"] == "mrkdwn":
            assert text["verbatim"] is True
            # Mentions of our own people are ours.
            ours = re.sub(r"<@U0BO>", "", text["text"])
            assert not CONTROL.search(ours), ours
            assert "`" not in ours, ours
        elif text["type"] == "plain_text":
            assert text["emoji"] is False


@given(attack=st.one_of(st.sampled_from(ATTACKS), st.text(max_size=200)), place=st.integers(0, 8))
@settings(max_examples=150, deadline=None)
def test_no_word_from_outside_is_a_command_to_slack(attack: str, place: int) -> None:
    """F-I01, F-I02: whatever stands in a run's name, metric, reason, log line or command."""
    told = [f"{attack} x" if n == place else "x" for n in range(9)]
    report = Report(
        "w", 1, START, told[0], told[1], told[2], (told[3],), (told[4],), (told[5], f"log: {told[6]}"),
        Decision.WAIT, (told[7],), START,
    )  # fmt: skip
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # likewise

    from bot.blocks.words import Setting  # noqa: PLC0415  # only here

    setting = Setting(ZoneInfo("UTC"), (BO,))
    inert(report_message(report, setting))
    job = replace(JOB, label=told[2])
    plan = StopPlan("pid", "pid:1", told[3] or "h", (StopStep(told[4], argv=("/x", told[5])),), job, told[6])
    question = StopQuestion("w", "f" * 32, told[0], (told[1],), told[7], plan, "f" * 8, None, 60.0, told[8])
    request = StopRequest("f" * 32, "w", 1, RequestState.PENDING, plan, "f" * 64, "r", START)
    message = question_message(question, request, setting)
    inert(message)
    for block in message.blocks:
        for element in block["elements"] if block["type"] == "actions" else []:
            assert attack not in element["value"] or not attack.strip() or attack in "f" * 32
            assert all(text["type"] == "plain_text" for text in texts(element))


def test_evidence_cannot_be_broken_out_of() -> None:
    """F-I02: log lines stand in preformatted rich text, which no backticks close."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # only here

    from bot.blocks.words import Setting  # noqa: PLC0415  # likewise

    lines = ("log: ```", "log: <!channel>", "log: ```")
    report = Report("w", 1, START, "t", "s", "r", ("m",), (), lines, Decision.WAIT, ("why",), None)
    blocks = report_message(report, Setting(ZoneInfo("UTC"))).blocks
    quoted = [b for b in blocks if b["type"] == "rich_text"]
    assert quoted[0]["elements"][0]["type"] == "rich_text_preformatted"
    assert quoted[0]["elements"][0]["elements"] == [{"type": "text", "text": "```\n<!channel>\n```"}]


def test_posts_ask_slack_to_read_nothing_into_them(office: Office) -> None:
    """F-I01: no links are made, no names are looked for, nothing is unfurled."""
    office.watch()
    posted = [given for method, given in office.slack.calls if method == "chat.postMessage"]
    assert posted
    for given_ in posted:
        assert str(given_["link_names"]) in {"False", "0", "false"}
        assert given_["parse"] == "none"
        assert str(given_["unfurl_links"]) in {"False", "0", "false"}
        assert str(given_["unfurl_media"]) in {"False", "0", "false"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_run_is_watched_and_stays_quiet(slack: SlackServer, tmp_path: Path, attack: str) -> None:
    """F-I01: a run's name, its log and its metrics on the whole way into Slack."""
    finding = Finding("scripted", "x", Decision.WAIT, Weight.SOFT, f"{attack} in the log.", attack, 1.0, 1.0)
    source = ScriptedSource([{attack: loss_rows(0, 30)["train/loss"]}], RunInfo(name=attack, state=RunState.RUNNING))
    from bot.testing import RULES  # noqa: PLC0415  # only here

    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES, source=source, findings=(finding,)))
    office.watch()
    for message in slack.messages[CHANNEL]:
        assert not CONTROL.search(message.get("text", ""))
        for text in texts(message.get("blocks", [])):
            if text["type"] == "mrkdwn":
                assert not CONTROL.search(text["text"].replace("<@U0ANA>", "").replace("<@U0BO>", ""))
        for file in message.get("files", []):
            assert re.fullmatch(r"trainwatch-[a-z0-9]{8}-[0-9]{6}\.png", file["name"])


def test_a_stop_command_in_the_data_of_a_run_is_ignored(slack: SlackServer, tmp_path: Path) -> None:
    """F-I05: what a run says of itself is never a source of commands."""
    info = RunInfo(name="r", state=RunState.RUNNING, config={"stop_command": "rm -rf /", "launch": "pid:1"})
    source = ScriptedSource([loss_rows(20 * n, 20) for n in range(50)], info)
    from bot.testing import RULES  # noqa: PLC0415  # only here

    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES, source=source))
    request = office.asked()
    assert "rm -rf" not in str(slack.messages[CHANNEL])
    assert office.world.store.watch(request.watch_id).context.stop_command == ""
    assert request.plan.launch == "pid:4211"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("stop=/usr/bin/scancel", "role admin"),
        ('log_command="cat /etc/passwd"', "role admin"),
    ],
)
def test_commands_are_not_taken_from_chat(office: Office, text: str, why: str) -> None:
    """F-I05, P3: from a watcher never; from an admin only where the operator switched it on."""
    assert why in office.command(f"lab/vision/r1 {text}", user="U0CY")
    assert "Commands are not taken from chat" in office.command(f"lab/vision/r1 {text}", user="U0ANA")
    assert not office.world.store.watches()


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/stop; reboot",
        "/usr/bin/stop && x",
        "/usr/bin/stop $(id)",
        "/usr/bin/stop `id`",
        "/usr/bin/stop | sh",
        "/usr/bin/stop > /etc/x",
        "/usr/bin/stop \u202egnp",
        "/usr/bin/stop \u200bx",
        "/usr/bin/stop \uff11\uff12",
        "-rf",
        "x" * 501,
    ],
)
def test_a_typed_command_is_one_plain_program_or_refused(slack: SlackServer, tmp_path: Path, command: str) -> None:
    """F-I03, P3: switched on, a command from chat has no shell in it and nothing hidden."""
    from bot.testing import RULES  # noqa: PLC0415  # only here

    office = Office(slack, tmp_path, world=FakeWorld(rules=replace(RULES, allow_chat_commands=True)))
    office.command(f'lab/vision/r1 stop="{command}"')
    assert not office.world.store.watches()
    office.command('lab/vision/r1 stop="/usr/bin/scancel 4211" mode=auto')
    assert not office.world.store.watches()
    office.command('lab/vision/r1 stop="/usr/bin/scancel 4211"')
    assert office.world.store.watches()[0].context.stop_command == "/usr/bin/scancel 4211"
    office.work(5)
    office.reply("mode auto")
    assert office.world.store.watches()[0].context.mode == "ask"


@pytest.mark.parametrize(
    "address",
    [
        "https://wandb.ai@evil.example/lab/vision/runs/r1",
        "https://wandb.ai\\@evil/lab/vision/runs/r1",
        "file:///lab/vision/runs/r1",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/x",
        "https://wandb.ai/lab/../runs/r1",
        "https://wandb.ai/lab/vision/runs/%2e%2e%2fx",
        "javascript://wandb.ai/lab/vision/runs/r1",
        "/etc/passwd",
        "../x",
        "~/.ssh/id_rsa",
        "lab/vision",
        "lab/vision/r1/../../x",
    ],
)
def test_an_address_is_parsed_and_never_fetched(office: Office, address: str) -> None:
    """F-I08: what is no run's page is refused; nothing is asked of any host for it."""
    before = len(office.slack.calls)
    answer = office.command(address)
    assert not office.world.store.watches(), answer
    assert {method for method, _ in office.slack.calls[before:]} <= {"users.info", "conversations.info"}


def test_the_host_of_an_address_does_not_matter(office: Office) -> None:
    """F-I08: a page on another host names the run on ours; its host is asked for nothing."""
    office.command("<https://wandb.ai.evil.example/lab/vision/runs/r1|wandb.ai>")
    assert str(office.world.store.watches()[0].run) == "lab/vision/r1"


CANARIES = [
    "wandb_v1_" + "a1" * 30,
    "hf_" + "Ab1" * 12,
    "sk-" + "proj-" + "A1b2" * 10,
    "AKIA" + "ABCD1234EFGH5678",
    "xoxb-" + "123456789012-abcdefABCDEF123456",
    "ghp_" + "A1b2c3" * 6,
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "https://user:hunter2secret@example.org/x",
    "password=correcthorse7",
    "0123456789abcdef0123456789abcdef01234567",
    "sk-" + "ant-api03-" + "A1b2" * 10,
    "xapp-" + "1-A0APP-1234567890-abcdef0123456789",
    "github_pat_" + "A1b2c3" * 6,
]
PEM = (
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "AAAAB3NzaC1yc2EAAAADAQABAAABgQ",
    "-----END OPENSSH PRIVATE KEY-----",
)


@pytest.mark.parametrize("canary", CANARIES)
def test_every_atom_of_a_message_redacts_by_itself(canary: str) -> None:
    """F-I06: whoever writes the next message cannot forget it."""
    secret = canary.partition("://user:")[2].partition("@")[0] or canary.partition("=")[2] or canary
    atoms = (limits.inert(canary), limits.plain(canary), limits.quoted([canary]), limits.clipped(canary))
    made = [*atoms, limits.message(canary, [limits.said([canary]), limits.labelled("x", canary)]).text]
    assert not [atom for atom in made if secret in str(atom)]


def kept(office: Office) -> str:
    """All that is kept beside the rows or drawn: evidence, audit, notes, pictures."""
    world = office.world
    return str((world.locker.kept, world.store.audited(), world.notebook.notes, world.painter.specs))


@pytest.mark.parametrize("canary", CANARIES)
def test_no_secret_leaves(slack: SlackServer, tmp_path: Path, canary: str, log_of_the_bot: Callable[[], str]) -> None:
    """F-I06: planted in name, finding, job and settings, it is in no byte that Slack received, and kept nowhere."""
    finding = Finding(
        "scripted", "x", Decision.STOP, Weight.HARD, f"The log says {canary} now.", "train/loss", 1.0, 1.0
    )
    source = ScriptedSource(
        [loss_rows(20 * n, 20) for n in range(50)],
        RunInfo(name=f"run {canary}", state=RunState.RUNNING, config={"note": canary}),
    )
    from bot.testing import RULES  # noqa: PLC0415  # only here
    from trainwatch_core.testing.stoppers import ScriptedStopper  # noqa: PLC0415  # likewise

    stopper = ScriptedStopper(identity=replace(JOB, label=f"pid 4211, train.py --key {canary}"))
    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES, source=source, stopper=stopper))
    watch = office.watch()
    office.world.findings = (finding,)
    for _ in range(3):
        office.world.engine.watches.check_now(watch.id)
        office.work(8)
    office.click(office.question, "stop_explain", user="U0ANA")
    office.reply("why")
    office.reply("status")
    office.click(office.question, "stop_approve", user=BO)
    office.work(20)
    assert "FINAL_SUMMARY" in str(slack.messages[CHANNEL])
    secret = canary.partition("://user:")[2].partition("@")[0] or canary.partition("=")[2] or canary
    sent = b"\n".join(slack.received).decode("utf-8", "replace")
    assert secret not in sent
    assert json.dumps(secret)[1:-1] not in sent
    assert secret not in kept(office)
    assert secret not in log_of_the_bot()


def test_a_key_that_is_printed_over_several_lines_is_hidden() -> None:
    """F-I06: each of its lines looks innocent."""
    assert PEM[1] not in str(limits.quoted(PEM))


def test_our_own_log_has_no_tokens_in_it(log_of_the_bot: Callable[[], str]) -> None:
    """F-I07: whoever writes them, in a message, an argument or a traceback."""
    log = logging.getLogger("slack_sdk.web")
    log.error("token %s", BOT_TOKEN)
    log.error("headers: {'Authorization': 'Bearer %s'}", APP_TOKEN)
    try:
        int(f"bad token {BOT_TOKEN}")
    except ValueError:
        logging.getLogger("bot").exception("it failed")
    logging.getLogger("slack_bolt.App").info("Invalid request signature detected (body: xyz)")
    logging.getLogger("slack_sdk.web").debug("Sending a request - headers: Bearer xyz")
    said = log_of_the_bot()
    assert BOT_TOKEN not in said
    assert APP_TOKEN not in said
    assert "xyz" not in said
    assert "it failed" in said
