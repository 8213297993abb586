"""The fast lane reads what the slow lane reads, whatever the numbers look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwatch_core.adapters.sources.logs.formats import Parsed, parse
from trainwatch_core.adapters.sources.logs.formats.lane import Lane

WRITTEN = st.one_of(
    st.floats(width=32).map(repr),
    st.integers(-(10**6), 10**9).map(str),
    st.integers(0, 10**9).map("{:,}".format),
    st.floats(0, 1e3).map("{:.2e}".format),
    st.sampled_from(["nan", "-inf", ".5", "5.", "+1", "1E5", "1e", "--", "1,23", "1.2.3", "007"]),
)
SHAPES = (
    "step={0} loss={1} acc={2}",
    "{{'loss': {1}, 'epoch': {2}}}",
    "{{'loss': {1}, 'epoch': {0}}}",
    "loss: {1}",
    "[{0}/100] loss {1}",
    "2024-01-02 03:04:{0} step {0}: loss={1},acc={2}",
    "step:{0}/5000 loss:{1} time:{2}ms",
    "Epoch {0}: loss={1}",
    "step={0} loss=1,{1}",
    "iter {0}  loss   {1}",
)


def _slowly(lines: list[str]) -> Parsed:
    return parse(lines, witness=lambda _step, _pairs: None)  # who asks for the order gets it line by line


def _same(one: Parsed, other: Parsed) -> bool:
    keys = ("steps", "values", "times")
    return (
        list(one.samples) == list(other.samples)
        and all(
            np.array_equal(getattr(one.samples[name], key), getattr(other.samples[name], key), equal_nan=True)
            for name in one.samples
            for key in keys
        )
        and (one.understood, one.state, one.events) == (other.understood, other.state, other.events)
    )


@settings(max_examples=150, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    head=st.lists(st.sampled_from((*SHAPES, "text", "loss,acc,step", "{{", "-" * 20)), max_size=2),
    numbers=st.lists(st.tuples(WRITTEN, WRITTEN), max_size=8),
    step=st.sampled_from([lambda at: at, lambda at: at % 7, lambda _at: 0, lambda at: at * 1000]),
)
def test_both_lanes_read_the_same(
    shape: str, head: list[str], numbers: list[tuple[str, str]], step: Callable[[int], int]
) -> None:
    """Plain lines, with odd ones among them, in every shape: samples, steps, times, events and state."""
    lines = [each.format(3, 1.5, 2.5) for each in head]
    for at in range(40):
        lines.append(shape.format(step(at), 2.0 + at / 8, at / 16))
        if at > 20 and numbers:
            lines.append(shape.format(step(at), *numbers[at % len(numbers)]))
    assert _same(parse(lines), _slowly(lines))


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "1," not in shape and "Epoch" not in shape])
def test_a_plain_log_takes_the_fast_lane(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the test above would compare the slow lane with itself."""
    taken: list[int] = []
    run = Lane.run

    def counted(self: Lane, lines: list[str], start: int) -> list[tuple[str, ...]]:
        rows = run(self, lines, start)
        taken.append(len(rows))
        return rows

    monkeypatch.setattr(Lane, "run", counted)
    parse([shape.format(at, 1.5 + at / 8, at / 16) for at in range(50)])
    assert max(taken, default=0) > 30
