"""`/watch` and the words of the thread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.listeners.context import run_of
from bot.listeners.parsing import Expected, Typed, Word, is_talk, read_command, read_expected, read_word
from bot.testing import ANA, BO, CHANNEL, CY, EVE, RULES, Office
from trainwatch_core.model.announcement import Announcement
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.stop import RequestState
from trainwatch_core.model.watch import Mode, Posts, WatchState
from trainwatch_core.testing.slack_server import SlackServer
from trainwatch_core.testing.slack_wire import Fault
from trainwatch_core.testing.stoppers import JOB
from trainwatch_core.testing.worlds import FakeWorld


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("", Typed()),
        ("list", Typed("list")),
        ("lab/v/r1 every=10m", Typed("lab/v/r1", {"every": "10m"})),
        ("lab/v/r1 notes=\u201cmy notes.md\u201d", Typed("lab/v/r1", {"notes": "my notes.md"})),
        ("lab/v/r1 baseline=val/loss=2.3", Typed("lab/v/r1", {"baseline": "val/loss=2.3"})),
        ("<https://wandb.ai/lab/v/runs/r1|wandb.ai/lab>", Typed("https://wandb.ai/lab/v/runs/r1")),
        ("lab/v/r1\u00a0mode=ask", Typed("lab/v/r1", {"mode": "ask"})),
    ],
)
def test_a_command_is_read_as_it_was_typed(text: str, typed: Typed) -> None:
    """Slack's typographic quotes, links and blanks are taken for what was meant."""
    assert read_command(text) == typed


@pytest.mark.parametrize(
    "text", ['a/b/c notes="x', "a/b/c every", "a/b/c fly=1", "a/b/c every=1m every=2m", "x" * 4000]
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    """With what would be understood."""
    with pytest.raises(InvalidInputError):
        read_command(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("check now", Word.CHECK),
        ("  Check   NOW! ", Word.CHECK),
        ("<@U0BOT> check now", Word.CHECK),
        ("mode auto", Word.AUTO),
        ("help?", Word.HELP),
        ("False alarm.", Word.FALSE_ALARM),
        ("expected change", Word.EXPECTED),
        ("Expected change: harder data", Word.EXPECTED),
        ("expected changes", None),
        ("I expected change", None),
        ("expected change\nbut not this one", None),
        ("snooze", Word.SNOOZE),
        ("Snooze until 08:00", Word.SNOOZE),
        ("snooze off", Word.WAKE),
        ("every 10m", Word.EVERY),
        ("every", Word.EVERY),
        ("everybody out", None),
        ("baseline val_loss=2.31", Word.BASELINE),
        ("rounds changes", Word.ROUNDS),
        ("note lr halved\nby hand", Word.NOTE),
        ("launch slurm:48213", Word.LAUNCH),
        ("launch tomorrow at nine", None),
        ("notes", None),
        ("stop", Word.STOP),
        ("dance", None),
        ("", None),
    ],
)
def test_words_of_the_thread(text: str, word: Word | None) -> None:
    """Capitals, blanks and politeness do not matter."""
    assert read_word(text) is word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("expected change", Expected()),
        ("expected  change harder Data", Expected("", "harder Data")),
        ("<@U0BOT> Expected change: harder data", Expected("", "harder data")),
        ("expected change at 30,000", Expected("30,000", "")),
        ("expected change at step 30000: harder data", Expected("30000", "harder data")),
        ("expected change at noon", Expected("", "at noon")),
        ("expected change at 30k", Expected("", "at 30k")),
        ("expected change " + "x" * 250, None),
        ("expected", None),
    ],
)
def test_what_is_expected_is_read(text: str, expected: Expected | None) -> None:
    """A step, where one is named, and the words as they were written."""
    assert read_expected(text) == expected


