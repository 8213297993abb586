"""docs/judgement.md says what the checks do: every rule, with its own sentence, its thresholds and a picture."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import pytest
from PIL import Image

from tests.docs import tables
from tests.docs.codes import codes_of
from tests.docs.judgement import DOCUMENT, PICTURES, filled
from tests.docs.pictures import picture
from tests.docs.rules import MODULES, NOT_DRAWN, RULES
from tests.docs.shapes import SCHEDULES
from tests.docs.tables import thresholds
from trainwatch_core.checks import spike
from trainwatch_core.registry import CHECKS
from trainwatch_core.schedules import Shape
from trainwatch_core.testing.columns import CONTINUE, STOP, WAIT, falling

TEXT = DOCUMENT.read_text(encoding="utf-8")
LARGEST = 25_000
"""Bytes of a picture."""


def source_of(monkeypatch: pytest.MonkeyPatch, text: str) -> ModuleType:
    """A module whose source is this."""
    module = ModuleType("made_up")
    monkeypatch.setattr("inspect.getsource", lambda _: text)
    exec(text, module.__dict__)  # noqa: S102  # the text stands in this file
    return module


def test_every_check_is_explained() -> None:
    """The document has a section and the thresholds of each check that is registered."""
    names = {check.__module__.rpartition(".")[2] for check in CHECKS}
    assert names == set(MODULES)
    assert {name for name in names if f"(`{name}`)" not in TEXT or f"<!-- figures: {name} -->" not in TEXT} == set()


@pytest.mark.parametrize("name", MODULES)
def test_every_section_says_what_can_be_disagreed_with(name: str) -> None:
    """What is looked at, what it argues for, what it cannot see, and where the method is from."""
    section = TEXT.partition(f"(`{name}`)\n")[2].partition("\n##")[0]
    wanted = ["Looks at", "Source", *(["Cannot see"] if name != "progress" else [])]
    assert [word for word in wanted if f"- **{word}**: " not in section] == []
    words = {STOP: "STOP", WAIT: "WAIT", CONTINUE: "word"}
    argued = {rule.argues_for for rule in RULES.values() if rule.check is MODULES[name]}
    assert [each for each in argued if not re.search(rf"^- \*\*[^*]*{words[each]}", section, re.MULTILINE)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_rule_of_a_check_has_a_run(name: str) -> None:
    """Whoever adds a rule adds a run on which it speaks."""
    told = {f"{name}.{code}" for code in codes_of(MODULES[name])}
    assert told
    assert told == {rule for rule in RULES if rule.startswith(f"{name}.")}


CODES: Sequence[tuple[str, set[str]]] = [
    ("Finding(N, 'a', 1)", {"a"}),
    ("Finding(N, 'a' if x else 'b', 1)", {"a", "b"}),
    ("code, why = ('a', 1) if x else ('b', 2)\n    Finding(N, code, 1)", {"a", "b"}),
    ("made(x, 'c')\ndef made(x, code):\n    return Finding(N, code, 1)", {"c"}),
]


@pytest.mark.parametrize(("body", "expected"), CODES)
def test_codes_are_read_off_the_source(monkeypatch: pytest.MonkeyPatch, body: str, expected: set[str]) -> None:
    """A word, a choice, a variable, an argument of a function that makes the finding."""
    assert codes_of(source_of(monkeypatch, f"def check(x):\n    {body}\n")) == expected


@pytest.mark.parametrize("body", ["Finding(N, x.code, 1)", "Finding(N, f'{x}', 1)", "Finding(N, ELSEWHERE, 1)"])
def test_a_code_that_cannot_be_read_is_no_secret(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Otherwise a rule could go without a picture unseen."""
    with pytest.raises(LookupError, match="come from"):
        codes_of(source_of(monkeypatch, f"def check(x):\n    {body}\n"))


def test_the_document_says_what_the_rules_say_now() -> None:
    """`make figures` changes nothing: sentences and thresholds are those of the code."""
    assert filled(TEXT) == TEXT


@pytest.mark.parametrize(
    "section", re.split(r"\n###? ", TEXT.partition("\n## Beside")[0])[1:], ids=lambda text: text.splitlines()[0]
)
def test_a_threshold_that_is_named_stands_in_the_table_of_its_section(section: str) -> None:
    """One that was renamed or taken out is named nowhere."""
    words, _, table = section.partition("| threshold |")
    assert {name for name in re.findall(r"`([A-Z][A-Z_]+)`", words) if f"`{name}` " not in table} == set()


def test_a_threshold_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure without a docstring below it makes no table."""
    assert "| `A` 1, `B` 0.5 | why so |" in thresholds(source_of(monkeypatch, 'A, B = 1, 0.5\n"""why\nso"""\n'))
    with pytest.raises(LookupError, match="no reason"):
        thresholds(source_of(monkeypatch, 'A = 1\nB = 2\n"""why"""\n'))


def test_every_schedule_is_told() -> None:
    """The table has all shapes; that the rates of each are taken for it, making the table proves."""
    assert set(SCHEDULES) == set(Shape)


def test_a_schedule_whose_rates_are_taken_for_another_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the table says of a shape is so."""
    monkeypatch.setattr(tables, "SCHEDULES", {Shape.LINEAR: SCHEDULES[Shape.COSINE]})
    with pytest.raises(LookupError, match=r"linear are taken for .*COSINE"):
        tables.shapes()


def test_every_rule_is_shown_and_every_picture_is_there() -> None:
    """A picture for each rule, small enough to load anywhere, and none that nobody shows."""
    shown = re.findall(r"!\[[^\]]{20,}\]\(img/judgement/([a-z_-]+\.png)\)", TEXT)
    assert sorted(shown) == sorted(f"{name.replace('.', '-')}.png" for name in RULES.keys() - NOT_DRAWN)
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    assert {path.name for path in PICTURES.iterdir() if path.stat().st_size > LARGEST} == set()


@pytest.mark.parametrize("name", ["divergence.shift", "nan.persistent", "forecast.missed", "pace.slow", "stale.silent"])
def test_a_picture_is_drawn_from_the_rule(name: str) -> None:
    """Six hundred pixels wide, also over the clock and with a forecast; a rule that does not speak has none."""
    code = name.partition(".")[2]
    assert Image.open(io.BytesIO(picture(RULES[name], code))).size == (600, 320)
    with pytest.raises(LookupError, match="not other"):
        picture(RULES[name], "other")


def test_a_picture_of_a_run_on_which_the_rule_is_silent_is_none() -> None:
    """The same rule on a healthy run, or arguing for something else."""
    healthy = replace(RULES["spike.up"], columns={"loss": falling(400)})
    assert spike.check is healthy.check.check
    for rule in (healthy, replace(RULES["divergence.shift"], argues_for=WAIT)):
        with pytest.raises(LookupError, match="says"):
            picture(rule, "up" if rule is healthy else "shift")


def test_a_level_that_the_rule_did_not_use_is_not_drawn() -> None:
    """Lines are figures of the finding."""
    with pytest.raises(LookupError, match="not on median"):
        picture(replace(RULES["divergence.shift"], levels=("median",)), "shift")
