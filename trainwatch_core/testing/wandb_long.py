"""The history of a run of millions of steps, computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableSequence
from typing import overload

Row = Mapping[str, object]


class LongRows(MutableSequence[Row]):
    """Rows that all have the same metrics; only what was planted is stored.

    Args:
        columns: Metric name to its value at the n-th row.
        count: How many rows there are.
        stride: Steps between two rows.
        planted: (n, metric) to the value that stands there instead; shared with slices.
        first: Which row of the whole is the first one.

    Attributes:
        columns: As given.
        planted: As given.
    """

    def __init__(
        self,
        columns: Mapping[str, Callable[[int], float]],
        count: int,
        *,
        stride: int = 1,
        planted: dict[tuple[int, str], float] | None = None,
        first: int = 0,
    ) -> None:
        self.columns = columns
        self.planted = {} if planted is None else planted
        self._stride = stride
        self._first = first
        self._count = count

    def grow(self, count: int) -> None:
        """Let the run log so many further rows."""
        self._count += count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        for n in range(self._first, self._first + self._count):
            yield self._row(n)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> LongRows: ...
    def __getitem__(self, index: int | slice) -> Row | LongRows:
        if isinstance(index, slice):
            start, stop, _ = index.indices(self._count)
            return LongRows(
                self.columns,
                max(0, stop - start),
                stride=self._stride,
                planted=self.planted,
                first=self._first + start,
            )
        return self._row(self._first + range(self._count)[index])

    def __setitem__(self, index: object, value: object) -> None:
        raise TypeError("plant a value instead")

    def __delitem__(self, index: object) -> None:
        raise TypeError("a long run is not taken back")

    def insert(self, index: int, value: Row) -> None:  # noqa: ARG002  # refused
        """Refused: rows are computed.

        Raises:
            TypeError: Always.
        """
        raise TypeError("let it grow instead")

    def between(self, least: int, most: int | None) -> LongRows:
        """The rows from one step on and before another one, as a database finds them: without looking at others."""
        first = max(0, -(-least // self._stride) - self._first)
        end = self._count if most is None else min(self._count, -(-most // self._stride) - self._first)
        return self[first:end]

    def kinds(self) -> dict[str, dict[str, int]]:
        """Names, kinds and counts of all metrics, as if all rows had been looked at."""
        return {name: {"number": self._count} for name in ("_step", "_timestamp", *self.columns)}

    def _row(self, n: int) -> Row:
        row: dict[str, object] = {"_step": n * self._stride, "_timestamp": 1e9 + n}
        for name, value in self.columns.items():
            row[name] = self.planted.get((n, name)) if (n, name) in self.planted else value(n)
        return row
