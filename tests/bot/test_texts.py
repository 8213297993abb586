"""All texts of the bot are in one catalogue; what the code says and what the catalogue has are the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from bot import texts
from bot.blocks.answers import NAMED
from bot.ids import Field
from bot.listeners import parsing
from bot.texts import speak, text, text_of
from trainwatch_core.model.message import Look
from trainwatch_core.model.run import RunState
from trainwatch_core.model.stop import RequestState

ROOM = Path(texts.__file__).parent
BOT = ROOM.parent
CALLS = {"text", "say", "text_of"}
ENUMS = {
    "field": {field.name for field in Field},
    "hint": {field.name for field in Field},
    "run": {state.name for state in RunState},
    "look": {member.name for member in Look},
    "act": {verb.name for verb in NAMED},
    "asked": {state.name for state in RequestState},
    "came": {state.name for state in RequestState if state is not RequestState.PENDING},
}
TERMS = {"Decided by", *map(str, parsing.Word), *parsing._ALSO}
"""What is typed, and a label of the core that is looked for."""
WORDED = re.compile(r"[A-Za-z]{2,}[,.:;?]? +[A-Za-z]{2,}")


class _Variables(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802  # named by the library
        self.names.add(node.id.name)


def catalogue(language: str = texts.SOURCE) -> dict[str, set[str]]:
    """The keys of a language, each with the names of its values."""
    found = {}
    for entry in FluentParser().parse((ROOM / f"{language}.ftl").read_text("utf-8")).body:
        assert not isinstance(entry, ftl.Junk), entry.content
        if isinstance(entry, ftl.Message):
            seen = _Variables()
            seen.visit(entry)
            assert entry.id.name not in found, f"{entry.id.name} stands twice"
            found[entry.id.name] = seen.names
    return found


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every use of the catalogue."""
    for file in sorted(BOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                file.parent != ROOM
                and isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in CALLS
                and node.args
            ):
                yield f"{file.name}:{node.lineno}", node


def keys_of(call: ast.Call) -> set[str]:
    """The keys that a call may ask for; a key that is put together names all that begin like it."""
    first = call.args[0]
    if getattr(call.func, "id", "") == "text_of":
        kind = str(ast.literal_eval(first))
        return {f"{kind}-{name.lower().replace('_', '-')}" for name in ENUMS[kind]}
    if isinstance(first, ast.Constant):
        return {str(first.value)}
    return set()


def strings_of_keys() -> set[str]:
    """Words of the code that are keys: named in a table, or in a choice of two."""
    found: set[str] = set()
    for file in sorted(BOT.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        found |= {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


@pytest.mark.parametrize("language", texts.languages())
def test_what_is_asked_for_is_there(language: str) -> None:
    """No call asks for a text that is missing, or without one of its values."""
    known = catalogue(language)
    for where, call in calls():
        given = {keyword.arg for keyword in call.keywords}
        for key in keys_of(call):
            if language == texts.SOURCE:
                assert key in known, (where, key)
            assert None in given or known.get(key, set()) <= given, (where, key, known[key] - given)


def test_what_is_there_is_asked_for() -> None:
    """No text of the catalogue is left over."""
    asked = {key for _, call in calls() for key in keys_of(call)} | strings_of_keys()
    prefixes = {f"card-{name}" for name in ("edit", "why", "end")} | {
        f"tell-{name}" for name in ("every", "baseline", "rounds", "launch")
    }
    assert set(catalogue()) - asked - prefixes == set()


@pytest.mark.parametrize("language", texts.languages())
def test_a_language_says_nothing_that_english_does_not(language: str) -> None:
    """A translation has keys and values of the source only."""
    source = catalogue()
    for key, names in catalogue(language).items():
        assert key in source
        assert names <= source[key]


def _logged(tree: ast.AST) -> set[int]:
    """Words for the log, for exceptions of the program and for people at the host: they are no words of the bot."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name.startswith("_LOG.") or name in {"re.compile", "ConfigError", "logging.getLogger"}:
            skipped |= {id(child) for child in ast.walk(node)}
        body = getattr(node, "body", None)
        for part in body if isinstance(body, list) else []:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                skipped.add(id(part.value))
    return skipped


SPEAKING = [
    *(file for room in ("blocks", "listeners", "notifier") for file in (BOT / room).glob("*.py")),
    *(BOT / "actors.py", BOT / "upkeep.py"),
]


@pytest.mark.parametrize("file", SPEAKING, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_no_text_stands_in_the_code(file: Path) -> None:
    """Two words beside each other are a sentence, and sentences are in the catalogue."""
    tree = ast.parse(file.read_text())
    skipped = _logged(tree)
    found = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped
        if WORDED.search(node.value) and node.value not in TERMS
    ]
    assert not found


def test_a_long_value_is_said_in_full_and_means_nothing() -> None:
    """A value of any length is put in to the letter, braces and marks of others included."""
    long = "{ $when } \ue0000\ue000 " + "x" * 5000
    said = text("card-watched", who="\ue0000\ue000", when=long)
    assert said == f"watched by 0 since {long}"


def test_numbers_choose_the_form() -> None:
    """One approver or several: the sentence follows."""
    assert text("question-can-approve", count=1, people="@ana") == "Can approve: @ana"
    assert text("question-can-approve", count=2, people="@ana") == "Can approve (2 of them must): @ana"


def test_an_unknown_text_or_a_missing_value_is_an_error() -> None:
    """Nothing is said with a hole in it."""
    with pytest.raises(LookupError):
        text("no-such-text")
    with pytest.raises(LookupError):
        text("card-watched", who="@ana")


def test_a_second_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beside the English one is a language; what it lacks, or has wrong, is said in English."""
    (tmp_path / "en.ftl").write_text((ROOM / "en.ftl").read_text("utf-8"), "utf-8")
    (tmp_path / "de.ftl").write_text("look-healthy = Gesund\ncard-next-check = { $missing }\n", "utf-8")
    monkeypatch.setattr("bot.texts.resources.files", lambda _name: tmp_path)
    texts._bundle.cache_clear()
    try:
        assert texts.languages() == ["de", "en"]
        speak("de")
        assert text_of("look", Look.HEALTHY) == "Gesund"
        assert text_of("look", Look.PAUSED) == "Paused"
        assert text("card-next-check", when="10:30") == "next check 10:30"
        assert texts.weekday(datetime(2026, 3, 2, tzinfo=UTC)) == "Mo."
    finally:
        speak("en")
        texts._bundle.cache_clear()


def test_a_language_that_nobody_wrote_is_refused() -> None:
    """The bot does not begin in a language that it does not have."""
    with pytest.raises(LookupError):
        speak("tlh")
