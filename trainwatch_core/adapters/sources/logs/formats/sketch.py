"""From the texts between the numbers of a line to its layout: each number is a position, a metric, or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.adapters.sources.logs.formats.code import is_code
from trainwatch_core.adapters.sources.logs.formats.layout import MAX_NUMBERS, Layout, StepKind
from trainwatch_core.adapters.sources.logs.formats.names import Sign
from trainwatch_core.adapters.sources.logs.formats.parts import Part
from trainwatch_core.model.line_pattern import POSITIONS
from trainwatch_core.model.roles import Role

_DATE = re.compile(r"[\[(]?(?=[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2})")
_UNIT = re.compile(r"[a-zµ]|[A-Z]{1,4}(?![A-Za-z])|[KMGT]i?B|[A-Za-z]{1,3}/")
_INDENT = ("    ", "\t")  # as source code in a log has it
_NEST = re.compile(r"[\"']([^\"']{1,60})[\"']\s{0,4}:\s{0,4}\{|\}")
_GLUED_UNIT = re.compile(r"^[A-Za-zµ%/]{1,12} (?=\S)")
_TRAINING_BAR = re.compile(r"step|train|epoch|iter|fit", re.IGNORECASE)
_TRAIN = re.compile(r"train(?:ing)?", re.IGNORECASE)
_ENTRY = re.compile(r"\]\s{1,16}[A-Za-z_][\w./\-]{0,60}(?:'s \w{1,40})?\s?[=:]\s{0,4}")  # [100] loss=
_OPENING = re.compile(r":\s|\s?[\[{|]")  # 100: loss 2.5; 100 [D loss: 0.5]; 1|100|Loss: 2.5
_VALUE_FIRST = re.compile(r" ([A-Za-z][A-Za-z ]{1,20})(?=,|$)")  # 2.5 avg loss,
# Iter(val) [50/50], [Eval batch=8/8]: how far an evaluation is, not the training
_EVALUATION = re.compile(r"\((?:val|test)\)|\b(?:eval|val|test) batch\b", re.IGNORECASE)
_RATES = frozenset({"rate", "avg"})
_PHASES = frozenset({"train", "training", "test", "val", "valid", "validation", "eval"})


@dataclass(slots=True)
class _Sketch:
    """A layout in the making."""

    texts: list[str]
    pairs: dict[str, int] = field(default_factory=dict)
    step: int = -1
    rank: int = 0
    kind: StepKind = StepKind.NAMED
    total: int = -1
    epoch: int = -1
    epochs: int = -1
    epoch_is_metric: bool = False
    nest: list[str] = field(default_factory=list)
    part: Part = field(default_factory=Part)
    carried: str = ""  # the metric that `loss at step 5: 0.5` names in front of the step
    setting: bool = False  # the step has a name that settings have too

    def layout(self, date_at: int) -> Layout | None:
        """What was found; None if nothing was."""
        decisive = any(map(names.decisive, self.pairs))
        bare = self.kind in {StepKind.FRACTION, StepKind.LEADING} and not self.pairs
        if bare or (self.setting and not decisive):
            self.step = -1
        if not self.pairs and self.step < 0 and self.epoch < 0:
            return None
        alone = len(self.pairs) == 1
        code = self.texts[0].startswith(_INDENT) or (alone and " = " in "".join(self.texts))
        return Layout(
            pairs=tuple((index, name) for name, index in self.pairs.items()),
            step=self.step,
            step_kind=self.kind,
            total=self.total,
            epoch=self.epoch,
            epochs=self.epochs,
            epoch_is_metric=self.epoch_is_metric,
            decisive=decisive,
            plain=not code and any(map(names.plain, self.pairs)),
            date_at=date_at,
        )

    def fraction(self, index: int) -> bool:
        """Whether number `index` is followed by `/` and another number, and is no date."""
        texts = self.texts
        if index + 2 >= len(texts) or texts[index + 1].strip() != "/" or texts[index].endswith("/"):
            return False
        follows = texts[index + 2]
        clock = not follows.strip() and index + 3 < len(texts) and texts[index + 3] == ":"
        return not follows.startswith("/") and not clock

    def add(self, index: int) -> None:
        """Look at one number."""
        before, after = self.texts[index], self.texts[index + 1]
        for match in _NEST.finditer(before[-4096:]):
            if match.group(1):
                self.nest.append(match.group(1))
            elif self.nest:
                self.nest.pop()
        named = names.name_before(_GLUED_UNIT.sub("", before, count=1) if index else before, after)
        if named is None:
            self._anonymous(index)
        elif self._position(index, *named):
            self.part.pass_by(before)
        else:
            self._metric(index, *named)

    def _anonymous(self, index: int) -> None:
        """A number without a name: one that a step has parted from its name, a step, or the front of `2.5 loss`."""
        before, after = self.texts[index], self.texts[index + 1]
        near = index <= max(self.step, self.epoch) + 2
        if self.carried and near and not before.strip(" :=") and not _no_value(after):
            self.pairs.setdefault(self.carried, index)
            self.carried = ""
        elif self.fraction(index):
            self._fraction(index)
            self.part.pass_by(before)
        elif not self.pairs and self._leading(index):
            self._found(index, StepKind.LEADING)
        elif self.kind is StepKind.LEADING and (told := _VALUE_FIRST.match(after)):
            name = told.group(1)
            if names.decisive(name) or name in _RATES:
                self.pairs.setdefault(name, index)

    def _leading(self, index: int) -> bool:
        before, after = self.texts[index], self.texts[index + 1]
        second = self.kind is StepKind.LEADING and before == after[:1] == "|"
        first = index == 0 and not before.strip() and _OPENING.match(after)
        entry = before.endswith("[") and _ENTRY.fullmatch(after)
        return bool(second or (not self.rank and (first or entry)))

    def _fraction(self, index: int) -> None:
        """`5/10` in front of the metrics, or in a bar. Of `[1/20][5/10]` the first is the epoch."""
        bar = self.texts[index].endswith(("| ", "|")) and self.texts[index + 2].startswith(" [")
        description = self.texts[0].strip(" :|")
        foreign = (
            bar
            and description
            and (names.PART.search(_TRAIN.sub("", description)) or not _TRAINING_BAR.search(description))
        )
        if not bar and _EVALUATION.search("".join(self.texts[: index + 1])):
            return
        paired = self.kind is StepKind.FRACTION and self.texts[index].strip() == "][" and index == self.total + 1
        if not foreign and (paired or not self.rank) and (bar or not self.pairs):
            self._found(index, StepKind.BAR if bar else StepKind.FRACTION)

    def _found(self, index: int, kind: StepKind) -> None:
        """A step without a name. What was one before it is the epoch."""
        if self.rank and self.epoch < 0:
            self.epoch, self.epochs = self.step, self.total
        self.step, self.rank, self.kind = index, 1, kind
        self.total = index + 1 if kind is not StepKind.LEADING else -1

    def _position(self, index: int, name: str, sign: Sign) -> bool:
        after = self.texts[index + 1]
        said, carried = names.told_position(name) or (names.spoken(name), "")
        if said in _PHASES and (sign is Sign.LIST or after.lstrip().startswith("[")):
            return self._phase(index, said, sign)
        total = index + 1 if self.fraction(index) else -1
        rank = 0 if names.clock(name) else names.step_rank(said, sign)
        if not rank and said not in names.EPOCHS and said not in names.TOTALS and not (said == "epochs" and total > 0):
            return False
        if total > 0 and _EVALUATION.search(self.texts[index]):
            return True
        if after.startswith("%") or after in {":", "-", "."} or _UNIT.match(after):
            return True
        if said in names.TOTALS:
            self.total = index if self.total < 0 else self.total
        elif rank > self.rank:
            self.step, self.rank, self.kind, self.carried = index, rank, StepKind.NAMED, carried
            self.total = total if total > 0 else self.total
            self.setting = total < 0 and said in names.SETTINGS
        elif (said in names.EPOCHS or said == "epochs") and self.epoch < 0:
            self.epoch, self.epochs, self.epoch_is_metric = index, total, sign is Sign.QUOTED
            self.carried = carried
        return True

    def _phase(self, index: int, said: str, sign: Sign) -> bool:
        """`Train: [ 10/100]` is a step, `Train: 5 [ 10/100]` an epoch; those of evaluations tell nothing."""
        if not said.startswith("train"):
            return True
        if sign is Sign.LIST and self.fraction(index):
            self._fraction(index)
        elif sign is not Sign.LIST and self.epoch < 0:
            self.epoch = index
        return True

    def _metric(self, index: int, name: str, sign: Sign) -> None:
        before, after = self.texts[index], self.texts[index + 1]
        if self.fraction(index):
            self.part.pass_by(before)
            return
        if _no_value(after) or before.endswith("/") or names.silent(name):
            return
        if sign is Sign.LIST and not _first_of_list(name, after):
            return
        if (
            sign is Sign.BARE
            and not names.decisive(name)
            and (" " in name or ("|" not in before and " : " not in before))
        ):
            return
        if sign is Sign.QUOTED:
            name = ".".join((*self.nest[-4:], name))[: names.NAME_LIMIT]
        else:
            name = self.part.named(name, before)
        self.pairs.setdefault(name, index)


def _first_of_list(name: str, after: str) -> bool:
    """Whether a number in `name=[0.5, ...]` is a metric: a list of one, or the learning rate of the first group."""
    return names.role_of(name) is Role.LEARNING_RATE or (after.startswith("]") and names.decisive(name))


def _no_value(after: str) -> bool:
    """Whether what follows a number makes it part of a date, a time, an address, a version or a size."""
    return (
        after in {":", "-", "."}
        or after.startswith("%|")
        or (after[:1] == "." and after[1:2].isdigit())
        or bool(_UNIT.match(after))
    )


def layout_of(texts: tuple[str, ...], line: str) -> Layout | None:
    """The layout of all lines with these texts between their numbers.

    Args:
        texts: n + 1 texts around n numbers.
        line: One such line, for the place of its date.

    Returns:
        None if nothing is to be learnt from such lines.
    """
    if len(texts) > MAX_NUMBERS or is_code("0".join(texts)):
        return None
    sketch = _Sketch(list(texts))
    for index in range(len(texts) - 1):
        sketch.add(index)
    date = _DATE.match(line)
    return sketch.layout(date.end() if date else -1)


def layout_of_fields(fields: tuple[str, ...]) -> Layout:
    """The layout of a person's own pattern with these fields."""
    at = {name: fields.index(name) if name in fields else -1 for name in POSITIONS}
    return Layout(
        tuple((index, name) for index, name in enumerate(fields) if name not in POSITIONS),
        step=at["step"],
        total=at["total_steps"],
        epoch=at["epoch"],
        decisive=True,
        plain=True,
    )
