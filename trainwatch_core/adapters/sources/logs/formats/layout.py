"""The shape of a line: which of its numbers are metrics, which say where on the axis it stands.

A line is split into its numbers and the text between them. Lines of one kind differ in the numbers only, so the
analysis of the text is done once for each kind and the result, a Layout, is reused for every line of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

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


class StepKind(IntEnum):
    """What says the step."""

    NAMED = 0  # step 5, iters: 100/200
    FRACTION = 1  # 5/10 without a name
    BAR = 2  # a tqdm bar, not of downloads or evaluations
    LEADING = 3  # 100: loss 2.5; [100] loss=2.5; 1|100|Loss: 2.5


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
