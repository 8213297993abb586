"""Pictures: what a person sees, told by pixels."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainwatch_core.adapters.charts import MatplotlibPainter
from trainwatch_core.model.errors import PaintError
from trainwatch_core.ports import Painter
from trainwatch_core.report.canvas import HEIGHT, WIDTH, Colour
from trainwatch_core.report.chart import ChartSpec
from trainwatch_core.testing.pictures import SAMPLES

Pixels = NDArray[np.int16]


@pytest.fixture(scope="module")
def painter() -> Painter:
    """One painter for all, as in a process that paints many pictures."""
    return MatplotlibPainter()


@pytest.fixture(autouse=True)
def _strict() -> Iterator[None]:
    """A warning of the drawing library (a missing glyph, an overflow) is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def _pixels(png: bytes) -> Pixels:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(np.int16)


def _near(pixels: Pixels, colour: Colour, reach: int = 12) -> NDArray[np.bool_]:
    wanted = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])
    return np.asarray((np.abs(pixels - wanted) <= reach).all(axis=2))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_run_has_a_picture(painter: Painter, name: str) -> None:
    """F-P01, F-P02: 1200 x 800 pixels on solid white with a margin, and something in it, whatever the run logged."""
    pixels = _pixels(painter.paint(SAMPLES[name]().spec()))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    edges = (pixels[:14], pixels[-14:], pixels[:, :14], pixels[:, -14:])
    assert all((edge == 255).all() for edge in edges)
    assert 0.004 < (pixels != 255).any(axis=2).mean() < 0.75


def test_parts_of_a_diverged_run_are_seen(painter: Painter) -> None:
    """Loss in blue, crosses and the anomaly in vermilion, what is new in sky blue, all in their places."""
    pixels = _pixels(painter.paint(SAMPLES["diverged to nan"]().spec()))
    shaded = np.array([248, 227, 212])
    assert (np.abs(pixels - shaded) <= 6).all(axis=2).sum() > 8000
    assert _near(pixels, Colour.BLUE).sum() > 2000
    assert _near(pixels, Colour.SKY).sum() > 300
    crosses = np.argwhere(_near(pixels, Colour.VERMILION)[180:220])
    assert len(crosses) > 200
    assert crosses[:, 1].min() > 800


def test_healthy_part_of_a_diverged_run_is_no_flat_line(painter: Painter) -> None:
    """Of a loss that went to 10^13, the fall from 10 to 2.3 before spans at least 80 pixels."""
    blue = _near(_pixels(painter.paint(SAMPLES["exploded"]().spec())), Colour.BLUE)
    rows = np.flatnonzero(blue[180:510, 150:780].any(axis=1))
    assert np.ptp(rows) >= 80


def test_forecast_is_a_pale_fan_with_a_broken_line_where_the_run_has_not_been(painter: Painter) -> None:
    """In the colour of its metric, from now to the planned end; what is new is tinted up to now only."""
    spec = SAMPLES["foretold to miss"]().spec()
    assert spec.top.fan is not None
    bare = replace(spec, top=replace(spec.top, fan=None))
    pixels, without = _pixels(painter.paint(spec)), _pixels(painter.paint(bare))
    ahead = (pixels != without).any(axis=2)[180:510, :900]
    columns = np.flatnonzero(ahead.any(axis=0))
    assert columns.min() > 480
    assert np.ptp(columns) > 380
    assert _near(pixels, Colour.GREEN)[180:510, 560:890].any(axis=0).mean() > 0.4
    tint = (np.abs(pixels - np.array([228, 241, 251])) <= 6).all(axis=2)[180:510]
    assert tint[:, 420:500].any(axis=0).sum() > 20
    assert not tint[:, 520:890].any()


def test_old_spike_is_seen(painter: Painter) -> None:
    """One value of 30 in a million, folded into a bucket, is a pale peak high above the curve."""
    pixels = _pixels(painter.paint(SAMPLES["million"]().spec()))
    column = pixels[225:400, 440:460]
    assert (column[:, :, 2] - column[:, :, 0] > 40).any(axis=1).mean() > 0.9


