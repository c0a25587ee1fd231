"""Heat maps on a canvas of matplotlib's, which :mod:`elman.report.plots` makes and saves."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from elman.learning.figure import HeatMap, HeatMaps
from elman.report.style import GRID, INK, LIGHT, MUTED, SIGNED, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_CURVES = 6
MOST_LETTERS = 110  # columns whose names, if they are short, there is room for
NAMES = 16  # columns named where there is no room for all
SMALL = 7.5  # points


def draw_maps(canvas: Canvas, drawing: HeatMaps) -> None:
    """The maps below one another, the curves above them, one horizontal axis for all."""
    from matplotlib.ticker import MaxNLocator

    rows = [max(0.6, min(1.6, len(one.values) / 40)) for one in drawing.maps]
    heights = [0.9, *rows] if drawing.above is not None else rows
    names = 0.9 if any(len(name) > 1 for name in drawing.columns) else 0.2
    canvas.set_size_inches(canvas.get_size_inches()[0], 1.5 + 2 * names + 1.1 * sum(heights))
    title = textwrap.fill(one_line(drawing.title, 160), 80)
    canvas.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    every = canvas.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    if drawing.above is not None:
        axes, every = every[0], every[1:]
        axes.plot(np.asarray(drawing.above)[:, :MOST_CURVES], linewidth=1.1)
        axes.set_ylabel(one_line(drawing.above_label, 18), fontsize=SMALL)
        axes.tick_params(which="both", length=0, labelsize=SMALL)
        axes.yaxis.set_major_locator(MaxNLocator(3))
    for axes, one in zip(every, drawing.maps, strict=True):
        _map(canvas, axes, one)
    _columns(every[-1], drawing)
    if drawing.above is None:
        every[0].tick_params(labeltop=True)
    if drawing.note:
        note = textwrap.fill(one_line(drawing.note, 400), 130)
        canvas.supxlabel(note, x=0.012, ha="left", fontsize=8.5, color=MUTED)


def _map(canvas: Canvas, axes: Axes, one: HeatMap) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    stops = SIGNED if one.low < 0 else LIGHT
    colours = LinearSegmentedColormap.from_list("elman", stops).with_extremes(bad=GRID)
    values = np.ma.masked_invalid(np.asarray(one.values, float))
    image = axes.imshow(values, cmap=colours, vmin=one.low, vmax=one.high, aspect="auto", interpolation="nearest")
    axes.grid(False)
    axes.set_ylabel(one_line(one.label, 40), fontsize=SMALL)
    axes.tick_params(which="both", length=0, labelsize=SMALL)
    axes.set_yticks([])
    bar = canvas.colorbar(image, ax=axes, pad=0.01, fraction=0.02, aspect=12)
    bar.ax.tick_params(length=0, labelsize=6)
    bar.set_ticks([one.low, one.high] if one.low >= 0 else [one.low, 0, one.high])
    bar.ax.set_yticklabels([f"{tick:.2g}" for tick in bar.get_ticks()])
    bar.outline.set_visible(False)


def _columns(axes: Axes, drawing: HeatMaps) -> None:
    names = drawing.columns
    short = all(len(name) <= 1 for name in names) and len(names) <= MOST_LETTERS
    places = range(0, len(names), 1 if short else -(-len(names) // NAMES))
    texts = [_shown(names[k]) for k in places]
    upright = max(map(len, texts), default=0) > 6 and len(texts) > 8
    axes.set_xticks(
        list(places), texts, rotation=60 if upright else 0, fontsize=SMALL, ha="right" if upright else "center"
    )
    axes.set_xlabel(one_line(drawing.x_label, 60), fontsize=8.5)


def _shown(name: str) -> str:
    """A column's name; what cannot be seen stands as its escape, a space as a mark."""
    if name == " ":
        return "␣"
    return one_line("".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name), 14)