def test_context_reaches_the_watch(office: Office) -> None:
    """Everything that was typed stands in the row."""
    logs = office.folder / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("x")
    office.toml = f'[log]\nroots = ["{logs}"]'
    office.restart()
    office.command(
        f"lab/vision/r1 log={logs}/a.log baseline=val/loss:2.31,acc=0.7 target=acc:0.76 every=10m "
        'launch=pid:4211 notes=vision.md mode=ask key=val/loss,acc steps=90,000 announce="30,000=harder data"'
    )
    context = office.world.store.watches()[0].context
    assert context.log_path == str(logs / "a.log")
    assert dict(context.baseline) == {"val/loss": 2.31, "acc": 0.7}
    assert dict(context.target) == {"acc": 0.76}
    assert (context.interval, context.launch, context.mode) == (600.0, "pid:4211", Mode.ASK)
    assert context.notes_path == str(office.folder / "data" / "notes" / "vision.md")
    assert context.announced == (Announcement(30_000.0, "harder data"),)
    assert (context.key_metrics, context.planned_steps) == (("val/loss", "acc"), 90000.0)


@pytest.mark.parametrize(
    "option",
    [
        "log=/etc/passwd",
        "log={logs}/../secret.log",
        "log={logs}/link.log",
        "log=relative.log",
        "notes=../../.bashrc",
        "notes=/etc/notes.md",
        "notes=sub/x.md",
        "notes=x.txt",
        "every=0",
        "every=soon",
        "launch=pid:1",
        "launch=pid:-1",
        "baseline=loss",
        "mode=never",
        "steps=-3",
        "announce=soon",
        "target=:1",
    ],
)
def test_what_chat_may_not_tell_is_refused(office: Office, option: str) -> None:
    """Paths outside of the roots, links out of them, files that would be written anywhere, nonsense."""
    logs = office.folder / "logs"
    logs.mkdir()
    (office.folder / "secret.log").write_text("x")
    (logs / "link.log").symlink_to(office.folder / "secret.log")
    office.toml = f'[log]\nroots = ["{logs}"]'
    office.restart()
    office.command(f"lab/vision/r1 {option.format(logs=logs)}")
    assert not office.world.store.watches()


def test_a_log_below_a_root_can_be_watched_as_a_run(office: Office) -> None:
    """A path is a run too, where the operator allows it."""
    logs = office.folder / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("x")
    office.toml = f'[log]\nroots = ["{logs}"]'
    office.restart()
    settings = _settings(office)
    assert run_of(f"{logs}/a.log", settings).target == str(logs / "a.log")
    with pytest.raises(InvalidInputError):
        run_of("/etc/passwd", settings)


def test_a_log_of_another_machine_may_be_named_below_its_roots(office: Office) -> None:
    """As a run and as a fallback; hosts that are not declared, `..` and other folders may not."""
    office.toml = '[hosts.gpu1]\nlog_roots = ["/mnt/logs"]\n[hosts.gpu2]\n'
    office.restart()
    settings = _settings(office)
    assert run_of("gpu1:/mnt/logs/a/../x.log", settings).target == "gpu1:/mnt/logs/x.log"
    office.command("lab/vision/r1 log=gpu1:/mnt/logs/x.log")
    assert office.world.store.watches()[0].context.log_path == "gpu1:/mnt/logs/x.log"
    for bad in ("gpu1:/mnt/logs/../x.log", "gpu1:/mnt/logs", "gpu1:/etc/passwd", "gpu2:/mnt/x.log", "gpu3:/mnt/x.log"):
        with pytest.raises(InvalidInputError):
            run_of(bad, settings)


def test_notes_of_another_machine_may_be_named_below_its_folders(slack: SlackServer, tmp_path: Path) -> None:
    """`notes_roots`, dots resolved; nothing else, and Markdown only."""
    office = Office(slack, tmp_path, toml='[hosts.gpu1]\nnotes_roots = ["/home/ana/notes"]\n')
    office.command("lab/vision/r1 notes=gpu1:/home/ana/notes/x/../vision.md")
    assert office.world.store.watches()[0].context.notes_path == "gpu1:/home/ana/notes/vision.md"
    for bad in ("gpu1:/home/ana/notes/../x.md", "gpu2:/home/ana/notes/x.md", "gpu1:/home/ana/notes/x.sh"):
        assert "Markdown files of one folder" in office.command(f"lab/vision/r2 notes={bad}")


