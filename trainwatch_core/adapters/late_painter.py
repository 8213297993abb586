"""Enters matplotlib's room when the first picture is painted: it costs a second."""

from __future__ import annotations

from trainwatch_core.ports import Painter
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.report.multiples import MultiplesSpec


class LatePainter:
    """A Painter that is made when it is needed."""

    def __init__(self) -> None:
        self._painter: Painter | None = None

    def paint(self, spec: ChartSpec) -> bytes:
        """The PNG of a chart.

        Raises:
            PaintError: If it cannot be drawn.
        """
        return self._entered().paint(spec)

    def paint_multiples(self, spec: MultiplesSpec) -> bytes:
        """The PNG of a digest.

        Raises:
            PaintError: If it cannot be drawn.
        """
        return self._entered().paint_multiples(spec)

    def _entered(self) -> Painter:
        if self._painter is None:
            from trainwatch_core.adapters.charts import MatplotlibPainter  # noqa: PLC0415  # entered when needed

            self._painter = MatplotlibPainter()
        return self._painter
