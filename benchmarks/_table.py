"""Figures in columns, printed line by line as they come in."""

from __future__ import annotations

import re
from collections.abc import Mapping


class Table:
    """Prints its head at once, then a line for each :meth:`row`.

    Args:
        columns: head → format, with a width: ``{"cell": "<4", "ms": ">9.3f"}``.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = []
        for head, style in columns.items():
            width, kind = re.findall(r"^[<>](\d+)(.*)", style)[0]
            self.columns.append((f"{style[0]}{max(int(width), len(head))}", kind))
        self.row(*columns)

    def row(self, *values: object) -> None:
        """Print a line, which may end early; words may stand in place of a figure, and None is left blank."""
        cells = ["" if value is None else value for value in values]
        formats = [p + ("" if isinstance(c, str) else kind) for c, (p, kind) in zip(cells, self.columns, strict=False)]
        print("  ".join(map(format, cells, formats)).rstrip(), flush=True)


def verdict(met: bool) -> str:
    """``ok`` or ``MISSED``."""
    return "ok" if met else "MISSED"