def test_a_watch_is_tried_out_by_a_word_in_its_thread_and_by_a_command(office: Office) -> None:
    """The answer comes into the thread, for the person who asked; the acknowledgement does not wait for it."""
    office.watch()
    office.reply("test")
    office.work()
    assert "Dry test: Everything is there" in office.whispered(ANA)
    assert office.slack.messages[f"@{ANA}"][-1]["thread_ts"] == office.card["ts"]
    before = office.whispered(ANA).count("Dry test")
    assert "I try out what this watch rests on" in office.command("test lab/vision/r1")
    office.work()
    assert office.whispered(ANA).count("Dry test") > before
    assert office.world.stopper is not None
    assert not office.world.stopper.executions


def test_a_dry_test_is_for_those_who_may_check(office: Office) -> None:
    """And of a watch that there is."""
    office.watch()
    assert "No watch has this name" in office.command("test lab/vision/other")
    office.command("test lab/vision/r1", user=EVE, team_id="T9STRANGE")
    office.work()
    assert "Dry test" not in office.whispered(EVE)


def _settings(office: Office) -> Any:
    from trainwatch_core.config import load_settings  # noqa: PLC0415  # only here

    return load_settings(office.folder / "trainwatch.toml", {"HOME": "/"}, cwd=office.folder)


def test_the_same_run_is_watched_once(office: Office) -> None:
    """A command that arrives twice registers once."""
    office.command("lab/vision/r1")
    assert "watched already" in office.command("lab/vision/r1")
    assert len(office.world.store.watches()) == 1


def test_somebody_without_a_role_registers_nothing(office: Office) -> None:
    """And is told who could; Slack was not even asked about them."""
    assert "<@U0ANA>" in office.command("lab/vision/r1", user=EVE)
    assert not office.world.store.watches()
    assert not [given for method, given in office.slack.calls if method == "users.info"]


def test_a_shared_channel_is_no_place_for_reports(office: Office) -> None:
    """Others than the own workspace would read them; if nobody can say, it counts as shared."""
    office.slack.channels[CHANNEL]["is_ext_shared"] = True
    assert "shared with another workspace" in office.command("lab/vision/r1")
    office.slack.channels[CHANNEL]["is_ext_shared"] = False
    office.restart()
    office.slack.fail("conversations.info", Fault(refuse=True))
    office.command("lab/vision/r1")
    assert not office.world.store.watches()
    office.command("lab/vision/r1")
    assert office.world.store.watches()


def test_list_shows_what_is_watched_with_links(office: Office) -> None:
    """Nothing at first, then each watch with its thread."""
    assert "Nothing is watched" in office.command("list")
    office.watch()
    told = office.command("list", user=EVE)
    assert "Healthy" in told
    assert f"archives/{CHANNEL}/p{office.card['ts'].replace('.', '')}" in told


def test_help_says_what_can_be_typed(office: Office) -> None:
    """`/watch help`, and `help` in the thread."""
    assert "check now" in office.command("help")
    office.watch()
    office.reply("help")
    assert "check now" in office.whispered(ANA)


def test_check_now_is_seen_at_once_and_answered_with_a_report(office: Office) -> None:
    """👀 on the reply, the report in the thread."""
    watch = office.watch()
    office.reply("check now")
    assert office.slack.messages["reactions"][0]["name"] == "eyes"
    office.work(5)
    assert office.world.now(watch).round_count == 2


def test_pause_resume_and_end_by_words(office: Office) -> None:
    """The card says how it stands; nobody touches the run."""
    watch = office.watch()
    office.reply("pause")
    assert office.world.now(watch).state is WatchState.PAUSED
    assert "Paused" in str(office.card)
    office.reply("resume")
    assert office.world.now(watch).state is WatchState.ACTIVE
    office.reply("end")
    assert office.world.now(watch).state is WatchState.ENDED
    assert "The run was not touched" in office.whispered(ANA)
    office.work(3)
    assert "Ended" in str(office.card)


