"""A study in words, tables and pictures: as text for a terminal, as Markdown, and as a page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elman import atomic
from elman.learning import Drawing
from elman.report.grid import Grid
from elman.report.page import command_html, document, escaped, figure_html, list_html
from elman.report.plots import draw_all

WIDTH = 116  # of a line for a terminal


@dataclass(frozen=True)
class Study:
    """What a study found.

    Args:
        title: what was studied.
        conclusions: what the numbers bear, a sentence each.
        grids: the tables.
        figures: the pictures.
        notes: how it was measured, a sentence each.
        command: what makes the same again; "" where nothing on a command line does.
    """

    title: str
    conclusions: Sequence[str]
    grids: Sequence[Grid]
    figures: Sequence[Drawing]
    notes: Sequence[str]
    command: str = ""

    def text(self) -> str:
        """For a terminal."""
        notes = "\n".join(textwrap.fill(note, WIDTH) for note in self.notes)
        last = [textwrap.fill(sentence, WIDTH) for sentence in self.conclusions]
        return "\n\n".join([self.title, *(grid.text() for grid in self.grids), notes, *last])

    def markdown(self, *, pictures: bool = True) -> str:
        """For a page in Markdown, with the pictures beside it in ``plots/``, if there are any."""
        parts = [f"# {self.title}", *self.conclusions, *(grid.markdown() for grid in self.grids)]
        parts += [f"![{figure.title}](plots/{figure.name}.png)" for figure in self.figures if pictures]
        parts += ["## How it was measured", "\n".join(f"- {note}" for note in self.notes)]
        parts += ["## Do it again", f"    {self.command}"] if self.command else []
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """One file that needs no other.

        Raises:
            MissingDependencyError: matplotlib is not installed.
        """
        verdict = "<br>".join(map(escaped, self.conclusions))
        body = [f'<p class="verdict">{verdict}</p>', *(grid.html() for grid in self.grids)]
        body += [*map(figure_html, self.figures), "<h2>How it was measured</h2>", list_html(self.notes)]
        return document(self.title, [*body, *command_html(self.command)])

    def write(self, folder: Path, name: str, *, pictures: bool = True) -> tuple[Path, ...]:
        """Write ``NAME.md``, and with ``pictures`` also ``NAME.html`` and ``plots/``, into ``folder``; the files.

        Raises:
            MissingDependencyError: matplotlib is not installed.
            RunFolderError: they cannot be written.
        """
        page, text = folder / f"{name}.html", folder / f"{name}.md"
        atomic.write_text(text, self.markdown(pictures=pictures))
        if not pictures:
            return (text,)
        drawn = draw_all(self.figures, folder / "plots")
        atomic.write_text(page, self.html())
        return (text, page, *drawn)
