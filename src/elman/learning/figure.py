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
    ``y_scale`` is linear or log; ``y_min`` is where the vertical axis begins, by default where the data do.
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


Drawing = Figure | Matrix | Gallery
"""Whatever the report draws; ``name`` is the file's stem."""
