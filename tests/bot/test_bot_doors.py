"""Every button, word and command of Slack, in the hands of nobody."""

from __future__ import annotations

import pytest

from bot.ids import Action, Choice
from bot.listeners.parsing import Word
from bot.testing import ANA, EVE, Office
from trainwatch_core.model.change import AuditRow

SHOWS = {Word.STATUS, Word.WHY, Word.HELP, Choice.WHY, Choice.HELP}
"""What only shows what the channel shows anyway."""
ONLY_SHOW = {Action.EXPLAIN, Action.LIST_PAGE, Action.HOME_RENEW}
"""Buttons that do."""


def rows(office: Office) -> tuple[object, ...]:
    """Watches and requests, without what time alone moves."""
    store = office.world.store
    return tuple(store.watches(ended=True)), tuple(store.requests())


def refused(office: Office, before: int) -> list[AuditRow]:
    """What was refused since."""
    return [row for row in office.world.store.audited()[before:] if not row.allowed]


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.MENU])
def test_no_button_obeys_a_nobody(office: Office, action: Action) -> None:
    """F-A01: whatever is pressed, no row changes; all but the explanation is refused and on record."""
    office.asked()
    message = office.card if action.startswith("card") else office.question
    watch = office.world.store.watches()[0]
    values = {"card": watch.id, "link": "lab/vision/r2", "list": f"0 {watch.id} end"}
    value = values.get(action.partition("_")[0], office.world.store.requests()[0].id)
    before, acts = rows(office), len(office.world.store.audited())
    office.click(message, action, user=EVE, value=value)
    assert rows(office) == before
    assert len(refused(office, acts)) == (0 if action in ONLY_SHOW else 1)


@pytest.mark.parametrize("action", list(Action))
def test_no_button_obeys_an_admin_of_another_workspace(office: Office, action: Action) -> None:
    """F-A03: not even what only shows something."""
    office.asked()
    message = office.card if action.startswith("card") else office.question
    watch, request = office.world.store.watches()[0], office.world.store.requests()[0]
    values = {"card": watch.id, "link": "lab/vision/r2", "stop": request.id, "form": "new", "home": "home", "list": "0"}
    of_menus = {Action.MENU: f"{watch.id} {Choice.WHY}", Action.LIST_MENU: f"0 {watch.id} why"}
    value = of_menus.get(action, values[action.partition("_")[0]])
    before, acts = rows(office), len(office.world.store.audited())
    office.click(message, action, user=ANA, team="T0EVIL", value=value)
    assert rows(office) == before
    assert len(refused(office, acts)) == 1


@pytest.mark.parametrize("choice", list(Choice))
def test_no_choice_of_the_menu_obeys_a_nobody(office: Office, choice: Choice) -> None:
    """F-A01: the menu is the same door."""
    office.asked()
    watch = office.world.store.watches()[0]
    before, acts = rows(office), len(office.world.store.audited())
    office.click(office.card, Action.MENU, user=EVE, value=f"{watch.id} {choice}")
    assert rows(office) == before
    assert len(refused(office, acts)) == (0 if choice in SHOWS else 1)


@pytest.mark.parametrize("word", list(Word))
def test_no_word_in_the_thread_obeys_a_nobody(office: Office, word: Word) -> None:
    """F-A01: typed instead of pressed, the door is the same."""
    office.asked()
    before, acts = rows(office), len(office.world.store.audited())
    office.reply(str(word), user=EVE)
    assert rows(office) == before
    assert len(refused(office, acts)) == (0 if word in SHOWS else 1)


@pytest.mark.parametrize("text", ["lab/vision/r2", "lab/vision/r2 mode=auto", "lab/vision/r2 stop=true", "test r1"])
def test_no_command_obeys_a_nobody(office: Office, text: str) -> None:
    """F-A01: nothing is registered and nothing is tried out."""
    office.asked()
    before, acts = rows(office), len(office.world.store.audited())
    office.command(text, user=EVE)
    assert rows(office) == before
    assert refused(office, acts)


def test_an_approval_is_never_taken_as_text(office: Office) -> None:
    """F-A15: neither the command nor a word with a request's id in it decides anything, whoever types it."""
    request = office.asked()
    before = rows(office)
    for text in ("approve", "approve stop", f"approve {request.id}", request.id, f"stop {request.id}"):
        office.reply(text, user=ANA)
        office.command(text, user=ANA)
    assert rows(office) == before
    assert office.world.stopper is not None
    assert office.world.stopper.executions == []
