"""The shape of a line: which of its numbers are metrics, which say where on the axis it stands.

A line is split into its numbers and the text between them. Lines of one kind differ in the numbers only, so the
analysis of the text is done once for each kind and the result, a Layout, is reused for every line of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from trainwatch_core.adapters.sources.logs.formats import names
from trainwatch_core.adapters.sources.logs.formats.names import Sign
from trainwatch_core.model.roles import Role

# One group, so that `split` gives text, number, text, number, ..., text. Digits inside words (`top5`, `v2.1`) and after
# `#`, `@` or `.` are no numbers. It begins with one set of characters, which the engine finds fast, and goes on in one
# way only for each of them: linear.
NUMBER = re.compile(
    r"([-+.0-9nNiI](?<![\w.#@].)(?:"
    r"(?<=[0-9])[0-9]*(?:,[0-9]{3})*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
    r"|(?<=[-+])(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
    r"|(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)(?![A-Za-z_]))"
    r"|(?<=\.)[0-9]+(?:[eE][-+]?[0-9]+)?"
    r"|(?<=[nN])[aA][nN](?![A-Za-z_])"
    r"|(?<=[iI])[nN][fF](?:[iI][nN][iI][tT][yY])?(?![A-Za-z_])))"
)
# Widths make no kinds of lines: numbers are padded to columns.
PADDING = re.compile(r" {2,16}(?=[-+.0-9nNiI])")
MAX_NUMBERS = 512

# Python, not a log: trainers print their own source and settings.
_CODE = re.compile(
    r"^\s{0,64}(?:(?:def|class|import|elif|assert|raise|if|for|while) |return\b(?! ?[:=])|@|# |//)"
    r"|\bself\.|\w\(\)|[\w)\]] ?(?:==|!=|<=|>=|\+=|-=|\*\*) ?[\w(]|\bf[\"']|\bprint\d?\(|\blambda\b"
    r"|\b[A-Za-z_]\w{0,40}\([a-z_]{1,40} ?=|\w ?: (?:int|float|str|bool|list|dict|tuple|Optional)\b"
)
_DATE = re.compile(r"[\[(]?(?=[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2})")
_UNIT = re.compile(r"[a-zµ]|[A-Z]{1,4}(?![A-Za-z])|[KMGT]i?B|[A-Za-z]{1,3}/")
_INDENT = ("    ", "\t")  # as source code in a log has it
_NEST = re.compile(r"[\"']([^\"']{1,60})[\"']\s{0,4}:\s{0,4}\{|\}")
_GLUED_UNIT = re.compile(r"^[A-Za-zµ%/]{1,12} (?=\S)")
_TRAINING_BAR = re.compile(r"step|train|epoch|iter|fit", re.IGNORECASE)
_TRAIN = re.compile(r"train(?:ing)?", re.IGNORECASE)
_PARTED = frozenset({Role.TRAIN_LOSS, Role.EVAL_LOSS, Role.TRAIN_SCORE, Role.EVAL_SCORE})


class StepKind(IntEnum):
    """What says the step."""

    NAMED = 0  # step 5, iters: 100/200
    FRACTION = 1  # 5/10 without a name
    BAR = 2  # a tqdm bar, not of downloads or evaluations


@dataclass(frozen=True, slots=True)
class Layout:
    """Which number of a line is what; numbers are counted from 0.

    Attributes:
        pairs: Number and metric name.
        step: The number that says the step; -1 if none does.
        step_kind: How.
        total: The number that says how many steps there will be; -1 if none does.
        epoch: The number that says the epoch; -1 if none does.
        epochs: The number that says how many epochs there will be; -1 if none does.
        epoch_is_metric: The epoch stands in a dict beside the metrics, so it may be a fraction.
        decisive: Whether one of the metrics can matter to a verdict.
        plain: Whether the line can be believed without anything around it.
        date_at: Where an ISO date begins; -1 if the line has none.
    """

    pairs: tuple[tuple[int, str], ...] = ()
    step: int = -1
    step_kind: StepKind = StepKind.NAMED
    total: int = -1
    epoch: int = -1
    epochs: int = -1
    epoch_is_metric: bool = False
    decisive: bool = False
    plain: bool = False
    date_at: int = -1


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
    part: str = ""
    setting: bool = False  # the step has a name that settings have too

    def layout(self, date_at: int) -> Layout | None:
        """What was found; None if nothing was."""
        decisive = any(map(names.decisive, self.pairs))
        if (self.setting and not decisive) or (self.kind is StepKind.FRACTION and not self.pairs):
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
        before, after = self.texts[index], self.texts[index + 1]
        for match in _NEST.finditer(before[-4096:]):
            if match.group(1):
                self.nest.append(match.group(1))
            elif self.nest:
                self.nest.pop()
        named = names.name_before(_GLUED_UNIT.sub("", before, count=1) if index else before, after)
        if named is None:
            self._anonymous(index)
        elif not self._position(index, *named):
            self._metric(index, *named)

    def _anonymous(self, index: int) -> None:
        """A number without a name: a step if it is the first part of `5/10` in front of the metrics, or in a bar."""
        if not self.fraction(index) or self.rank > 0:
            return
        bar = self.texts[index].endswith(("| ", "|")) and self.texts[index + 2].startswith(" [")
        description = self.texts[0].strip(" :|")
        foreign = (
            bar
            and description
            and (names.PART.search(_TRAIN.sub("", description)) or not _TRAINING_BAR.search(description))
        )
        if not foreign and (bar or not self.pairs):
            self.step, self.total, self.rank = index, index + 1, 1
            self.kind = StepKind.BAR if bar else StepKind.FRACTION

    def _position(self, index: int, name: str, sign: Sign) -> bool:
        after = self.texts[index + 1]
        said = names.spoken(name)
        rank = names.step_rank(name, sign)
        if not rank and said not in names.EPOCHS and said not in names.TOTALS:
            return False
        total = index + 1 if self.fraction(index) else -1
        if after.startswith("%") or after in {":", "-", "."} or _UNIT.match(after):
            return True
        if said in names.TOTALS:
            self.total = index if self.total < 0 else self.total
        elif rank > self.rank:
            self.step, self.rank, self.kind = index, rank, StepKind.NAMED
            self.total = total if total > 0 else self.total
            self.setting = total < 0 and said in names.SETTINGS
        elif said in names.EPOCHS and self.epoch < 0:
            self.epoch, self.epochs, self.epoch_is_metric = index, total, sign is Sign.QUOTED
        return True

    def _metric(self, index: int, name: str, sign: Sign) -> None:
        before, after = self.texts[index], self.texts[index + 1]
        if sign is Sign.LIST or _no_value(after) or before.endswith("/") or self.fraction(index) or names.silent(name):
            return
        if sign is Sign.BARE and not names.decisive(name) and not ("|" in before and " " not in name):
            return
        if sign is Sign.QUOTED:
            name = ".".join((*self.nest[-4:], name))[: names.NAME_LIMIT]
        else:
            name = self._parted(name, before)
        self.pairs.setdefault(name, index)

    def _parted(self, name: str, before: str) -> str:
        """The name with the part of the data that the words before it tell: `Test net output: loss` is test/loss."""
        rest = before[: before.rfind(name)]
        found = names.PART.search(rest)
        if found and (not found.group(1).lower().startswith("train") or "|" not in rest[found.end() :]):
            self.part = found.group(1).lower()
        if (
            self.part
            and names.role_of(name) in _PARTED
            and not names.PART.search(name.replace("_", " ").replace("/", " "))
        ):
            return f"{self.part}/{name}"
        return name


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
    if len(texts) > MAX_NUMBERS or _CODE.search("0".join(texts)[:2048]):
        return None
    sketch = _Sketch(list(texts))
    for index in range(len(texts) - 1):
        sketch.add(index)
    date = _DATE.match(line)
    return sketch.layout(date.end() if date else -1)
