"""Where on the axis a line stands: an explicit step, else the epoch, else the count of lines. Never guesses twice.

The finest axis that a log shows wins from then on: a line without a step stands at the last one read. Steps that begin
anew in each epoch are added up. A step that goes back without a new epoch is a resume and stays as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from trainwatch_core.adapters.sources.logs.formats.layout import Layout, StepKind

_AHEAD = 1.05  # how far steps may be ahead of the epochs before they cannot be steps of the whole run
_LARGEST = 1e15  # a "step" beyond this is a timestamp or nonsense


class Axis(IntEnum):
    """What the steps of a log are."""

    UNKNOWN = 0
    EPOCH = 1
    COUNT = 2
    STEP = 3


@dataclass(slots=True)
class Place:
    """Where reading stands on the axis. Mutable for speed: each reader moves its own copy.

    Attributes:
        axis: What the steps are.
        step: The last one.
        raw: The last one as printed, before steps of earlier epochs were added.
        base: What those are.
        epoch: The last epoch from a line that names one; None if there was none.
        first_epoch: Whether epochs are counted from 0 or 1.
        step_epoch: The epoch in which `raw` was read.
        per_epoch: Whether printed steps begin anew in each epoch; None while that is not known.
        bar_total: The largest total of a bar without a name; smaller bars belong to evaluations.
        named: Whether the log calls its steps by a name.
        total: How many steps there will be, as printed (in an epoch, if `per_epoch`); None if unknown.
        epochs: How many epochs there will be; None if unknown.
    """

    axis: Axis = Axis.UNKNOWN
    step: float = 0.0
    raw: float = 0.0
    base: float = 0.0
    epoch: float | None = None
    first_epoch: float = 1.0
    step_epoch: float | None = None
    per_epoch: bool | None = None
    bar_total: float = 0.0
    named: bool = False
    total: float | None = None
    epochs: float | None = None

    @property
    def known(self) -> bool:
        """Whether the log has ever said where it stands."""
        return self.axis in {Axis.EPOCH, Axis.STEP} or self.epoch is not None

    @property
    def counts_steps(self) -> bool:
        """Whether the log says its steps, and they do not begin anew in each epoch."""
        return self.axis is Axis.STEP and not self.per_epoch

    @property
    def planned(self) -> float | None:
        """The planned length on this axis; None if the log does not say it."""
        if self.axis is Axis.EPOCH:
            return self.epochs
        if self.axis is not Axis.STEP or self.total is None:
            return None
        if self.per_epoch:
            return self.total * self.epochs if self.epochs else None
        return self.total if self.per_epoch is False or self.epoch is None or self.named else None

    def count(self) -> None:
        """Go one further: nothing on the line tells its place, or tells it too coarsely."""
        self.axis = Axis.COUNT
        self.step += 1.0

    def move(self, layout: Layout, numbers: list[str]) -> None:
        """Go to the place of a line, given its numbers as printed."""
        epoch = _read(numbers, layout.epoch) if layout.epoch >= 0 else None
        if epoch is not None and not layout.epoch_is_metric:
            self._enter(epoch, _read(numbers, layout.epochs))
        step = _read(numbers, layout.step) if layout.step >= 0 else None
        if step is not None:
            total = _read(numbers, layout.total) if layout.total >= 0 else None
            if total is not None and (total <= 0 or step > total):
                total = None
            if self._counts(layout.step_kind, total):
                self._reach(step, total, layout.step_kind)
                return
        if epoch is not None and self.axis in {Axis.UNKNOWN, Axis.EPOCH}:
            self.axis, self.step = Axis.EPOCH, epoch

    def go_on(self, steps: list[float], totals: set[float]) -> list[float] | None:
        """Go along the steps of lines like the last one, without epochs.

        Args:
            steps: As printed.
            totals: How many there will be, as printed beside them; empty if nowhere.

        Returns:
            The steps; None, and no move, where each line must be looked at for itself.
        """
        if self.axis is not Axis.STEP or not self.named or not 0 <= min(steps) <= max(steps) <= _LARGEST:
            return None
        if totals and (totals != {self.total} or max(steps) > max(totals)):
            return None
        found = [self.base + step for step in steps] if self.base else steps
        self.step, self.raw = found[-1], steps[-1]
        return found

    def stay(self, count: int, epochs: list[float]) -> list[float] | None:
        """Go along lines like the last one that name no step, and at most an epoch beside the metrics.

        Args:
            count: How many lines.
            epochs: One a line, as printed; empty if nowhere.

        Returns:
            The steps; None, and no move, where each line must be looked at for itself.
        """
        if self.axis is Axis.STEP:
            return [self.step] * count
        if self.axis is Axis.COUNT:
            found = [self.step + further for further in range(1, count + 1)]
        elif self.axis is Axis.EPOCH and epochs and _rising([self.step, *epochs]) and epochs[-1] <= _LARGEST:
            found = epochs
        else:
            return None
        self.step = found[-1]
        return found

    def _enter(self, epoch: float, epochs: float | None) -> None:
        self.first_epoch = (0.0 if epoch < 1 else 1.0) if self.epoch is None else min(self.first_epoch, epoch)
        self.epoch, self.epochs = epoch, epochs or self.epochs

    def _counts(self, kind: StepKind, total: float | None) -> bool:
        """Whether what looks like a step is one of the training."""
        if kind in {StepKind.NAMED, StepKind.LEADING}:
            return True
        if total is None:
            return False
        return kind is StepKind.FRACTION or self.epoch is not None or total >= self.bar_total

    def _reach(self, step: float, total: float | None, kind: StepKind) -> None:
        if self.epoch is not None:
            self._rebase(self.epoch, step, total)
        self.axis, self.step, self.raw, self.named = Axis.STEP, self.base + step, step, kind is StepKind.NAMED
        if total is not None:
            self.total = total
            if kind is StepKind.BAR:
                self.bar_total = max(self.bar_total, total)

    def _rebase(self, epoch: float, step: float, total: float | None) -> None:
        """Find what earlier epochs add to a printed step. `per_epoch` once seen stays."""
        further = 0.0 if self.step_epoch is None else epoch - self.step_epoch
        if not self.per_epoch:
            if further > 0:
                self.per_epoch = step <= self.raw
            elif total and self.epochs and step / total > _AHEAD * (epoch - self.first_epoch + 1) / self.epochs:
                self.per_epoch = True
        if self.per_epoch and total is not None:
            self.base = (epoch - self.first_epoch) * total
        elif self.per_epoch and further > 0:
            self.base += self.raw
        elif further < 0:
            self.base = 0.0
        self.step_epoch = epoch


def _rising(steps: list[float]) -> bool:
    return all(earlier < later for earlier, later in pairwise(steps))


def _read(numbers: list[str], index: int) -> float | None:
    if index < 0:
        return None
    value = number(numbers[index])
    return value if math.isfinite(value) and 0 <= value <= _LARGEST else None


def number(text: str) -> float:
    """A number as `layout.NUMBER` finds it; `12,345` is 12345."""
    try:
        return float(text)
    except ValueError:
        return float(text.replace(",", ""))
