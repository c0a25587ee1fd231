"""Which cells a study takes, and how large each is so that they may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from elman.cells import cell_names, get_cell
from elman.errors import SettingsError
from elman.model.settings import parse_options
from elman.recurrence import Layout

MATCHES = ("parameters", "hidden")
MOST_UNITS = 2**20


def parse_cells(given: str | Sequence[str]) -> tuple[str, ...]:
    """Names of registered cells, from a list or from text with commas between them; the first is the reference.

    Raises:
        SettingsError: no name, an unknown one, or one that stands there twice.

    >>> parse_cells("rnn, lstm-peephole,gru-before")
    ('rnn', 'lstm-peephole', 'gru-before')
    """
    names = tuple(name.strip() for name in (given.split(",") if isinstance(given, str) else given))
    known = cell_names()
    for name in names:
        if name not in known:
            raise SettingsError(f"cells is {','.join(names)!r:.60}: {name!r:.40} is none of: {', '.join(known)}")
        if names.count(name) > 1:
            raise SettingsError(f"cells is {','.join(names)!r:.60}: {name} stands there twice; name each cell once")
    return names


def options_of(cells: Sequence[str], text: str) -> dict[str, tuple[float, ...]]:
    """The options of each cell's own: those of ``text`` that it has, and its defaults.

    Raises:
        SettingsError: text that is not read, or an option that none of the cells has.

    >>> options_of(("gru", "lem"), "dt=0.1")
    {'gru': (), 'lem': (0.1,)}
    """
    known = {option.name for cell in cells for option in get_cell(cell).options}
    for name in parse_options(text):
        if name not in known:
            raise SettingsError(
                f"`cell_options` has {name!r:.40}, an option of none of: {', '.join(cells)}; "
                f"they have: {', '.join(sorted(known)) or 'none'}"
            )
    return {cell: get_cell(cell).chosen(own_options(cell, text)) for cell in cells}


def own_options(cell: str, text: str) -> dict[str, float]:
    """Those options in ``text`` that the cell has.

    >>> own_options("gru", "dt=0.1"), own_options("lem", "dt=0.1")
    ({}, {'dt': 0.1})
    """
    names = {option.name for option in get_cell(cell).options}
    return {name: value for name, value in parse_options(text).items() if name in names}


def sized(layout: Layout, cell: str, hidden_size: int, options: tuple[float, ...] | None = None) -> Layout:
    """``layout`` with another cell and size, and other options of the cell's own unless they are None.

    >>> sized(Layout("rnn", 1, 8, num_layers=2), "lstm", 4)
    Layout(cell='lstm', input_size=1, hidden_size=4, num_layers=2, ...)
    """
    zoneout = layout.zoneout[:1] * len(get_cell(cell).states)
    options = layout.options if options is None else options
    return replace(layout, cell=cell, hidden_size=hidden_size, zoneout=zoneout, options=options)


def recurrent_parameters(layouts: Sequence[Layout]) -> int:
    """Trained values of all the recurrent layers."""
    return sum(layout.parameter_count() for layout in layouts)


def matched_size(layouts: Sequence[Layout], cell: str, options: tuple[float, ...] | None = None) -> int:
    """The hidden size at which ``cell`` has as many recurrent parameters as ``layouts`` have, as nearly as can be; with
    ``options`` of the cell's own, those of ``layouts`` if they are None. A cell of several heads has as many units in
    each.

    >>> [matched_size([Layout("rnn", 10, 64)], cell) for cell in ("rnn", "lstm", "gru")]
    [64, 29, 35]
    """
    wanted, known = recurrent_parameters(layouts), get_cell(cell)
    given = layouts[0].options if options is None else options
    values = dict(zip((option.name for option in known.options), given, strict=False))
    heads = int(values.get(known.heads, 1))

    def count(size: int) -> int:
        return recurrent_parameters([sized(layout, cell, size * heads, options) for layout in layouts])

    low, high = 1, 2
    while count(high) < wanted and high < MOST_UNITS:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= wanted else (low, middle)
    return heads * min((low, high), key=lambda size: abs(count(size) - wanted))


def multiply_adds(layouts: Sequence[Layout]) -> int:
    """Multiply-adds of one step of one row through all the recurrent layers.

    >>> multiply_adds([Layout("gru", 10, 20, num_layers=2)])
    4200
    """
    total = 0
    for layout in layouts:
        cell, size = get_cell(layout.cell), layout.recurrent_size
        for layer, _, _ in layout.parts():
            inputs = layout.input_size if layer == 0 else size * layout.num_directions
            total += cell.multiply_adds(inputs, layout.hidden_size, size) + layout.proj_size * layout.hidden_size
    return total
