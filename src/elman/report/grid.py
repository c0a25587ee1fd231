"""A table of texts and numbers, as plain text, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from elman.report.page import escaped
from elman.report.tables import padded, width


@dataclass(frozen=True)
class Grid:
    """A table whose cells are text already.

    Args:
        title: the line above.
        columns: their names; the first column's, which names the rows, is mostly "".
        rows: a text for each column.
        notes: lines below.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = field(default=())

    def text(self) -> str:
        """For a terminal: the first column to the left, the others to the right.

        >>> print(Grid("Sizes", ("", "units"), [("rnn", "64"), ("lstm", "8")]).text())
        Sizes
        <BLANKLINE>
              units
        ───────────
        rnn      64
        lstm      8
        """
        blocks = [padded([name, *cells], right=k > 0) for k, (name, *cells) in enumerate(self._by_column())]
        lines = ["  ".join(parts).rstrip() for parts in zip(*blocks, strict=True)]
        lines.insert(1, "─" * max(map(width, lines)))
        return "\n".join([self.title, "", *lines, *([""] if self.notes else []), *self.notes])

    def markdown(self) -> str:
        """For a page in Markdown; what would end a cell is written so that it does not."""
        lines = [self.columns, ("---", *("---:" for _ in self.columns[1:])), *self.rows]
        table = ["| " + " | ".join(_cell(text) for text in line) + " |" for line in lines]
        return "\n".join([f"## {self.title}", "", *table, *(f"\n{note}" for note in self.notes)])

    def html(self) -> str:
        """For a page; text is escaped."""
        kinds = ["", *(' class="number"' for _ in self.columns[1:])]
        head = "".join(f"<th{kind}>{escaped(name)}</th>" for kind, name in zip(kinds, self.columns, strict=True))
        rows = ""
        for first, *others in self.rows:
            rows += f'<tr><th class="name">{escaped(first)}</th>'
            rows += "".join(f'<td class="number">{escaped(text)}</td>' for text in others) + "</tr>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        notes = "".join(f'<p class="small">{escaped(note)}</p>' for note in self.notes)
        return f'<h2>{escaped(self.title)}</h2>\n<div class="wide">{table}</div>{notes}'

    def _by_column(self) -> list[list[str]]:
        return [list(column) for column in zip(self.columns, *self.rows, strict=True)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
