"""The style of plots: colour, dashes and marker of each role.

Hues are told apart by people who are colour-blind, and differ in lightness for print in grey; baselines differ by their
dashes and markers alone, so that the eye goes to the truth and the model first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import Any

from elman.learning.figure import Line

INK, MUTED, GRID = "#222222", "#5c5c5c", "#e4e4e4"
SHADE = "#f3e3d3"
# heat maps: from 0 up, and with a hue for each sign; the pages' scripts have the same
LIGHT = ("#ffffff", "#a9c4e6", "#1f4fa3", "#0b1f4b")
SIGNED = ("#8a3d00", "#e8830c", "#fbe3c5", "#ffffff", "#c9dcf2", "#1f4fa3", "#0b1f4b")
SHORT = 40  # a line of so few points shows each of them

_MARKERS = "osD^v"
_COLOURS = {
    "truth": (INK, "#6b6b6b"),
    "model": ("#1f4fa3", "#e8830c", "#129a86", "#a3195b", "#5fb0e6", "#6b4a1f"),
    "baseline": ("#787878", "#8c8c8c", "#9c9c9c"),
    "other": ("#6f8fb5", "#9a6a2f", "#7c8c3f"),
}
_WIDTHS = {"truth": 1.3, "model": 1.7, "baseline": 1.2, "other": 1.4}
_DASHES = {"baseline": ((0, (5, 2)), (0, (1.2, 1.6)), (0, (7, 2, 1.5, 2)))}
_ORDER = {"baseline": 2.1, "other": 2.2, "truth": 2.3, "model": 2.4}

# On top of matplotlib's own defaults, not of the user's matplotlibrc: a plot looks the same everywhere.
RC: dict[str, Any] = {
    "font.size": 9.5,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.xmargin": 0.02,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "text.parse_math": False,  # "$" in the name of a column is a dollar
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",  # text: letters that matplotlib's font lacks are shown in the reader's
    "svg.hashsalt": "elman",  # the same names in each file
    "agg.path.chunksize": 20_000,  # very long noisy lines overflow Agg otherwise
}


@dataclass(frozen=True)
class Look:
    """The style of one line."""

    colour: str
    width: float
    dashes: Any
    marker: str
    order: float


def looks(lines: tuple[Line, ...]) -> list[Look]:
    """One look a line; lines of the same role take their role's colours, dashes and markers in turn.

    >>> import numpy as np
    >>> lines = tuple(Line("", np.zeros(1), np.zeros(1), role) for role in ("model", "truth", "model"))
    >>> [look.colour for look in looks(lines)]
    ['#1f4fa3', '#222222', '#e8830c']
    """
    turns = {
        role: zip(cycle(colours), cycle(_DASHES.get(role, ("-",))), cycle(_MARKERS), strict=False)
        for role, colours in _COLOURS.items()
    }
    return [
        Look(colour, _WIDTHS[line.role], dashes, marker, _ORDER[line.role])
        for line in lines
        for colour, dashes, marker in [next(turns[line.role])]
    ]


def one_line(text: str, longest: int) -> str:
    """Any text on one line of at most ``longest`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
