"""A small GraphQL executor for fake servers: queries, mutations, arguments, variables, fragments.

It answers only with the fields that were asked for, and refuses fields that the fake does not have, as a real server
does. A type condition of a fragment is taken to hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\#[^\n]* | [\s,\ufeff]+ | (?P<token> \.\.\. | [{}()\[\]:!=$@|&] | [A-Za-z_]\w*
    | "(?:[^"\\\n]|\\.)*" | -?\d+(?:\.\d+)?(?:[eE][+-]?\d+)? )""",
    re.VERBOSE,
)
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class GraphQLError(Exception):
    """The document is wrong, or asks for what is not there."""


@dataclass(frozen=True, slots=True)
class _Field:
    alias: str
    name: str
    arguments: Mapping[str, object]
    selection: tuple[_Field | str, ...]


def execute(document: str, variables: Mapping[str, object], root: Mapping[str, object]) -> dict[str, object]:
    """The `data` that answers a document.

    Args:
        document: One operation and its fragments.
        variables: Their values; what is not given is null.
        root: Field name to value. Objects are mappings, lists are lists; a callable is called with the arguments.

    Raises:
        GraphQLError: If the document cannot be read or names a field that does not exist.
    """
    parser = _Parser(document, variables)
    operation = parser.document()
    return _select(root, operation, parser.fragments)


def _select(
    value: Mapping[str, object],
    selection: tuple[_Field | str, ...],
    fragments: Mapping[str, tuple[_Field | str, ...]],
) -> dict[str, object]:
    answer: dict[str, object] = {}
    for part in selection:
        if isinstance(part, str):
            if part not in fragments:
                raise GraphQLError(f'Unknown fragment "{part}"')
            answer.update(_select(value, fragments[part], fragments))
        elif part.name not in value:
            raise GraphQLError(f'Cannot query field "{part.name}"')
        else:
            found = value[part.name]
            answer[part.alias] = _complete(found(**part.arguments) if callable(found) else found, part, fragments)
    return answer


def _complete(value: object, field: _Field, fragments: Mapping[str, tuple[_Field | str, ...]]) -> object:
    if not field.selection or value is None:
        return value
    if isinstance(value, list):
        return [_complete(item, field, fragments) for item in value]
    if not isinstance(value, Mapping):
        raise GraphQLError(f'Field "{field.name}" has no fields of its own')
    return _select(value, field.selection, fragments)


class _Parser:
    def __init__(self, document: str, variables: Mapping[str, object]) -> None:
        self.fragments: dict[str, tuple[_Field | str, ...]] = {}
        self._variables = variables
        self._tokens = list(self._scan(document))
        self._at = 0

    @staticmethod
    def _scan(document: str) -> list[str]:
        tokens, at = [], 0
        while at < len(document):
            match = _TOKEN.match(document, at)
            if match is None:
                raise GraphQLError(f"Syntax error at character {at}")
            if match["token"]:
                tokens.append(match["token"])
            at = match.end()
        return tokens

    def document(self) -> tuple[_Field | str, ...]:
        operation: tuple[_Field | str, ...] | None = None
        while self._at < len(self._tokens):
            if self._peek() == "fragment":
                self._skip(1)
                name = self._next()
                self._skip(2)  # on Type
                self.fragments[name] = self._selection()
                continue
            while self._peek() != "{":
                if self._peek() == "(":
                    self._skip_brackets()
                else:
                    self._skip(1)
            operation = self._selection()
        if operation is None:
            raise GraphQLError("There is no operation")
        return operation

    def _selection(self) -> tuple[_Field | str, ...]:
        self._expect("{")
        found: list[_Field | str] = []
        while self._peek() != "}":
            if self._peek() == "...":
                self._skip(1)
                if self._peek() == "on":
                    self._skip(2)
                    found.extend(self._selection())
                else:
                    found.append(self._next())
            else:
                found.append(self._field())
        self._skip(1)
        return tuple(found)

    def _field(self) -> _Field:
        alias = name = self._next()
        if self._peek() == ":":
            self._skip(1)
            name = self._next()
        arguments = self._pairs("(", ")") if self._peek() == "(" else {}
        return _Field(alias, name, arguments, self._selection() if self._peek() == "{" else ())

    def _pairs(self, opening: str, closing: str) -> dict[str, object]:
        self._expect(opening)
        found = {}
        while self._peek() != closing:
            name = self._next()
            self._expect(":")
            found[name] = self._value()
        self._skip(1)
        return found

    def _value(self) -> object:
        mark = self._peek()
        if mark == "{":
            return self._pairs("{", "}")
        self._skip(1)
        if mark == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value())
            self._skip(1)
            return items
        if mark == "$":
            return self._variables.get(self._next())
        if mark[0] in '"-0123456789':
            loaded: object = json.loads(mark)
            return loaded
        return _WORDS.get(mark, mark)  # else an enum

    def _skip_brackets(self) -> None:
        depth = 0
        while True:
            depth += {"(": 1, ")": -1}.get(self._next(), 0)
            if depth == 0:
                return

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            raise GraphQLError("The document ends too early")
        return self._tokens[self._at]

    def _next(self) -> str:
        mark = self._peek()
        self._at += 1
        return mark

    def _skip(self, count: int) -> None:
        self._at += count

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            raise GraphQLError(f'Expected "{mark}"')
