"""The cells: each equation once, in a short file of its own, the same code on NumPy arrays and on torch tensors.

A new cell is one such file and one line in :data:`CELLS` (or :func:`register_cell` from outside the package).
"""

from __future__ import annotations

from elman.cells import gru, gru_before, lem, lstm, lstm_peephole, mingru, minlstm, rnn, slstm, ugrnn
from elman.cells.base import Cell, Ops, Option, Parameter
from elman.errors import SettingsError

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        rnn.TANH,
        rnn.RELU,
        lstm.CELL,
        lstm_peephole.CELL,
        gru.CELL,
        gru_before.CELL,
        ugrnn.CELL,
        mingru.CELL,
        minlstm.CELL,
        lem.CELL,
        slstm.CELL,
    )
}

__all__ = ["CELLS", "Cell", "Ops", "Option", "Parameter", "cell_names", "get_cell", "register_cell"]


def cell_names() -> list[str]:
    """The names of all registered cells, in the order they were registered.

    >>> cell_names()[:3]
    ['rnn', 'rnn-relu', 'lstm']
    """
    return list(CELLS)


def get_cell(name: str) -> Cell:
    """The registered cell called ``name``.

    Raises:
        SettingsError: no cell has that name; the message lists those there are.

    >>> get_cell("gru").gates
    ('r', 'z', 'n')
    """
    try:
        return CELLS[name]
    except KeyError:
        raise SettingsError(f"unknown cell {name!r}; choose one of: {', '.join(CELLS)}") from None


def register_cell(cell: Cell) -> Cell:
    """Make ``cell`` known by its name to the layers, the command line and the model file; returns it.

    Raises:
        SettingsError: another cell has that name already.
    """
    if CELLS.get(cell.name, cell) != cell:
        raise SettingsError(f"a different cell named {cell.name!r} is registered already; choose another name")
    CELLS[cell.name] = cell
    return cell
