"""The layer of each cell that a measurement of memory compares: its size and the options of its own."""

from __future__ import annotations

from collections.abc import Sequence

from elman.cells import get_cell
from elman.data.generated import Puzzle
from elman.errors import SettingsError
from elman.model.settings import parse_options
from elman.recurrence import Layout
from elman.studies.cell_specs import matched_size
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


def options_of(cells: Sequence[str], text: str) -> dict[str, tuple[float, ...]]:
    """The options of each cell's own: those of ``text`` that it has, and its defaults.

    Raises:
        SettingsError: text that is not read, or an option that none of the cells has.

    >>> options_of(("gru", "lem"), "dt=0.1")
    {'gru': (), 'lem': (0.1,)}
    """
    given = parse_options(text)
    names = {cell: {option.name for option in get_cell(cell).options} for cell in cells}
    known = set().union(*names.values())
    for name in given:
        if name not in known:
            raise SettingsError(
                f"`cell_options` has {name!r:.40}, an option of none of: {', '.join(cells)}; "
                f"they have: {', '.join(sorted(known)) or 'none'}"
            )
    return {
        cell: get_cell(cell).chosen({name: value for name, value in given.items() if name in names[cell]})
        for cell in cells
    }
