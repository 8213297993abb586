"""Which part of the data the metrics of a line are of: training, validation, a last evaluation."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.model.roles import Role

_EVALUATED = re.compile(r"Saving dict for|^ ?\* ")  # what frameworks print of an evaluation without saying so
_APART = re.compile(r"(?<![\w./\-])((?:final|best)(?:_\w{1,60})?)(?![\w./\-])", re.IGNORECASE)
_PARTED = frozenset({Role.TRAIN_LOSS, Role.EVAL_LOSS, Role.TRAIN_SCORE, Role.EVAL_SCORE})


@dataclass(slots=True)
class Part:
    """What the words of a line have said so far.

    Attributes:
        word: `val`, `test`, ...; empty if none was said.
        apart: `final`, `best_model`, ...: a record beside the series of the same name.
    """

    word: str = ""
    apart: str = ""

    def pass_by(self, text: str) -> None:
        """Words in front of a position: `Test: [ 10/196]`. That it is training needs no saying."""
        if _EVALUATED.search(text):
            self.word = "eval"
        if found := names.PART.search(text):
            word = _said(found)
            self.word = "" if word.startswith("train") else word

    def named(self, name: str, before: str) -> str:
        """The full name of a metric: `Test net output: loss` is test/loss, `final_x val_loss` is final_x/val_loss.

        Args:
            name: As it stands there.
            before: What stands in front of its value.
        """
        rest = before[: before.rfind(name)]
        found = names.PART.search(rest)
        if found and (not found.group(1).lower().startswith("train") or "|" not in rest[found.end() :]):
            self.word = _said(found)
        elif _EVALUATED.search(rest):
            self.word = "eval"
        if label := _APART.search(rest):
            self.apart = label.group(1)
        own = names.PART.match(name)
        if own and name[own.end() : own.end() + 1] == " ":  # train Loss: 0.5 Acc: 0.8
            self.word = _said(own)
        if names.role_of(name) not in _PARTED:
            return name
        if self.word and not names.PART.search(name.replace("_", " ").replace("/", " ")):
            name = f"{self.word}/{name}"
        return f"{self.apart}/{name}" if self.apart else name


def _said(found: re.Match[str]) -> str:
    word = found.group(1).lower()
    return "val" if word == "cv" else word
