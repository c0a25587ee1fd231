"""The layer of each cell that a measurement of memory compares: its size and the options of its own."""

from __future__ import annotations

from collections.abc import Sequence

from elman.data.generated import Puzzle
from elman.recurrence import Layout
from elman.studies.cell_specs import matched_size, options_of
from elman.studies.settings import MemorySettings


def layouts_of(settings: MemorySettings, puzzle: Puzzle, cells: Sequence[str]) -> dict[str, Layout]:
    """One layer of each cell, by its name; the first is the reference.

    Raises:
        SettingsError: an option of no cell, or out of its range.

    >>> from elman.data.generated import PUZZLES
    >>> settings = MemorySettings(hidden_size=32, cell_options="dt=0.1")
    >>> found = layouts_of(settings, PUZZLES["adding"], ("rnn", "lem"))
    >>> found["rnn"].hidden_size, found["lem"].hidden_size, found["lem"].option_values
    (32, 15, {'dt': 0.1})
    """
    options = options_of(cells, settings.cell_options or "")
    first = Layout(cells[0], puzzle.features, settings.hidden_size, options=options[cells[0]])
    found = {cells[0]: first}
    for cell in cells[1:]:
        size = settings.hidden_size
        if settings.match == "parameters":
            size = matched_size([first], cell, options[cell])
        found[cell] = Layout(cell, puzzle.features, size, options=options[cell])
    return found
