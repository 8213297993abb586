"""Durations are read as people write them, or refused."""

from __future__ import annotations

import pytest

from trainwatch_core.model.duration import LONGEST, parse_duration
from trainwatch_core.model.errors import InvalidInputError


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30m", 1800.0),
        ("2h", 7200.0),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        (" 1D12H ", 129600.0),
        ("1.5h", 5400.0),
        ("0.2s", 0.2),
        ("90", 90.0),
        ("0", 0.0),
        (90, 90.0),
        (0.5, 0.5),
        ("366d", LONGEST),
    ],
)
def test_reads_durations(written: str | float, seconds: float) -> None:
    """What a person writes for a length of time is understood in seconds."""
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "m",
        "30 minutes",
        "1m1h",
        "5m5m",
        "-5m",
        "1e3",
        "\uff11\uff12m",  # full-width digits
        "1.m",
        "9" * 400,
        "367d",
        "nan",
        -1,
        float("nan"),
        float("inf"),
        10**5000,
        True,
    ],
    ids=lambda value: "whole number" if isinstance(value, int) else repr(value)[:20],
)
def test_refuses_what_is_no_duration(written: str | float) -> None:
    """Anything else is refused with examples of what is allowed."""
    with pytest.raises(InvalidInputError, match=r"1h30m"):
        parse_duration(written)
