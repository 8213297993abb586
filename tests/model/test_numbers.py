"""Numbers are said as people say them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.model.numbers import (
    say,
    say_bytes,
    say_duration,
    say_percent_change,
    say_step,
    short_tick,
    short_ticks,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2.3142, "2.314"),
        (41_200, "41,200"),
        (41_234.5, "41,230"),
        (123_456_789, "123,456,789"),
        (3e-4, "3e-4"),
        (0.001, "0.001"),
        (0.00123456, "0.001235"),
        (1e9, "1e9"),
        (1.7e308, "1.7e308"),
        (-1.7e308, "−1.7e308"),  # noqa: RUF001  # a true minus sign, as people write it
        (-0.5, "−0.5"),  # noqa: RUF001  # likewise
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "4.941e-324"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "−inf"),  # noqa: RUF001  # likewise
    ],
)
def test_value_is_said_with_four_digits(value: float, words: str) -> None:
    """Ana reads 2.314 and 3e-4, not 2.3142000000000 and 0.00030."""
    assert say(value) == words


def test_value_is_said_with_as_many_digits_as_asked_for() -> None:
    """A title has room for three digits."""
    assert say(2.3142, 3) == "2.31"


@pytest.mark.parametrize(
    ("step", "words"),
    [(40_350, "40,350"), (1.25, "1.25"), (0, "0"), (2e12, "2e12"), (math.nan, "NaN"), (999_999_999, "999,999,999")],
)
def test_step_is_said_in_full(step: float, words: str) -> None:
    """Every digit of a step counts: one looks it up by it."""
    assert say_step(step) == words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (2.0, 1.976, "−1.2 %"),  # noqa: RUF001  # a true minus sign
        (2.0, 2.72, "+36 %"),
        (-2.0, -1.0, "+50 %"),
        (2.0, 2.0001, "±0 %"),
        (0.0, 0.0, "±0 %"),
        (0.0, 0.5, "0 → 0.5"),
        (2.3, math.nan, "2.3 → NaN"),
        (2.3, 1e6, "2.3 → 1,000,000"),
        (1.7e308, -1.7e308, "−200 %"),  # noqa: RUF001  # a true minus sign
    ],
)
def test_change_is_said_in_percent_where_that_says_something(old: float, new: float, words: str) -> None:
    """A change from zero, to NaN or by a factor of a million is no percentage: both values are said."""
    assert say_percent_change(old, new) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.25, "0.2 s"),
        (45, "45 s"),
        (62 * 60, "62 min"),
        (7200, "2 h"),
        (12_000, "3 h 20 min"),
        (4 * 86_400 + 7200, "4 days 2 h"),
        (-5, "−5 s"),  # noqa: RUF001  # a true minus sign
        (1e300, "over 10 years"),
        (math.inf, "unknown"),
        (math.nan, "unknown"),
    ],
)
def test_duration_is_said_in_at_most_two_units(seconds: float, words: str) -> None:
    """Nobody says 3,720 seconds."""
    assert say_duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (812, "812 B"), (999.6e3, "1.0 MB"), (4.2e6, "4.2 MB"), (9.96e6, "10 MB"), (math.inf, "unknown")],
)
def test_size_is_said_in_decimal_units(count: float, words: str) -> None:
    """A size never reads `1000 kB`."""
    assert say_bytes(count) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(40_000, "40k"), (1.5e6, "1.5M"), (2.5, "2.5"), (3e-4, "3e-4"), (1e12, "1e12"), (999_999, "1M"), (0, "0")],
)
def test_tick_is_short(value: float, words: str) -> None:
    """A tick has room for four characters on a phone."""
    assert short_tick(value) == words


def test_ticks_that_differ_late_are_told_apart() -> None:
    """Three ticks of an axis from 2.311 to 2.313 do not all read 2.31."""
    assert short_ticks([2.311, 2.312, 2.313]) == ("2.311", "2.312", "2.313")


def test_ticks_of_very_different_sizes_are_exponents() -> None:
    """On an axis over thirty orders of magnitude `1B` would be a riddle."""
    assert short_ticks([0.1, 1e9, 1e19]) == ("0.1", "1e9", "1e19")


@given(st.floats(), st.floats())
def test_any_float_is_said_in_a_few_characters(one: float, other: float) -> None:
    """No float, however odd, makes a long line or an error."""
    words = [say(one), say_step(one), say_duration(one), say_bytes(abs(one) % 1e15), short_tick(one)]
    assert all(0 < len(word) <= 24 for word in words)
    assert len(say_percent_change(one, other)) <= 40
    assert all(short_ticks([one, other]))


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_what_is_said_is_the_value(value: float) -> None:
    """Four digits are right to half a unit of the fourth."""
    assert float(say(value).replace(",", "")) == pytest.approx(value, rel=6e-4)
