"""Pictures from figure data, with matplotlib's objects alone: no pyplot, no display, no state left behind."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import atomic
from elman.errors import MissingDependencyError, RunFolderError
from elman.report.style import INK, MUTED, RC, SHORT, Look, looks
from elman.tasks.base import Array, Figure, Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH, HEIGHT, DOTS = 9.0, 4.6, 130  # inches, inches, dots per inch
_CHARACTER = 0.0088  # width of a mark's character as a share of the axes: enough to keep labels apart


def draw(figure: Figure, path: Path | str) -> Path:
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
    path = Path(path)
    with _surroundings():
        canvas = _build(figure)
        # Without the entry that names matplotlib's version.
        atomic.write_file(path, lambda file: canvas.savefig(file, format="png", metadata={"Software": None}))
    return path


def draw_all(figures: Iterable[Figure], folder: Path | str) -> list[Path]:
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


def build(figure: Figure) -> Canvas:
    """The matplotlib figure that :func:`draw` saves, for a notebook or for changing it by hand.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with _surroundings():
        return _build(figure)


@contextmanager
def _surroundings() -> Iterator[None]:
    """matplotlib's own defaults and our style, for the time of the drawing; the caller's settings come back after."""
    try:
        import matplotlib.style
    except ImportError:
        raise MissingDependencyError("matplotlib", "drawing pictures", "train") from None
    with matplotlib.style.context(["default", RC]), warnings.catch_warnings():
        # A name in letters that the font has not is drawn as boxes; the run goes on without a word a glyph.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def _build(figure: Figure) -> Canvas:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(WIDTH, HEIGHT), dpi=DOTS, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    for line, look in zip(figure.lines, looks(figure.lines), strict=True):
        _line(axes, line, look)
    _scales(axes, figure)
    _marks(axes, figure)
    _words(canvas, axes, figure)
    return canvas


def _line(axes: Axes, line: Line, look: Look) -> None:
    x, y = np.asarray(line.x), _finite(line.y)
    known = np.isfinite(y)
    if known.sum() <= SHORT:
        shown = np.flatnonzero(known)
    else:  # a point without neighbours is no line: it would not be seen
        alone = known & ~np.append(False, known[:-1]) & ~np.append(known[1:], False)
        shown = np.flatnonzero(alone)
    axes.plot(
        x,
        y,
        label=_one_line(line.label, 50),
        color=look.colour,
        linewidth=look.width,
        linestyle=look.dashes,
        marker=look.marker,
        markersize=4,
        markeredgewidth=1,
        markerfacecolor="white" if line.role == "baseline" else look.colour,
        markevery=shown.tolist(),
        zorder=look.order,
    )
    if line.lower is not None and line.upper is not None:
        lower, upper = _finite(line.lower), _finite(line.upper)
        axes.fill_between(x, lower, upper, color=look.colour, alpha=0.18, linewidth=0, zorder=look.order - 1)


def _scales(axes: Axes, figure: Figure) -> None:
    from matplotlib import dates, ticker

    places = [np.asarray(line.x) for line in figure.lines]
    if any(x.dtype.kind == "M" for x in places):
        locator = dates.AutoDateLocator(minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    elif all(x.dtype.kind in "iu" for x in places):
        axes.xaxis.set_major_locator(ticker.MaxNLocator(10, integer=True))
    # A logarithmic axis needs something above zero to stand on.
    if figure.y_scale == "log" and any((_finite(line.y) > 0).any() for line in figure.lines):
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(_plain))
        axes.yaxis.set_minor_formatter(ticker.LogFormatter(minor_thresholds=(1, 0.4)))
    else:
        plain = ticker.ScalarFormatter(useOffset=False, useMathText=False)
        plain.set_powerlimits((-4, 7))
        axes.yaxis.set_major_formatter(plain)
        axes.set_ylim(bottom=figure.y_min)
    axes.tick_params(which="both", length=0)


def _marks(axes: Axes, figure: Figure) -> None:
    """Vertical lines, their labels above the axes where no data are; labels that would meet are put a line higher."""
    left, right = axes.get_xlim()
    ends: list[float] = []  # where the last label of each level ends, as a share of the axes
    for place, text in sorted(figure.marks, key=lambda mark: mark[0]):
        axes.axvline(place, color=MUTED, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
        position = float(axes.convert_xunits(place))
        share = (position - left) / (right - left)
        text = _one_line(text, 50)
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
    axes.set_xlim(left, right)


def _words(canvas: Canvas, axes: Axes, figure: Figure) -> None:
    title = textwrap.fill(_one_line(figure.title, 160), 80)
    canvas.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    axes.set_xlabel(_one_line(figure.x_label, 80))
    axes.set_ylabel(_one_line(figure.y_label, 48))
    if figure.note:
        note = textwrap.fill(_one_line(figure.note, 400), 130)
        canvas.supxlabel(note, x=0.012, ha="left", fontsize=8.5, color=MUTED)
    if len(figure.lines) > 1:
        handles, labels = axes.get_legend_handles_labels()
        canvas.legend(
            handles, labels, loc="outside upper left", ncols=min(len(labels), 5), frameon=False, handlelength=2.6
        )


def _plain(value: float, _position: Any = None) -> str:
    return f"{value:.4g}"


def _finite(values: Array) -> Array:
    """``values`` as float64, with NaN for infinities: an axis cannot reach them."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _one_line(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
