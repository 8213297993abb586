"""Cards and questions are edited in place, whatever happens to one of them."""

from __future__ import annotations

from bot.testing import Office
from trainwatch_core.testing.slack_wire import Fault


def edits(office: Office) -> int:
    """How often an edit was tried."""
    return [method for method, _ in office.slack.calls].count("chat.update!")


def test_cards_show_what_is_and_are_edited_only_when_that_changed(office: Office) -> None:
    """Level-triggered: no edit without a change, none lost while Slack is away."""
    watch = office.watch()
    office.work(30)
    edits = office.card["edits"]
    office.work(60)
    assert office.card["edits"] == edits
    office.slack.fail("chat.update", Fault(times=3, refuse=True))
    office.reply("pause")
    office.work(30)
    assert "Paused" in str(office.card)
    assert office.world.now(watch).next_round_at is None


def test_a_question_that_somebody_deleted_does_not_freeze_the_card(office: Office) -> None:
    """Each message is edited by itself."""
    office.asked()
    office.slack.messages["C0TRAIN"].remove(office.question)
    office.reply("end")
    office.work(10)
    assert "Ended" in str(office.card)


def test_an_edit_whose_form_is_refused_goes_out_as_text(office: Office) -> None:
    """Better plain than out of date."""
    office.watch()
    office.slack.fail("chat.update", Fault(error="invalid_blocks"))
    office.reply("pause")
    office.work(10)
    assert office.card["blocks"] == []
    assert "Paused" in office.card["text"]


def test_an_edit_that_cannot_be_made_is_not_tried_for_ever(office: Office) -> None:
    """A card that is gone is tried again when there is something new to say."""
    office.watch()
    office.slack.fail("chat.update", Fault(times=10**6, error="message_not_found"))
    office.reply("pause")
    office.work(120)
    assert edits(office) == 1


def test_when_slack_asks_to_wait_no_card_of_the_channel_is_edited(office: Office) -> None:
    """F-T05: edits of other watches wait too."""
    for number in range(4):
        office.watch(f"lab/vision/r{number} launch=pid:4211")
    office.work(30)
    wait = Fault(times=10**6, status=429, error="ratelimited", headers={"Retry-After": "60"})
    office.slack.fail("chat.update", wait)
    for watch in office.world.store.watches():
        office.world.engine.watches.check_now(watch.id)
    office.work(50)
    assert edits(office) == 1