def test_the_menu_of_the_card(office: Office) -> None:
    """Status, why, mode and end, for whoever prefers to press."""
    watch = office.watch()
    for chosen in ("status", "why", "mode auto"):
        office.click(office.card, "card_menu", value=f"{watch.id} {chosen}")
    assert "Why CONTINUE" in office.whispered(ANA)
    assert office.world.now(watch).context.mode is Mode.AUTO
    office.click(office.card, "card_menu", value=f"{watch.id} dance")
    office.click(office.card, "card_menu", value="zzzzzzzz end")
    assert office.world.now(watch).state is WatchState.ACTIVE
    office.click(office.card, "card_menu", value=f"{watch.id} end")
    assert office.world.now(watch).state is WatchState.ENDED


def test_a_snooze_is_told_seen_on_the_card_and_ended(office: Office) -> None:
    """By a word or the menu; the card says until when."""
    watch = office.watch()
    office.reply("snooze 3h")
    assert "Quiet until" in office.whispered(ANA)
    office.work(3)
    assert "quiet until" in str(office.card)
    until = office.world.now(watch).snoozed_until
    assert until is not None
    assert 3 * 3600 - 60 < (until - office.world.clock.now()).total_seconds() <= 3 * 3600
    office.click(office.card, "card_menu", value=f"{watch.id} snooze off")
    assert office.world.now(watch).snoozed_until is None
    office.work(3)
    assert "quiet until" not in str(office.card)
    office.click(office.card, "card_menu", value=f"{watch.id} snooze")
    assert office.world.now(watch).snoozed_until is not None
    office.reply("snooze for ever")
    assert "duration" in office.whispered(ANA)


def test_what_was_held_back_is_told_in_one_message(office: Office) -> None:
    """UX: after the quiet one overview stands in the thread; none of the rounds does."""
    watch = office.watch()
    office.reply("snooze 2h")
    for _ in range(3):
        office.world.clock.advance(1800)
        office.work(4)
    reports = [m for m in office.slack.messages[CHANNEL] if "Check" in str(m.get("text"))]
    office.world.clock.advance(3600)
    office.work(8)
    (overview,) = [m for m in office.slack.messages[CHANNEL] if "While it was quiet" in str(m.get("text"))]
    assert overview["thread_ts"] == office.card["ts"]
    assert "3 checks" in str(overview["blocks"])
    assert len([m for m in office.slack.messages[CHANNEL] if "Check" in str(m.get("text"))]) <= len(reports) + 1
    assert office.world.now(watch).round_count == 5


def test_single_things_are_told_anew_in_the_thread(office: Office) -> None:
    """The same readers and the same refusals as after `/watch`."""
    watch = office.watch()
    office.reply("every 10m")
    office.reply("baseline val/loss=2.31")
    office.reply("rounds changes")
    context = office.world.now(watch).context
    assert (context.interval, context.baseline, context.rounds) == (600.0, {"val/loss": 2.31}, Posts.CHANGES)
    assert "From now on: rounds=changes" in office.whispered(ANA)
    office.reply("rounds never")
    assert "rounds=all or rounds=changes" in office.whispered(ANA)
    office.reply("every 5m", user=CY)
    assert "Only the owner" in office.whispered(CY)
    assert office.world.now(watch).context == context


def test_how_it_was_launched_can_be_told_later(office: Office) -> None:
    """The job that is found is named; one that is not there is refused."""
    watch = office.watch("lab/vision/r1")
    assert office.world.stopper is not None
    office.world.stopper.identity = replace(JOB, label="pid 77, train.py")
    office.reply("launch pid:4211")
    assert office.world.now(watch).context.launch == "pid:4211"
    assert "launch=pid:4211, which is pid 77, train.py" in office.whispered(ANA)
    office.reply("launch pigeon")
    assert office.world.now(watch).context.launch == "pid:4211"


def test_where_two_must_agree_to_automatic_mode_the_first_is_told(office: Office) -> None:
    """`auto_requires`: how many there are, and how many it takes."""
    office.world.terms = replace(office.world.terms, auto_requires=2)
    office.restart()
    watch = office.watch()
    office.reply("mode auto", user=BO)
    assert "1 of 2 agree" in office.whispered(BO)
    assert office.world.now(watch).context.mode is Mode.ASK
    office.reply("mode auto")
    assert office.world.now(watch).context.mode is Mode.AUTO


