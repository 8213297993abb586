"""Labels never cover each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.report.canvas import HEIGHT, WIDTH, Area, Font, Marks, Side, Stroke, Word
from trainwatch_core.report.drawing import draw
from trainwatch_core.report.layout import fitted, shrunk, spread
from trainwatch_core.testing.pictures import SAMPLES


def _measure(text: str, font: Font) -> float:
    return len(text) * font.size * 0.6


@given(st.lists(st.tuples(st.floats(-50, 450), st.floats(1, 60)), max_size=6))
def test_things_that_fit_do_not_overlap(things: list[tuple[float, float]]) -> None:
    """Up to six labels find a place between the ends, each with its room."""
    places = spread([wanted for wanted, _ in things], [size for _, size in things], 0.0, 400.0)
    taken = sorted((place - size / 2, place + size / 2) for place, (_, size) in zip(places, things, strict=True))
    assert all(low >= -1e-6 and high <= 400 + 1e-6 for low, high in taken)
    assert all(one[1] <= other[0] + 1e-6 for one, other in pairwise(taken))


def test_things_apart_stay_where_they_are() -> None:
    """A label moves only if it must."""
    assert spread([300.0, 100.0], [40.0, 40.0], 0.0, 400.0) == [300.0, 100.0]


def test_neighbours_part_around_their_middle() -> None:
    """Two labels at one place go up and down by half."""
    assert spread([200.0, 200.0], [40.0, 40.0], 0.0, 400.0) == [180.0, 220.0]


def test_long_text_is_cut_to_its_room() -> None:
    """A name of any length ends with an ellipsis where its room ends."""
    text = fitted("x" * 80, Font(30), 300, _measure)
    assert text.endswith("…")
    assert 280 <= _measure(text, Font(30)) <= 300


def test_title_shrinks_before_it_is_cut() -> None:
    """A title a little too long is a little smaller, and whole."""
    text, font = shrunk("x" * 20, Font(50, bold=True), 30, 500, _measure)
    assert text == "x" * 20
    assert 30 <= font.size < 50


@pytest.mark.parametrize("name", SAMPLES)
def test_words_of_a_picture_stay_inside_and_apart(name: str) -> None:
    """In every kind of picture each word lies inside of the paper and none covers another."""
    words = [item for item in draw(SAMPLES[name]().spec(), _measure) if isinstance(item, Word) and not item.on_paper]
    boxes = []
    for word in words:
        width, size = _measure(word.text, word.font), word.font.size * 0.7
        left = word.x - {Side.LEFT: 0.0, Side.MIDDLE: width / 2, Side.RIGHT: width}[word.side]
        boxes.append((left, word.y - size / 2, left + width, word.y + size / 2, word.text))
    for box in boxes:
        assert 0 <= box[1] <= box[3] <= HEIGHT, box
        assert -1 <= box[0] <= box[2] <= WIDTH + 1, box
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nan now and then", "step 319 · 160 NaN or inf · odd"),
        ("million", "step 999,999 · 3 NaN or inf · llm-7b"),
        ("two points", "step 1 · odd"),
        ("healthy", "lr"),
        ("huge", "≥1e307"),
        ("huge", "≤\N{MINUS SIGN}1e307"),
    ],
)
def test_what_a_curve_cannot_show_is_written(name: str, said: str) -> None:
    """F-P02: how many values were no numbers, whose scale stands at a strip of two, and where values are cut off."""
    assert said in {item.text for item in draw(SAMPLES[name]().spec(), _measure) if isinstance(item, Word)}


def test_the_end_of_a_long_metric_name_is_kept() -> None:
    """`train/grad_norm` has no room at the end of its line: what it is comes before where it belongs."""
    spec = SAMPLES["two points"]().spec()
    line = replace(spec.top.lines[0], label="training_step/grad_norm")
    words = draw(replace(spec, top=replace(spec.top, lines=(line,))), _measure)
    assert "…grad_norm" in {item.text for item in words if isinstance(item, Word)}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_place_in_a_picture_is_a_small_number(name: str) -> None:
    """F-P01: no value of a run reaches a drawing library: only pixels on, or just beside, the paper."""
    for item in draw(SAMPLES[name]().spec(), _measure):
        if isinstance(item, Stroke | Marks | Area):
            ys = np.concatenate([item.low, item.high]) if isinstance(item, Area) else item.ys
            for places in (item.xs, ys):
                assert len(places) <= 2000 * (2 if isinstance(item, Area) else 1)
                assert not np.isinf(places).any()
                assert np.nanmax(np.abs(places), initial=0.0) <= 2 * WIDTH
