"""Fills docs/judgement.md and draws its pictures from the rules themselves: `make figures`.

Between `<!-- rule: check.code -->` and `<!-- end -->` come the picture and the sentence of a rule, between
`<!-- figures: check -->` and `<!-- end -->` the thresholds of a check with their reasons, as its module has them. A new
rule is one entry in `tests.docs.rules` and one such pair of lines.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pictures import picture
from tests.docs.rules import MODULES, NOT_DRAWN, RULES
from tests.docs.tables import gates, shapes, thresholds
from trainwatch_core import schedules, stats

ROOT = Path(__file__).parent.parent.parent
DOCUMENT, PICTURES = ROOT / "docs" / "judgement.md", ROOT / "docs" / "img" / "judgement"
_BLOCK = re.compile(r"<!-- (rule|figures): ([a-z_.]+) -->\n.*?<!-- end -->", re.DOTALL)


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
    said = f"> `{name}` argues for **{rule.argues_for}** ({finding.weight}): {finding.text}"
    if name in NOT_DRAWN:
        return said
    alt = f"A run of which {check} says: {finding.text}".replace("[", "(").replace("]", ")")
    return f"![{alt}](img/judgement/{check}-{code}.png)\n\n{said}"


def _figures(name: str) -> str:
    if name == "gates":
        return gates()
    if name == "shapes":
        return shapes()
    return thresholds({"schedules": schedules, "stats": stats}.get(name) or MODULES[name])


def main() -> None:
    """Draw and fill."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in sorted(RULES.keys() - NOT_DRAWN):
        check, code = name.split(".")
        (PICTURES / f"{check}-{code}.png").write_bytes(picture(RULES[name], code))
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
