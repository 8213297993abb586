"""The day at a glance: what is told, in which order, as text and as a picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trainwatch_core.adapters.charts import MatplotlibPainter
from trainwatch_core.model.actor import SYSTEM, Actor, ActorKind
from trainwatch_core.model.message import Card, Figure, FinalSummary, Look
from trainwatch_core.model.stop import RequestState
from trainwatch_core.report.canvas import WIDTH, Block, Marks, Shape, Stroke, Word
from trainwatch_core.report.digest import Digest, Entry, Saving, compose_digest
from trainwatch_core.report.digest_text import say_digest
from trainwatch_core.report.multiples import (
    MOST_PANELS,
    Multiple,
    MultiplesSpec,
    compose_multiples,
    draw_multiples,
)
from trainwatch_core.testing import pictures
from trainwatch_core.testing.store_samples import sample_request

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BO = Actor(ActorKind.SLACK, "U0BO", "T0HOME")
BASE = sample_request()


def card(run: str, look: Look, why: str = "") -> Card:
    """A watch that looks so; its id is its name."""
    metrics = (Figure("loss 2.314", "▇▆▅▄▄▃▃▂"),)
    return Card(run, run, "", look, why, metrics, "", None, 3, automatic=False, owner=SYSTEM, since=AT)


def ended(run: str, saved: float = 0.0) -> Entry:
    """A run that was stopped today."""
    lines = (("Best", "loss 2.31 at step 40,100"), ("Decided by", "slack:U0BO"), ("Saved", "about 9 h"))
    return Entry(card(run, Look.STOPPED), summary=FinalSummary(run, run, f"{run}: stopped, proven gone", lines, saved))


def everything() -> Digest:
    """A day on which something of each kind happened."""
    requests = [
        replace(BASE, watch_id="ok", state=RequestState.DECLINED, decided_by=BO, decided_at=AT),
        replace(BASE, watch_id="gone", state=RequestState.STOPPED, decided_by=BO, decided_at=AT),
        replace(BASE, watch_id="elsewhere", state=RequestState.EXPIRED, decided_at=AT),
    ]
    entries = [
        Entry(card("ok", Look.HEALTHY), best=("loss 2.31 at step 40,100",)),
        Entry(card("doubt", Look.CLOSE, "loss is flat since step 14,000")),
        ended("gone", 9 * 3600.0),
        Entry(card("bad", Look.WANTS_STOP, "loss is NaN since step 40,350")),
    ]
    return compose_digest(entries, requests, Saving(0.0, 3.0, "USD"))


def test_who_needs_somebody_comes_first_and_nothing_is_told_twice() -> None:
    """The urgent before the doubtful; a stop that ended a run is told where the run ended; what is no watch is not."""
    told = everything()
    assert [entry.card.run for entry in told.needy] == ["bad", "doubt"]
    assert [entry.card.run for entry in told.well] == ["ok"]
    assert [entry.card.run for entry, _ in told.over] == ["gone"]
    assert [(run, request.state) for run, request in told.answers] == [("ok", RequestState.DECLINED)]
    assert [entry.card.run for entry in told.worst_first] == ["bad", "doubt", "gone", "ok"]


@pytest.mark.parametrize(
    ("saving", "words"),
    [
        (Saving(9 * 3600.0, 3.0, "USD"), "about 9 h, about 27 USD"),
        (Saving(9 * 3600.0), "about 9 h"),
        (Saving(0.0, 3.0, "USD"), ""),
    ],
)
def test_what_was_saved_is_said_in_hours_and_in_money_if_its_price_is_known(saving: Saving, words: str) -> None:
    """Nothing saved is nothing said."""
    assert str(saving) == words


def test_savings_of_several_stops_add_up() -> None:
    """Nine and three hours are twelve."""
    assert compose_digest([ended("a", 9 * 3600.0), ended("b", 3 * 3600.0)]).saving.seconds == 12 * 3600.0


def test_the_terminal_tells_the_same() -> None:
    """Every part, in the order of need."""
    text = say_digest(everything(), zone=UTC, width=200)
    order = [
        "1 healthy",
        "Needs a look",
        "- Wants to stop · bad: loss is NaN since step 40,350",
        "Goes on",
        "- Healthy · ok",
        "best loss 2.31 at step 40,100",
        "Came to its end",
        "- gone: stopped, proven gone · best loss 2.31 at step 40,100 · decided by slack:U0BO · saved about 9 h",
        "Stops that were asked for",
        "- ok: kept running by slack:U0BO at 2026-03-02 09:00:00",
        "Stops saved about 9 h, about 27 USD of planned training.",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "Nobody needs" not in text


def test_a_quiet_day_is_short() -> None:
    """Nothing watched is one line; all well is said so."""
    assert say_digest(compose_digest([]), zone=UTC, width=80) == "Nothing is watched, nothing ended."
    assert "Nobody needs to do anything." in say_digest(
        compose_digest([Entry(card("ok", Look.HEALTHY))]), zone=UTC, width=80
    )


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(BASE, state=RequestState.PENDING, created_at=AT), "waits for an answer since 2026-03-02 09:00:00"),
        (replace(BASE, state=RequestState.EXPIRED, decided_at=AT), "nobody answered until"),
        (replace(BASE, state=RequestState.FAILED, decided_by=BO, decided_at=AT), "and NOT stopped"),
        (
            replace(BASE, state=RequestState.DECLINED, decided_at=AT, ask_again_at=AT + timedelta(hours=2)),
            "to be asked again at 2026-03-02 11:00:00",
        ),
    ],
)
def test_what_became_of_a_question_is_told(request_: object, words: str) -> None:
    """Who decided, and when; loud where the job lives."""
    assert isinstance(request_, type(BASE))
    told = compose_digest([Entry(card(request_.watch_id, Look.HEALTHY))], [request_])
    assert words in say_digest(told, zone=UTC, width=200)


# The picture.


def measure(text: str, font: object) -> float:
    """Six tenths of the font's height a character."""
    return 0.6 * getattr(font, "size", 0.0) * len(text)