def test_picture_on_a_phone_still_shows_its_parts(painter: Painter) -> None:
    """At 360 pixels width the thick line and the title are still there."""
    with Image.open(io.BytesIO(painter.paint(SAMPLES["healthy"]().spec()))) as image:
        small = np.asarray(image.convert("RGB").resize((360, 240), Image.Resampling.LANCZOS)).astype(np.int16)
    assert _near(small, Colour.BLUE, 60).sum() > 100
    assert (small[8:28, 8:190] < 90).all(axis=2).sum() > 100


def test_name_of_a_hundred_thousand_characters_costs_nothing(painter: Painter) -> None:
    """F-P01: such a title took 22 seconds; it is cut before it is drawn, even where a spec was made by hand."""
    spec = replace(SAMPLES["two points"]().spec(), run="x" * 100_000, title="Loss " * 20_000)
    began = time.perf_counter()
    painter.paint(spec)
    assert time.perf_counter() - began < 15


def test_dollar_signs_are_no_mathematics(painter: Painter) -> None:
    """F-P01: a name of dollar signs and backslashes is drawn as it is written."""
    spec = SAMPLES["two points"]().spec()
    for text in (r"$\frac{$", "$x^2$", r"\badcommand$$"):
        painter.paint(replace(spec, title=text, run=text, progress=text))
    plain, maths = (_pixels(painter.paint(replace(spec, title=text))) for text in ("x", "$x$"))
    assert not np.array_equal(plain, maths)


def test_characters_without_a_glyph_are_squares(painter: Painter) -> None:
    """F-P01: emoji, Chinese and half a surrogate pair are drawn as squares, without a warning."""
    spec = SAMPLES["two points"]().spec()
    strange, squares = (_pixels(painter.paint(replace(spec, run=text))) for text in ("漢🔥\ud800\x00", "□□□□"))
    assert np.array_equal(strange, squares)


def test_what_cannot_be_drawn_is_said_so(painter: Painter) -> None:
    """A spec that contradicts itself raises the error that a report survives, and the next picture is drawn."""
    spec = SAMPLES["two points"]().spec()
    line = replace(spec.top.lines[0], steps=np.arange(3.0))
    with pytest.raises(PaintError, match="could not be drawn"):
        painter.paint(replace(spec, top=replace(spec.top, lines=(line,))))
    painter.paint(spec)


def test_painter_leaves_nothing_of_the_picture_before(painter: Painter) -> None:
    """The figure is used again; the picture is the same as a new painter's."""
    spec = SAMPLES["two points"]().spec()
    painter.paint(SAMPLES["healthy"]().spec())
    assert painter.paint(spec) == MatplotlibPainter().paint(spec)


def test_pictures_painted_from_many_threads_are_the_same() -> None:
    """F-P03: eight threads with two painters draw what one draws."""
    specs = [SAMPLES[name]().spec() for name in ("two points", "constant", "resumed", "only nan")] * 4
    painters = [MatplotlibPainter(), MatplotlibPainter()]
    alone = [painters[0].paint(spec) for spec in specs]

    def paint(number: int) -> bytes:
        return painters[number % 2].paint(specs[number])

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(paint, range(len(specs))))
    assert together == alone


def test_settings_of_the_user_change_no_picture(painter: Painter) -> None:
    """A matplotlibrc that asks for LaTeX, another resolution or a tight frame does not reach a report."""
    spec = SAMPLES["two points"]().spec()
    mine: dict[Any, Any] = {
        "text.usetex": True,
        "savefig.bbox": "tight",
        "savefig.dpi": 300,
        "figure.dpi": 50,
        "font.family": "monospace",
        "lines.linewidth": 40,
        "text.parse_math": True,
    }
    with mpl.rc_context(mine):
        theirs = MatplotlibPainter().paint(spec)
    assert theirs == painter.paint(spec)


def test_pyplot_is_never_entered() -> None:
    """F-P03: pyplot keeps figures and is not safe in threads; painting does not import it."""
    code = (
        "import sys; from trainwatch_core.adapters.charts import MatplotlibPainter;"
        "from trainwatch_core.testing.pictures import SAMPLES;"
        "MatplotlibPainter().paint(SAMPLES['two points']().spec()); print('matplotlib.pyplot' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.strip() == "False"


def test_picture_is_small_enough_to_send(painter: Painter) -> None:
    """A picture stays under 300 kB."""
    spec: ChartSpec = SAMPLES["million"]().spec()
    assert len(painter.paint(spec)) < 300_000
