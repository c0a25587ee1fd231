"""Matrices and galleries on a canvas of matplotlib's, which :mod:`elman.report.plots` makes and saves."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from elman.learning.figure import Gallery, Matrix, Picture
from elman.report.style import INK, MUTED, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MOST_NUMBERS, MOST_NAMES = 15, 40  # classes whose counts, and whose names, there is room for
COLUMNS = 4
MOST_CURVES = 6
SMALL = 7.5  # points


def draw_matrix(canvas: Canvas, matrix: Matrix) -> None:
    """Squares as dark as the count's share of its row, with the count in each where there is room."""
    _title(canvas, matrix.title, matrix.note)
    axes = canvas.add_subplot()
    counts = np.asarray(matrix.counts, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.grid(False)
    axes.set_xlabel(one_line(matrix.x_label, 60))
    axes.set_ylabel(one_line(matrix.y_label, 60))
    places = range(0, len(matrix.names), -(-len(matrix.names) // MOST_NAMES))
    names = [one_line(matrix.names[k], 14) for k in places]
    upright = (max(map(len, names), default=0) + 2) * len(names) > 60  # with room between them
    axes.set_xticks(list(places), names, rotation=90 if upright else 0, fontsize=SMALL)
    axes.set_yticks(list(places), names, fontsize=SMALL)
    axes.tick_params(which="both", length=0)
    if len(matrix.names) > MOST_NUMBERS:
        return
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=SMALL, color=colour)


def draw_gallery(canvas: Canvas, gallery: Gallery) -> None:
    """Pictures in rows of four, each below its caption."""
    _title(canvas, gallery.title, gallery.note)
    rows = -(-len(gallery.pictures) // COLUMNS)
    for k, picture in enumerate(gallery.pictures):
        axes = canvas.add_subplot(rows, COLUMNS, k + 1)
        axes.set_title(textwrap.fill(one_line(picture.caption, 76), 38), fontsize=SMALL, color=MUTED)
        axes.grid(False)
        axes.tick_params(which="both", length=0, labelsize=6)
        _picture(axes, picture)


def _picture(axes: Axes, picture: Picture) -> None:
    if isinstance(picture.values, str):
        axes.set_axis_off()
        axes.text(0.5, 0.5, textwrap.fill(one_line(picture.values, 120), 20), ha="center", va="center", fontsize=SMALL)
    elif picture.is_image:
        axes.set_axis_off()
        axes.imshow(picture.values, cmap="gray_r", aspect="equal", interpolation="nearest")
    else:
        axes.plot(np.asarray(picture.values)[:, :MOST_CURVES], linewidth=0.9)


def _title(canvas: Canvas, title: str, note: str) -> None:
    text = textwrap.fill(one_line(title, 160), 80)
    canvas.suptitle(text, x=0.012, ha="left", fontsize=12.5, fontweight="bold", color=INK)
    if note:
        canvas.supxlabel(textwrap.fill(one_line(note, 400), 130), x=0.012, ha="left", fontsize=8.5, color=MUTED)
