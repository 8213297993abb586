"""The codes that a check can give, read off its source: what cannot be read is an error, so that none is overlooked."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType


def codes_of(module: ModuleType) -> frozenset[str]:
    """The codes of all findings that a check can make.

    Follows the second argument of each `Finding(...)`: a word, a choice between words, a variable of the function, or
    an argument that the callers within the module give.

    Raises:
        LookupError: If a code comes from elsewhere: then teach this function where from.
    """
    source = _Source(ast.parse(inspect.getsource(module)))
    calls = [call for name, call in source.calls if name == "Finding"]
    return frozenset(code for call in calls for code in source.words(call.args[1], source.function_of(call)))


class _Source:
    def __init__(self, tree: ast.Module) -> None:
        self._functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self.calls = [
            (node.func.id, node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]

    def function_of(self, inside: ast.AST) -> ast.FunctionDef:
        return next(one for one in self._functions if inside in ast.walk(one))

    def words(self, value: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
        match value:
            case ast.Constant(str(word)):
                yield word
            case ast.IfExp():
                yield from self.words(value.body, function)
                yield from self.words(value.orelse, function)
            case ast.Name(name):
                yield from self._named(name, function)
            case _:
                raise LookupError(f"{function.name}: where does the code {ast.unparse(value)} come from?")

    def _named(self, name: str, function: ast.FunctionDef) -> Iterator[str]:
        assigned = [each for node in ast.walk(function) if isinstance(node, ast.Assign) for each in _set(node, name)]
        given = [*function.args.args, *function.args.kwonlyargs]
        place = next((at for at, each in enumerate(given) if each.arg == name), None)
        if not assigned and place is None:
            raise LookupError(f"{function.name}: where does {name} come from?")
        for value in assigned:
            yield from self.words(value, function)
        if place is not None:
            for called, call in self.calls:
                if called == function.name:
                    yield from self.words(call.args[place], self.function_of(call))


def _set(node: ast.Assign, name: str) -> Iterator[ast.expr]:
    """What an assignment sets a name to, both ways of a choice."""
    target = node.targets[0]
    for value in [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]:
        if isinstance(target, ast.Name) and target.id == name:
            yield value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from (each for at, each in zip(target.elts, value.elts, strict=True) if ast.unparse(at) == name)
