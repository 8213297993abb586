"""Lines that belong together, whole histories as lists, a person's own patterns, last evaluations."""

from __future__ import annotations

import time

import pytest

from trainwatch_core.adapters.sources.logs.formats import LINE_LIMIT, Parsed, parse
from trainwatch_core.model.errors import InvalidInputError
from trainwatch_core.model.line_pattern import read_line_pattern


def _values(parsed: Parsed, name: str) -> list[float]:
    return [float(value) for value in parsed.samples[name].values]


def test_a_box_is_one_row_and_its_step_may_stand_at_its_end() -> None:
    """The rows of a box are of the step that the box names, not of the one before it."""
    box = ["-" * 20, "| loss | {} |", "| total_timesteps | {} |", "-" * 20]
    lines = [line.format(value) for value in (10, 20) for line in box]
    rows = parse(lines).samples["loss"]
    assert (rows.steps.tolist(), rows.values.tolist()) == ([10.0, 20.0], [10.0, 20.0])


def test_a_rule_in_front_of_ordinary_lines_changes_nothing() -> None:
    """Rules are ornaments too."""
    plain = ["step=1 loss=2.0", "step=2 loss=1.0"]
    ruled = ["=" * 40, plain[0], "-" * 40, plain[1], "-" * 40, "| a | b | c |"]
    assert _values(parse(ruled), "loss") == _values(parse(plain), "loss")


def test_a_brace_that_is_never_closed_hides_nothing() -> None:
    """What only looks like an object is read line by line, and only so much is held."""
    lines = ["{", *(f"step={step} loss={step}.5" for step in range(1000))]
    parsed = parse(lines)
    assert _values(parsed, "loss")[:3] == [0.5, 1.5, 2.5]
    assert len(parsed.samples["loss"]) >= 990
    assert len(parsed.state.block.get("lines", [])) < 402


def test_nested_objects_over_several_lines_keep_the_path_in_the_name() -> None:
    """As for objects on one line."""
    text = '{\n  "step": 5,\n  "train": {\n    "loss": 1.5\n  },\n  "val": {\n    "loss": 2.5\n  }\n}'
    samples = parse(text.split("\n")).samples
    assert {name: (r.steps[0], r.values[0]) for name, r in samples.items()} == {
        "train.loss": (5.0, 1.5),
        "val.loss": (5.0, 2.5),
    }


def test_lists_of_unequal_length_are_no_history() -> None:
    """Nothing is guessed of them."""
    assert "loss" not in parse(['{"loss": [1.5, 0.5], "val_loss": [1.0]}', '{"a": [' * 3000]).samples


def test_a_last_evaluation_stays_beside_the_series_of_the_same_name() -> None:
    """`final_quantized val_loss` is no further value of val_loss, and neither is the best so far."""
    parsed = parse(
        [
            "step:10/20 val_loss:2.5",
            "step:20/20 val_loss:2.0",
            "final_quantized val_loss:2.25",
            "best model, val_loss:1.75",
        ]
    )
    assert _values(parsed, "val_loss") == [2.5, 2.0]
    assert _values(parsed, "final_quantized/val_loss") == [2.25]


def test_names_that_tell_nothing_head_a_table_only_of_numbers() -> None:
    """A head nobody knows needs rows of nothing but numbers, and takes no other table's place."""
    assert _values(parse(["r,l,t", "-1.5,10,0.5", "-0.5,20,1.5"]), "r") == [-1.5, -0.5]
    assert parse(["red, green, blue", "1 red, 2 green, 3 blue"]).samples == {}
    known = ["epoch,loss", "1,0.5", "one,two,three", "2,0.25"]
    assert _values(parse(known), "loss") == [0.5, 0.25]


def test_a_line_of_source_code_heads_no_table() -> None:
    """Trainers print their own source: its commas part no columns."""
    code = ["    val_loss, val_acc = evaluate(", "    return loss, scale", "        0,", "        1, 2"]
    assert parse(["step=1 loss=2.0", *code]).samples.keys() == {"loss"}


def test_a_pattern_of_a_person_reads_what_nobody_else_can() -> None:
    """Fields by name, words of any kind in between, blanks as many as there are."""
    pattern = read_line_pattern("it {step} of {total_steps} ({_}) L {custom loss} / {gn}")
    lines = [
        "[a] it    5 of 100 (warm) L 2.5 / 1e-3 rest",
        "it 6 of 100 (hot) L nan / 2.0",
        "it six of 100 (x) L 1 / 2",
    ]
    parsed = parse(lines, patterns=[pattern])
    assert parsed.samples["custom loss"].steps.tolist() == [5.0, 6.0]
    assert str(_values(parsed, "custom loss")) == "[2.5, nan]"
    assert _values(parsed, "gn") == [0.001, 2.0]
    assert parsed.state.place.planned == 100


@pytest.mark.parametrize(
    "text", ["", "no field", "{step}", "{loss} at the beginning", "it {step", "it {0}", "x" * 2000]
)
def test_a_pattern_that_cannot_work_is_refused_with_an_example(text: str) -> None:
    """What it must have: text in front, and a metric."""
    with pytest.raises(InvalidInputError, match="pattern") as caught:
        read_line_pattern(text)
    assert "{step}" in caught.value.todo


def test_a_pattern_takes_linear_time() -> None:
    """F-L08: No pattern of a person, and no line, makes it go back and forth."""
    pattern = read_line_pattern(" ".join(["a {_}"] * 40) + " b {loss}")
    start = time.process_time()
    parse(["a " * (LINE_LIMIT // 2), "a a" * (LINE_LIMIT // 3)], patterns=[pattern])
    assert time.process_time() - start < 1.0
