"""What people are called in what is posted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from bot.actors import FRESH, Names
from bot.blocks.digest import digest_message
from bot.blocks.report import outcome_message, summary_message
from bot.blocks.words import Setting
from bot.testing import ANA, BO, CHANNEL, Office
from trainwatch_core.model.actor import Actor, ActorKind
from trainwatch_core.model.errors import DeliveryError
from trainwatch_core.model.message import FinalSummary, Look, StopOutcome
from trainwatch_core.model.stop import RequestState
from trainwatch_core.report.card import compose_card
from trainwatch_core.report.digest import Digest, Entry
from trainwatch_core.testing.store_samples import sample_request, sample_watch


class Directory:
    """Users as Slack tells of them; how often it was asked."""

    def __init__(self, **users: Mapping[str, Any]) -> None:
        self.users = users
        self.asked = 0
        self.seconds = 0.0

    def look_up(self, user: str) -> Mapping[str, Any]:
        """One user."""
        self.asked += 1
        if user not in self.users:
            raise DeliveryError("Slack says: user_not_found")
        return self.users[user]

    @property
    def names(self) -> Names:
        """Names by this directory and its clock."""
        return Names(self.look_up, monotonic=lambda: self.seconds)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"name": "ana", "real_name": "Ana Lee", "profile": {"display_name": "Ana"}}, "Ana"),
        ({"name": "ana", "real_name": "Ana Lee", "profile": {"display_name": " "}}, "Ana Lee"),
        ({"name": "ana"}, "ana"),
        ({"profile": "damaged"}, ANA),
        ({"name": "a\nb\u202e" + "c" * 200}, "a b" + "c" * 36 + "…"),
    ],
)
def test_a_person_is_called_what_they_call_themselves(told: Mapping[str, Any], name: str) -> None:
    """The display name first; one visible line of it; the id where Slack knows no better."""
    assert Directory(**{ANA: told}).names(ANA) == name


def test_a_name_is_asked_for_once() -> None:
    """Every message names people: Slack is not asked each time, nor again and again for one whom it does not know."""
    directory = Directory(**{ANA: {"name": "Ana"}})
    names = directory.names
    assert [names(ANA), names(ANA), names(BO), names(BO)] == ["Ana", "Ana", BO, BO]
    assert directory.asked == 2
    directory.users[BO] = {"name": "Bo"}
    directory.seconds = FRESH
    assert names(BO) == "Bo"
    assert names("not a user") == "not a user"
    assert directory.asked == 3


def test_a_hostile_name_is_inert(office: Office) -> None:
    """F-I01: people choose their names."""
    office.slack.add_user(ANA, name="<!channel> *Ana* <https://evil|here>")
    office.watch()
    said = json.dumps(office.slack.messages[CHANNEL])
    assert "&lt;!channel&gt;" in said
    assert "<!" not in said
    assert "<http" not in said.replace("<https://wandb.ai", "")


COUNTS = ((Look.HEALTHY, 1),)
DECLINED = replace(sample_request(), state=RequestState.DECLINED, decided_by=Actor(ActorKind.SLACK, BO, "T0HOME"))


def test_a_hostile_name_is_inert_in_outcomes_and_last_words() -> None:
    """F-I01: who kept it running, and who stopped it, is named there."""
    setting = Setting(UTC, (), lambda _user: "<!here> *Bo*")
    line = f"Kept running by slack:{BO}."
    for told in (
        outcome_message(StopOutcome("w", "r", RequestState.DECLINED, (line,)), setting),
        digest_message(
            Digest(counts=COUNTS, over=((Entry(compose_card(sample_watch(), None, ())), line),)), "Mon", setting
        ),
        digest_message(Digest(counts=COUNTS, answers=(("run", DECLINED),)), "Mon", setting),
        summary_message(FinalSummary("w", "run", "run: stopped", (("Decided by", f"slack:{BO}"),)), setting),
    ):
        shown = json.dumps([told.text, told.blocks])
        assert "&lt;!here&gt;" in shown
        assert "<!" not in shown
        assert BO not in shown
