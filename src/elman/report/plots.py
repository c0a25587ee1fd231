"""Plots from figure data, with matplotlib's objects alone: no pyplot, no display, no global state."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import atomic
from elman.errors import MissingDependencyError, RunFolderError
from elman.learning.figure import Array, Drawing, Figure, Gallery, HeatMaps, Line, Matrix
from elman.report.maps import draw_maps
from elman.report.panels import draw_gallery, draw_matrix
from elman.report.style import INK, MUTED, RC, SHADE, SHORT, Look, looks, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.patches import Patch
    from matplotlib.ticker import ScalarFormatter

WIDTH, HEIGHT, DOTS = 9.0, 4.6, 130  # inches, inches, dots per inch
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML has not
_CHARACTER = 0.0088  # width of a mark's character as a share of the axes: enough to keep labels apart


def draw(figure: Drawing, path: Path | str) -> Path:
    """Draws ``figure`` into a PNG file; the same data give the same bytes.

    Args:
        figure: what to draw.
        path: the file; its folder exists.

    Returns:
        ``path``.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        RunFolderError: the file cannot be written.

    >>> import tempfile
    >>> line = Line("model", np.arange(3), np.array([1.0, 0.5, 0.4]), "model")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw(Figure("loss", "Learning curve", "epoch", "loss", (line,)), Path(folder) / "loss.png").read_bytes()[:4]
    b'\\x89PNG'
    """
    drawn = io.BytesIO()
    with _surroundings():
        # Without the entry that names matplotlib's version.
        _build(figure).savefig(drawn, format="png", metadata={"Software": None})
    atomic.write_bytes(path, drawn.getvalue())
    return Path(path)


def svg(figure: Drawing) -> str:
    """``figure`` as the text of an SVG file, its words as text in the reader's fonts; the same data give the same text.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    drawn = io.StringIO()
    with _surroundings():
        nameless = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        _build(figure).savefig(drawn, format="svg", metadata=nameless)
    return _NO_XML.sub("\ufffd", drawn.getvalue())


def draw_all(figures: Iterable[Drawing], folder: Path | str) -> list[Path]:
    """Draws each figure into ``folder``, which is made if need be, as ``<name>.png``; returns the paths in order.

    Raises:
        MissingDependencyError, RunFolderError: as :func:`draw`.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    return [draw(figure, folder / f"{figure.name}.png") for figure in figures]


def build(figure: Drawing) -> Canvas:
    """The matplotlib figure that :func:`draw` saves, for a notebook or for changing it by hand.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with _surroundings():
        return _build(figure)


@contextmanager
def _surroundings() -> Iterator[None]:
    """matplotlib's own defaults and our style while drawing; the caller's settings are restored."""
    try:
        import matplotlib.style
    except ImportError:
        raise MissingDependencyError("matplotlib", "drawing pictures", "train") from None
    with matplotlib.style.context(["default", RC]), warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, without a warning for each.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def _build(figure: Drawing) -> Canvas:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    canvas = Canvas(figsize=(WIDTH, HEIGHT), dpi=DOTS, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06))
    FigureCanvasAgg(canvas)
    if isinstance(figure, Matrix):
        draw_matrix(canvas, figure)
    elif isinstance(figure, Gallery):
        draw_gallery(canvas, figure)
    elif isinstance(figure, HeatMaps):
        draw_maps(canvas, figure)
    else:
        _curves(canvas, figure)
    return canvas


def _curves(canvas: Canvas, figure: Figure) -> None:
    axes = canvas.add_subplot()
    roles = Counter(line.role for line in figure.lines)
    for line, look in zip(figure.lines, looks(figure.lines), strict=True):
        _line(axes, line, look, several=line.role in ("model", "other") and roles[line.role] > 1)
    shades = [axes.axvspan(begin, end, color=SHADE, linewidth=0, zorder=0.5) for begin, end in figure.shaded]
    _scales(axes, figure)
    above = _marks(axes, figure)
    _words(canvas, axes, figure, above, shades[:1])


def _line(axes: Axes, line: Line, look: Look, several: bool) -> None:
    x, y = np.asarray(line.x), _finite(line.y)
    shown = _shown(np.isfinite(y), several)
    axes.plot(
        x,
        y,
        color=look.colour,
        linewidth=look.width,
        linestyle=look.dashes,
        marker=look.marker if len(shown) else None,
        markersize=3.6 if len(shown) <= 20 else 2.8,
        markeredgewidth=1,
        markerfacecolor="white" if line.role == "baseline" else look.colour,
        markevery=shown.tolist(),
        zorder=look.order,
    )
    if line.lower is not None and line.upper is not None:
        lower, upper = _finite(line.lower), _finite(line.upper)
        axes.fill_between(x, lower, upper, color=look.colour, alpha=0.18, linewidth=0, zorder=look.order - 1)


