"""docs/judgement.md says what the checks do: every rule, with its own sentence, its figures and a picture."""

from __future__ import annotations

import re

import pytest

from tests.docs.judgement import DOCUMENT, MODULES, PICTURES, codes_of, filled, picture
from tests.docs.rules import NOT_DRAWN, RULES
from trainwatch_core.registry import CHECKS


def test_every_check_is_explained() -> None:
    """The document has a section and the figures of each check that is registered."""
    text = DOCUMENT.read_text(encoding="utf-8")
    names = {check.__module__.rpartition(".")[2] for check in CHECKS}
    assert names == set(MODULES)
    assert {name for name in names if f"(`{name}`)" not in text or f"<!-- figures: {name} -->" not in text} == set()


@pytest.mark.parametrize("name", MODULES)
def test_every_rule_of_a_check_has_a_run(name: str) -> None:
    """Whoever adds a rule adds a run on which it speaks."""
    codes = {f"{name}.{code}" for code in codes_of(MODULES[name])}
    assert codes
    assert codes - NOT_DRAWN == {rule for rule in RULES if rule.startswith(f"{name}.")}


def test_the_document_says_what_the_rules_say_now() -> None:
    """`make figures` changes nothing: sentences and thresholds are those of the code."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text) == text


def test_every_rule_is_shown_and_every_picture_is_there() -> None:
    """A picture for each rule, small enough to load anywhere, and none that nobody shows."""
    shown = re.findall(r"\(img/judgement/([a-z_-]+\.png)\)", DOCUMENT.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"{name.replace('.', '-')}.png" for name in RULES)
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    assert {path.name for path in PICTURES.iterdir() if path.stat().st_size > 40_000} == set()


@pytest.mark.parametrize("name", ["divergence.shift", "nan.persistent"])
def test_a_picture_is_drawn_from_the_rule(name: str) -> None:
    """A PNG; a rule that does not speak on its run has none."""
    code = name.partition(".")[2]
    assert picture(RULES[name], code).startswith(b"\x89PNG")
    with pytest.raises(LookupError):
        picture(RULES[name], "other")
