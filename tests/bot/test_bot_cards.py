"""The card as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.blocks.card import card_message
from bot.blocks.limits import Message
from bot.blocks.words import Setting, clock
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.message import Card, Figure, Look

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
CARD = Card(
    "abcd1234",
    "resnet50-lr3e4",
    "https://wandb.ai/lab/vision/runs/r1",
    Look.HEALTHY,
    "",
    (Figure("loss 2.314", "▇▆▅▄▄▃▃▂", "\u22121.2 %"), Figure("val_acc 0.687", "", "+0.004")),
    "step 41,200 of 90,000 (46 %)",
    TUESDAY + timedelta(minutes=30),
    14,
    automatic=False,
    owner=Actor(ActorKind.SLACK, "U0ANA", "T0HOME"),
    since=TUESDAY - timedelta(hours=13, minutes=-4),
    at=TUESDAY,
    compared_at=TUESDAY - timedelta(minutes=30),
    done_at=TUESDAY + timedelta(hours=28, minutes=20),
)
FIGURES = "loss 2.314  ▇▆▅▄▄▃▃▂  \u22121.2\u00a0% since 09:30 · val_acc 0.687 (+0.004)"
AHEAD = "step 41,200 of 90,000 (46\u00a0%) · done Wed 14:20 · next check 10:30"


def lines(told: Message) -> list[str]:
    """What is read, block by block; a button is its label, a menu three dots."""
    found = []
    for block in told.blocks:
        if block["type"] == "section":
            found.append(block["text"]["text"])
        elif block["type"] == "context":
            found.append(block["elements"][0]["text"])
        else:
            found.append(" ".join(f"[{e['text']['text'] if 'text' in e else '⋯'}]" for e in block["elements"]))
    return found


def test_a_card_reads_as_it_was_agreed() -> None:
    """Word for word: state and run, numbers, way ahead, buttons, who watches."""
    assert lines(card_message(CARD, Setting(BERLIN))) == [
        "🟢 *Healthy* · <https://wandb.ai/lab/vision/runs/r1|resnet50-lr3e4>",
        f"{FIGURES}\n{AHEAD}",
        "[Check now] [Pause] [⋯]",
        "round 14 · asks before stopping · watched by U0ANA since Mon 21:04",
    ]


def test_a_card_is_read_aloud_without_its_curve() -> None:
    """The text for notifications and screen readers says all that the card says, in words."""
    assert card_message(CARD, Setting(BERLIN)).text == (
        "🟢 Healthy: resnet50-lr3e4. loss 2.314, \u22121.2\u00a0% since 09:30 · val_acc 0.687 (+0.004). "
        "step 41,200 of 90,000 (46\u00a0%) · done Wed 14:20 · next check 10:30."
    )


@pytest.mark.parametrize("look", list(Look))
def test_every_state_is_a_word_beside_its_colour(look: Look) -> None:
    """Never colour alone."""
    told = card_message(replace(CARD, look=look), Setting(BERLIN))
    assert f"*{look}*" in lines(told)[0]
    assert str(look) in told.text


def test_a_card_says_since_when_it_is_blind_and_when_the_end_was_proven() -> None:
    """Beside the word."""
    blind = replace(CARD, look=Look.BLIND, blind_since=TUESDAY - timedelta(days=1), why="W&B does not answer")
    told = lines(card_message(blind, Setting(BERLIN)))
    assert told[0].startswith("⚪ *Cannot see it* since Mon 10:00 · ")
    assert told[1] == "W&B does not answer"
    stopped = replace(CARD, look=Look.STOPPED, over_at=TUESDAY + timedelta(minutes=41))
    assert "*Stopped* (proven 10:41) · " in lines(card_message(stopped, Setting(BERLIN)))[0]


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0, "10:00"), (-11, "Mon 23:00"), (24, "Wed 10:00"), (24 * 7, "10 Mar 10:00"), (24 * 400, "7 Apr 2027")],
)
def test_a_time_is_as_short_as_is_certain(hours: int, said: str) -> None:
    """A weekday a week away is another one, a day of the year a year away too."""
    assert clock(TUESDAY + timedelta(hours=hours), BERLIN, TUESDAY).startswith(said)
