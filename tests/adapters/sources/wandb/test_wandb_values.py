"""Values, settings and metric names as W&B gives them."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwatch_core.adapters.sources.wandb.facts import MAX_SETTINGS, flat_settings, planned_steps, unix_seconds
from trainwatch_core.adapters.sources.wandb.keys import RESERVE, choose, hidden, left_out_note
from trainwatch_core.adapters.sources.wandb.values import load_json, load_mapping, number, number_of_json, pick
from trainwatch_core.model.series import MAX_SERIES

MISSING = None
CASES = [
    ("1.5", 1.5),
    ("NaN", math.nan),
    ('"NaN"', math.nan),
    ('"Infinity"', math.inf),
    ('"-Infinity"', -math.inf),
    ("-Infinity", -math.inf),
    ("1e999", math.inf),
    ("-1e999", -math.inf),
    ("1" * 5000, math.inf),
    ("-" + "1" * 5000, -math.inf),
    ("1" + "0" * 350, math.inf),
    ("null", MISSING),
    ("true", MISSING),
    ('"3.5"', MISSING),
    ('{"a": 1}', MISSING),
    ("[1]", MISSING),
    ('{"a": 1, "a": NaN}', MISSING),
    ("", MISSING),
    ("[" * 100_000, MISSING),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:20] for text, _ in CASES])
def test_every_form_of_a_value_is_parsed_once(text: str, expected: float | None) -> None:
    """F-W05: a logged value becomes finite, NaN, an infinity, or is missing; nothing else and never an error."""
    found = number_of_json(text)
    assert (found is None) == (expected is None)
    if expected is not None and found is not None:
        assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_value_is_a_float_or_missing(value: object) -> None:
    """F-W05: whatever JSON holds, both readers agree on what it stands for."""
    parsed, read = number(value), number_of_json(json.dumps(value))
    assert parsed == read or (parsed is not None and read is not None and math.isnan(parsed) and math.isnan(read))


@given(st.text(max_size=50))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """F-W05: text that is no JSON is a missing value."""
    assert isinstance(number_of_json(text), float | None)


def test_an_integer_beyond_all_bounds_spoils_nothing_else() -> None:
    """F-W05: integers that no float and no parser holds are infinities, and their neighbours are what they are."""
    loaded = load_mapping('{"a": ' + "1" * 5000 + ', "b": 2}')
    assert (number(loaded["a"]), loaded["b"]) == (math.inf, 2)
    assert (number(10**350), number(-(10**350))) == (math.inf, -math.inf)


def test_of_duplicate_keys_the_last_counts() -> None:
    """F-W05: a row that names a metric twice has the value that was logged last."""
    assert load_json('{"loss": 1, "loss": 2}') == {"loss": 2}


def test_nesting_without_end_is_no_json() -> None:
    """F-W05: JSON that Python's parser cannot descend is refused as any other wrong text."""
    with pytest.raises(ValueError, match="nested"):
        load_json('{"a":' * 100_000)


def test_a_mapping_is_read_from_text_and_from_objects() -> None:
    """Servers send objects as JSON text or as themselves."""
    assert load_mapping('{"a": 1}') == load_mapping({"a": 1}) == {"a": 1}
    assert load_mapping("[1]") == load_mapping(None) == load_mapping("{") == {}


def test_a_dotted_name_finds_nested_values() -> None:
    """Nested metrics are found whether the server flattened them or not."""
    assert pick({"a.b": 1}, "a.b") == pick({"a": {"b": 1}}, "a.b") == 1
    assert pick({"a": 1}, "a.b") is None


def test_settings_are_flat_short_and_few() -> None:
    """Of a huge config a few readable scalars are kept, the planned length among them."""
    config = {f"k{n:03}": n for n in range(200)} | {
        "trainer": {"max_steps": 9, "deep": {"list": [1]}},
        "_wandb": {"x": 1},
        "text": "y" * 1000,
    }
    found = flat_settings(config)
    assert len(found) == MAX_SETTINGS
    assert next(iter(found)) == "trainer.max_steps"
    assert not any(name.startswith("_") or "list" in name for name in found)
    assert max(map(len, flat_settings({"text": "y" * 1000}).values())) == 200


@pytest.mark.parametrize(
    ("settings", "last", "trainer_step", "expected"),
    [
        ({"max_steps": "1000"}, 10.0, None, 1000.0),
        ({"max_steps": "-1", "max_iters": "500"}, 10.0, None, 500.0),
        ({"max_steps": "1000"}, 5000.0, None, None),
        ({"max_steps": "1000"}, 10.0, 100.0, 100.0),
        ({"trainer.max_steps": "1e3"}, None, None, 1000.0),
        ({"epochs": "3"}, 10.0, None, None),
        ({"max_steps": "many"}, 10.0, None, None),
        ({"max_steps": "nan"}, 10.0, None, None),
    ],
)
def test_a_planned_length_is_believed_only_if_it_can_be_true(
    settings: dict[str, str], last: float | None, trainer_step: float | None, expected: float | None
) -> None:
    """The planned length stands on the axis of `_step`, and a plan that the run has passed is none."""
    assert planned_steps(settings, last, trainer_step) == expected


def test_times_without_a_zone_are_utc() -> None:
    """W&B writes its times without a zone and means UTC."""
    assert unix_seconds("2024-05-01T12:00:00") == unix_seconds("2024-05-01T12:00:00Z") == 1714564800
    assert unix_seconds("soon") is unix_seconds(None) is unix_seconds(3) is None


def test_metrics_with_a_role_come_first_and_late_ones_find_room() -> None:
    """Of 5,000 metrics those that decide are read, and an evaluation that appears later is read too."""
    names = [f"layer{n}/weight" for n in range(5000)] + ["train/loss", "grad_norm"]
    first = choose(names)
    assert first[:2] == ("train/loss", "grad_norm")
    assert len(first) == MAX_SERIES - RESERVE
    later = choose(["eval/loss", "other"], first)
    assert later == (*first, "eval/loss")


def test_more_losses_than_places_fill_them_all_and_no_more() -> None:
    """The bound holds whatever the names are."""
    assert len(choose([f"loss_{n}" for n in range(100)])) == MAX_SERIES


def test_keys_of_the_tracker_are_hidden() -> None:
    """Nobody judges a run by `_step` or the load of its machine."""
    assert all(map(hidden, ["_step", "_timestamp", "system/gpu.0.temp", "system.cpu", "h._type", ""]))
    assert not any(map(hidden, ["loss", "a.b", "systematic"]))


def test_what_is_left_out_is_named() -> None:
    """The report says what nobody reads."""
    assert left_out_note([]) == ()
    assert left_out_note(["d", "a", "b", "c"])[0].endswith("a, b, c and 1 more")