def test_a_note_is_kept(office: Office) -> None:
    """In the notes of the project, or at least in the audit."""
    office.watch()
    office.reply("note lr halved by hand")
    assert "Noted in the audit" in office.whispered(ANA)
    assert any("lr halved" in row.detail for row in office.world.store.audited())
    office.reply("note I am nobody", user=EVE)
    (refused,) = [row for row in office.world.store.audited() if row.verb == "note" and row.actor.id == EVE]
    assert not refused.allowed


def test_stop_in_the_thread_asks_and_stops_nothing(office: Office) -> None:
    """The question says who wants it, by name; who may not stop is refused."""
    office.watch()
    office.reply("stop", user=CY)
    assert not office.world.store.requests()
    office.reply("stop", user=BO)
    office.work(5)
    assert "Bo asks to stop it" in str(office.question["blocks"])
    (request,) = office.world.store.requests()
    assert request.state is RequestState.PENDING
    office.click(office.question, "stop_approve", user=BO)
    office.work(8)
    assert office.world.store.request(request.id).state is RequestState.STOPPED


def test_an_unknown_word_gets_help_and_talk_gets_peace(office: Office) -> None:
    """Only the author sees it; people who talk to each other are left alone."""
    office.watch()
    office.reply("dance", user=CY)
    assert "I know: check now" in office.whispered(CY)
    office.reply("I think we should lower the learning rate before we go home, what do you say?", user=EVE)
    assert office.whispered(EVE) == "[]"
    assert is_talk("one\ntwo")


@pytest.mark.parametrize(
    "over",
    [
        {"bot_id": "B0BOT"},
        {"bot_id": "B0OTHER"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
        {"hidden": True},
        {"user": None},
        {"thread_ts": None},
        {"thread_ts": "1.000001"},
        {"channel": "C0OTHER"},
    ],
)
def test_what_no_person_wrote_in_the_thread_is_not_heard(office: Office, over: dict[str, object]) -> None:
    """Our own posts, edits, joins, other threads: none of them pauses a watch."""
    watch = office.watch()
    office.reply("pause", **over)  # type: ignore[arg-type]  # as a payload may be
    assert office.world.now(watch).state is WatchState.ACTIVE


@pytest.mark.parametrize("subtype", ["thread_broadcast", "file_share"])
def test_replies_that_are_shown_in_the_channel_or_hold_a_file_count(office: Office, subtype: str) -> None:
    """They are genuine replies."""
    watch = office.watch()
    office.reply("pause", subtype=subtype)
    assert office.world.now(watch).state is WatchState.PAUSED


def test_a_redelivered_event_counts_once(office: Office) -> None:
    """The second delivery of the same event does nothing and says nothing."""
    office.watch()
    event = {"type": "message", "channel": CHANNEL, "user": ANA, "text": "status", "ts": "2000000000.000001"}
    event["thread_ts"] = office.card["ts"]
    body = {"type": "event_callback", "team_id": "T0HOME", "event": event, "event_id": "Ev1"}
    office.dispatch(body)
    office.dispatch(body)
    assert len(office.slack.messages[f"@{ANA}"]) == 1


def test_words_from_another_workspace_are_refused(office: Office) -> None:
    """F-A03: in a thread too."""
    watch = office.watch()
    office.reply("pause", team="T0EVIL")
    office.reply("pause", user_team="T0EVIL")
    assert office.world.now(watch).state is WatchState.ACTIVE


def test_a_watch_taken_over_by_a_terminal_is_let_go(slack: SlackServer, tmp_path: Path) -> None:
    """The bot looks after the watches of Slack only; those of terminals are not touched."""
    office = Office(slack, tmp_path, world=FakeWorld(rules=RULES))
    mine = office.watch()
    other = office.world.watch()
    office.work(10)
    assert office.world.now(other).round_count == 0
    assert office.world.now(mine).round_count == 1
