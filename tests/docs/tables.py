"""Tables of docs/judgement.md, read off the code: thresholds with their reasons, gates, schedules."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from types import ModuleType

from tests.docs.shapes import SCHEDULES
from trainwatch_core.model.numbers import say
from trainwatch_core.model.watch import Policy
from trainwatch_core.schedules import infer_schedule
from trainwatch_core.testing.histories import history_of

_NAMES = re.compile(r"\b_?[A-Z][A-Z_]*\b")
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$", re.MULTILINE)


def thresholds(module: ModuleType) -> str:
    """A row for each assignment of numbers: names, values, and the docstring below it.

    Raises:
        LookupError: If there is none below: a threshold has a reason.
    """
    rows = [(", ".join(f"`{name}` {_said(value)}" for name, value in named), why) for named, why in _reasons(module)]
    return _table(("threshold", "what it is, and why so"), rows) if rows else "No thresholds."


def _reasons(module: ModuleType) -> Iterator[tuple[Sequence[tuple[str, float]], str]]:
    body = ast.parse(inspect.getsource(module)).body
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if not isinstance(node, ast.Assign):
            continue
        names = _NAMES.findall(ast.unparse(node.targets[0]))
        named = [(name, getattr(module, name)) for name in names if isinstance(getattr(module, name), int | float)]
        if named:
            yield named, _docstring(after, f"{module.__name__}: {names}")


def _docstring(node: ast.stmt, of: str) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    raise LookupError(f"{of} has no reason below it")


def gates() -> str:
    """The fields of the policy, their defaults, and what they are."""
    meanings = dict(_ATTRIBUTE.findall(inspect.cleandoc(Policy.__doc__ or "")))
    defaults = Policy()
    rows = [(f"`{name}`", _said(getattr(defaults, name)), meanings[name]) for name in Policy.__slots__]
    return _table(("`[watch.policy]`", "default", "what it is"), rows)


def shapes() -> str:
    """The schedules that are recognised.

    Raises:
        LookupError: If the rates that go with one are taken for another.
    """
    rows = []
    for shape, (how, rates) in SCHEDULES.items():
        found = infer_schedule(history_of({"lr": rates}).series["lr"])
        if found is None or found.shape is not shape:
            raise LookupError(f"the rates of {shape} are taken for {found}")
        rows.append((str(shape), how))
    return _table(("schedule", "how it is recognised"), rows)


def _said(value: float) -> str:
    return say(value, 3)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