def multiples(count: int, look: Look = Look.HEALTHY) -> MultiplesSpec:
    """So many runs that look so."""
    cards = [card(f"run {n}", look) for n in range(count)]
    spec = pictures.healthy(400).spec()
    made = compose_multiples([Multiple(one, spec) for one in cards], compose_digest([Entry(one) for one in cards]))
    assert made is not None
    return made


def words(spec: MultiplesSpec) -> list[Word]:
    """Every word of a picture."""
    return [item for item in draw_multiples(spec, measure) if isinstance(item, Word)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 30])
def test_a_picture_has_as_many_panels_as_can_be_told_apart(count: int) -> None:
    """At most eight, however many there are; what is left out is counted, and the page grows with what it shows."""
    spec = multiples(count)
    assert len(spec.multiples) == min(count, MOST_PANELS)
    assert ("not shown" in spec.subtitle) == (count > MOST_PANELS)
    assert spec.height <= 1600
    names = {word.text for word in words(spec)} & {f"run {n}" for n in range(count)}
    assert len(names) == len(spec.multiples)


def test_every_word_can_be_read_on_a_phone_and_lies_on_the_page() -> None:
    """A phone shows it 360 pixels wide: what has 24 here has 7 there, and nothing is smaller."""
    spec = multiples(8)
    for word in words(spec):
        assert word.font.size >= 24
        assert 0 <= word.y <= spec.height
        wide = measure(word.text, word.font)
        left = word.x - {"left": 0.0, "center": wide / 2, "right": wide}[word.side.value]
        assert left >= 0
        assert left + wide <= WIDTH + 1


def test_no_meaning_hangs_on_colour_alone() -> None:
    """Each state has its word, and what is bad another shape than what is well."""
    shapes = {}
    for look in (Look.WANTS_STOP, Look.CLOSE, Look.HEALTHY):
        spec = multiples(1, look)
        assert str(look) in {word.text for word in words(spec)}
        marks = [item for item in draw_multiples(spec, measure) if isinstance(item, Marks)]
        shapes[look] = marks[0].shape
    assert len(set(shapes.values())) == 3
    assert shapes[Look.WANTS_STOP] is Shape.CROSS


def test_what_is_wrong_is_shaded_as_in_the_picture_of_the_run() -> None:
    """The stretch that the verdict is about; nothing of a healthy run is."""
    spec = pictures.jumped().spec()
    bad = compose_multiples([Multiple(card("bad", Look.CLOSE), spec)], compose_digest([]))
    assert bad is not None

    def shaded(of: MultiplesSpec) -> int:
        return sum(isinstance(item, Block) and item.opacity < 1 for item in draw_multiples(of, measure))

    assert shaded(bad) == 1
    assert shaded(multiples(1)) == 0


def test_those_who_cannot_see_it_are_told() -> None:
    """The sentence one would say, and one for each run, within what Slack takes."""
    spec = pictures.jumped().spec()
    one = card("bad", Look.CLOSE)
    made = compose_multiples([Multiple(one, spec)] * 8, compose_digest([Entry(one)] * 9))
    assert made is not None
    assert made.alt_text.startswith(
        "9 of 9 runs need a look. The main curve of each run, the worst first. bad: Watching"
    )
    assert "Loss 6.91, diverging since step" in made.alt_text
    assert len(made.alt_text) <= 1000


def test_a_run_without_values_has_a_panel_without_a_curve() -> None:
    """It is watched, and nothing came yet."""
    spec = pictures.healthy(400).spec()
    both = [Multiple(card("new", Look.NEW), None), Multiple(card("ok", Look.HEALTHY), spec)]
    made = compose_multiples(both, compose_digest([Entry(one.card) for one in both]))
    assert made is not None
    assert "nothing to draw yet" in {word.text for word in words(made)}
    assert any(isinstance(item, Stroke) for item in draw_multiples(made, measure))


def test_nothing_to_draw_is_no_picture() -> None:
    """No run has values."""
    assert compose_multiples([Multiple(card("new", Look.NEW), None)], compose_digest([])) is None


@pytest.mark.parametrize("name", sorted(pictures.SAMPLES))
def test_every_course_of_a_run_can_be_painted_small(name: str) -> None:
    """F-P01, F-P02: NaN only, huge values, names as mathematics."""
    made = compose_multiples(
        [Multiple(card(r"run $\frac{$ <!channel>", Look.CLOSE), pictures.SAMPLES[name]().spec())], compose_digest([])
    )
    assert made is not None
    assert MatplotlibPainter().paint_multiples(made).startswith(b"\x89PNG")
