"""Fills docs/judgement.md and draws its pictures from the rules themselves: `make figures`.

Between `<!-- rule: check.code -->` and `<!-- end -->` come the picture and the sentence of a rule, between
`<!-- figures: check -->` and `<!-- end -->` the thresholds of a check, as its module has them.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from PIL import Image

from tests.docs.rules import RULES, Rule
from trainwatch_core import schedules
from trainwatch_core.adapters.charts import MatplotlibPainter
from trainwatch_core.checks import blind, stale
from trainwatch_core.model.finding import Decision, Weight
from trainwatch_core.model.verdict import Verdict
from trainwatch_core.model.watch import Policy
from trainwatch_core.report.charting import compose_chart

ROOT = Path(__file__).parent.parent.parent
DOCUMENT, PICTURES = ROOT / "docs" / "judgement.md", ROOT / "docs" / "img" / "judgement"
MODULES = {module.__name__.rpartition(".")[2]: module for module in [*(r.check for r in RULES.values()), blind, stale]}
_WIDTH, _COLOURS = 640, 48
_BLOCK = re.compile(r"<!-- (rule|figures): ([a-z_.]+) -->\n.*?<!-- end -->", re.DOTALL)


def codes_of(module: ModuleType) -> Iterator[str]:
    """The codes that a check can give, as its source says."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"Finding", "_finding", "_wait"}
        ):
            yield from _words(node.args[:4])
        if isinstance(node, ast.Assign):
            for value in [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]:
                yield from _words([each for name, each in _pairs(node.targets[0], value) if name == "code"])


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Each assigned name and what it is set to."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from ((ast.unparse(name), each) for name, each in zip(target.elts, value.elts, strict=True))
    else:
        yield ast.unparse(target), value


def _words(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        for each in choices:
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and re.fullmatch(r"[a-z_]+", each.value):
                yield each.value


def filled(text: str) -> str:
    """The document with every block as the code says now."""

    def block(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        inside = _rule(name) if kind == "rule" else _figures(name)
        return f"<!-- {kind}: {name} -->\n{inside}\n<!-- end -->"

    return _BLOCK.sub(block, text)


def _rule(name: str) -> str:
    check, code = name.split(".")
    rule = RULES[name]
    _, finding = rule.finding(code)
    alt = f"A run of which {check} says: {finding.text}".replace("[", "(").replace("]", ")")
    return f"![{alt}](img/judgement/{check}-{code}.png)\n\n> `{name}`, **{rule.argues_for}**: {finding.text}"


def _figures(name: str) -> str:
    if name == "gates":
        policy = Policy()
        rows = [f"`{each}` {getattr(policy, each):g}" for each in policy.__slots__]
        return f"Defaults: {', '.join(rows)}."
    module = schedules if name == "schedules" else MODULES[name]
    values = [(key, value) for key, value in vars(module).items() if key.isupper() and isinstance(value, int | float)]
    own = [f"`{key}` {value:g}" for key, value in values if f"{key}" in _assigned(module)]
    return f"Figures: {', '.join(own)}." if own else "No figures."


def _assigned(module: ModuleType) -> set[str]:
    names = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Assign):
            names |= set(re.findall(r"\w+", ast.unparse(node.targets[0])))
    return names


def picture(rule: Rule, code: str) -> bytes:
    """A PNG as the report of such a run would show it, small.

    Raises:
        LookupError: If the rule does not speak, or nothing can be drawn.
    """
    view, finding = rule.finding(code)
    # A word is shaded here as a reason to wait would be in a report, so that it can be seen.
    shown = replace(finding, argues_for=Decision.WAIT, weight=Weight.SOFT) if finding.weight is Weight.INFO else finding
    verdict = Verdict(finding.argues_for, (shown,))
    spec = compose_chart(view, verdict, last_check_step=None, run_name="made up")
    if spec is None:
        raise LookupError(f"{code}: there is nothing to draw")
    image = Image.open(io.BytesIO(MatplotlibPainter().paint(spec))).convert("RGB")
    small = image.resize((_WIDTH, _WIDTH * image.height // image.width), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    """Draw and fill."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, rule in RULES.items():
        check, code = name.split(".")
        (PICTURES / f"{check}-{code}.png").write_bytes(picture(rule, code))
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
