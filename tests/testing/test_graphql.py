"""The small GraphQL executor of the fake servers."""

from __future__ import annotations

import pytest

from trainwatch_core.testing.graphql import GraphQLError, execute

ROOT = {
    "user": lambda name: {"name": name, "friends": [{"name": "a", "age": 1}, {"name": "b", "age": 2}]},
    "nobody": None,
    "echo": lambda **given: given,
}


def test_only_what_is_asked_for_is_answered() -> None:
    """Fields, arguments, variables, aliases, lists and fragments work as everywhere."""
    document = """#graphql
    query Q($n: String!, $list: [String!] = ["x"]) { who: user(name: $n) { ...F ... on User { name } } nobody { name } }
    fragment F on User { friends { age } }"""
    assert execute(document, {"n": "me"}, ROOT) == {
        "who": {"friends": [{"age": 1}, {"age": 2}], "name": "me"},
        "nobody": None,
    }


def test_arguments_of_every_kind_are_understood() -> None:
    """Literals, objects, lists, enums and variables that were not given."""
    document = 'mutation { echo(a: {b: [1, -2.5, "x\\n"], c: true}, d: $none, e: DESC, f: null) }'
    given = {"a": {"b": [1, -2.5, "x\n"], "c": True}, "d": None, "e": "DESC", "f": None}
    assert execute(document, {}, ROOT) == {"echo": given}


@pytest.mark.parametrize("document", ["{ other }", "{ user(name: 1) { age } }", "{ ...F }", "{ user(", "", "{ % }"])
def test_what_does_not_exist_is_refused(document: str) -> None:
    """A field that the fake does not have is an error, as on a real server."""
    with pytest.raises(GraphQLError):
        execute(document, {}, ROOT)