def _shown(known: Array, several: bool) -> Array:
    """Which points get a marker: all of a short line, and those without neighbours, which would be invisible.

    Of ``several`` long lines that differ in nothing but colour, also a few points each, for print in grey.
    """
    if known.sum() <= SHORT:
        return np.flatnonzero(known)
    shown = known & ~np.append(False, known[:-1]) & ~np.append(known[1:], False)
    if several:
        places = np.flatnonzero(known)
        shown[places[len(places) // 16 :: len(places) // 8]] = True
    return np.flatnonzero(shown)


def _scales(axes: Axes, figure: Figure) -> None:
    from matplotlib import dates, ticker

    places = [np.asarray(line.x) for line in figure.lines]
    if any(x.dtype.kind == "M" for x in places):
        # The margins of tree rings since the year 1 would lie before there are dates.
        first, last = dates.date2num(np.array(["0001-01-01", "9999-12-31"], dtype="datetime64[s]"))
        left, right = axes.get_xlim()
        axes.set_xlim(max(left, first), min(right, last))
        locator = dates.AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    elif figure.x_scale == "log" and places and all((x > 0).all() for x in places):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(_short))
    else:
        axes.xaxis.set_major_formatter(_in_full())
        if all(x.dtype.kind in "iu" for x in places):
            left, right = axes.get_xlim()
            if right - left < 1:  # a single step: room for its number alone
                axes.set_xlim(left - 0.5, right + 0.5)
            axes.xaxis.set_major_locator(ticker.MaxNLocator(12, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    values = np.concatenate([_finite(line.y) for line in figure.lines] or [np.zeros(0)])
    if figure.y_scale == "log" and (values > 0).any():  # otherwise there is no positive value for the axis
        above = values[values > 0]
        decades = np.log10(above.max() / above.min())
        axes.set_yscale("log", nonpositive="mask")
        few = ticker.LogLocator(subs=(1, 2, 5)) if decades < 3 else ticker.LogLocator()
        axes.yaxis.set_major_locator(few if decades > 0.8 else ticker.MaxNLocator(6))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(_short))
    else:
        largest = np.nanmax(np.abs(values), initial=0.0)
        usual = largest == 0 or 1e-4 <= largest < 1e9
        axes.yaxis.set_major_formatter(_in_full() if usual else ticker.FuncFormatter(_short))
        axes.set_ylim(bottom=figure.y_min)
    axes.tick_params(which="both", length=0)


def _in_full() -> ScalarFormatter:
    """Numbers as they are: no power of ten and no offset, which would stand apart from them above the axis."""
    from matplotlib.ticker import ScalarFormatter

    formatter = ScalarFormatter(useOffset=False)
    formatter.set_scientific(False)
    return formatter


def _short(value: float, _position: Any = None) -> str:
    return f"{value:.4g}"


def _marks(axes: Axes, figure: Figure) -> float:
    """Vertical lines, their labels above the axes where no data are; labels that would overlap are moved up a line.

    Returns the height of the labels, in points.
    """
    for place, _ in figure.marks:
        axes.axvline(place, color=MUTED, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
    left, right = axes.get_xlim()
    ends: list[float] = []  # where the last label of each level ends, as a share of the axes
    for place, text in sorted(figure.marks, key=lambda mark: mark[0]):
        if not text:
            continue
        position = float(axes.convert_xunits(place))
        share = (position - left) / (right - left)
        text = one_line(text, 50)
        width = _CHARACTER * len(text)
        begin = min(max(share - width / 2, 0.0), max(1.0 - width, 0.0))
        level = next((level for level, end in enumerate(ends) if end < begin), len(ends))
        ends[level : level + 1] = [begin + width + 0.02]
        anchor = "left" if begin == 0.0 else "right" if share + width / 2 > 1 else "center"
        axes.annotate(
            text,
            (position if anchor == "center" else 0.0 if anchor == "left" else 1.0, 1.0),
            xycoords=axes.get_xaxis_transform() if anchor == "center" else axes.transAxes,
            xytext=(0, 4 + 12 * level),
            textcoords="offset points",
            ha=anchor,
            fontsize=8.5,
            color=MUTED,
        )
    return 12.0 * len(ends)


def _words(canvas: Canvas, axes: Axes, figure: Figure, above: float, shades: Sequence[Patch]) -> None:
    from matplotlib.transforms import ScaledTranslation

    title = textwrap.fill(one_line(figure.title, 160), 80)
    canvas.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    axes.set_xlabel(one_line(figure.x_label, 80))
    axes.set_ylabel(one_line(figure.y_label, 48))
    if figure.note:
        note = textwrap.fill(one_line(figure.note, 400), 130)
        canvas.supxlabel(note, x=0.012, ha="left", fontsize=8.5, color=MUTED)
    if len(figure.lines) > 1 or shades:
        labels = [one_line(line.label, 50) for line in figure.lines]
        labels += [one_line(figure.shaded_label, 50) for _ in shades]
        widths = [len(label) + 9 for label in labels]  # in characters, with the sample of the line; 118 fit
        axes.legend(
            handles=[*axes.lines[: len(figure.lines)], *shades],
            labels=labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            bbox_transform=axes.transAxes + ScaledTranslation(0, (above + 5) / 72, canvas.dpi_scale_trans),
            borderaxespad=0.0,
            borderpad=0.0,
            ncols=len(labels) if sum(widths) <= 118 else 118 // max(widths),
            handlelength=2.6,
            frameon=False,
        )


def _finite(values: Array) -> Array:
    """``values`` as float64, with NaN for what no axis can reach."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(values) < 1e100, values, np.nan)
