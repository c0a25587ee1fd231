"""Figures as data: the report draws them, tests check their numbers without drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Line:
    """One curve: ``y`` over ``x``, broken where ``y`` is NaN, and optionally a band from ``lower`` to ``upper``."""

    label: str
    x: Array
    y: Array
    role: str = "other"  # truth | model | baseline | other: the report chooses colours by role
    lower: Array | None = None
    upper: Array | None = None


@dataclass(frozen=True)
class Figure:
    """The data of one figure. ``name`` is the file's stem.

    ``x`` values are numbers, or datetime64 for a time axis. ``marks`` are vertical lines: (x, label), or "" for none.
    ``shaded`` are stretches of the horizontal axis: (from, to), all for the one reason that ``shaded_label`` names.
    ``x_scale`` and ``y_scale`` are linear or log; ``y_min`` is where the vertical axis begins, by
    default where the data do.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[Any, str], ...] = ()
    note: str = ""
    y_scale: str = "linear"
    y_min: float | None = None
    shaded: tuple[tuple[Any, Any], ...] = ()
    shaded_label: str = ""
    x_scale: str = "linear"


@dataclass(frozen=True)
class Matrix:
    """Counts (rows, columns) in a square: how often what ``y_label`` says in a row was what ``x_label`` says above.

    ``names`` are those of the rows, and of the columns in the same order.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    counts: Array
    names: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """One thing to look at: an image (height, width), curves (T, I), or a text; with a caption."""

    caption: str
    values: Array | str
    is_image: bool = False


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    name: str
    title: str
    pictures: tuple[Picture, ...]
    note: str = ""


@dataclass(frozen=True)
class HeatMap:
    """Values (rows, columns) as colours, from ``low`` to ``high``; ``low`` below 0 gives each sign its own hue."""

    label: str
    values: Array
    low: float
    high: float


@dataclass(frozen=True)
class HeatMaps:
    """Heat maps one below the other, over the same columns.

    ``columns`` are their names; ``above`` are curves (columns, C) over the same columns, drawn above the maps, and
    ``above_label`` is what they are.
    """

    name: str
    title: str
    x_label: str
    columns: tuple[str, ...]
    maps: tuple[HeatMap, ...]
    above: Array | None = None
    above_label: str = ""
    note: str = ""


Drawing = Figure | Matrix | Gallery | HeatMaps
"""Whatever the report draws; ``name`` is the file's stem."""
