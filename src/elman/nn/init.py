"""Initial weights by name of a scheme: ``"torch"``, ``"orthogonal"``, ``"chrono:T_max"``."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import init

from elman.cells import Cell, get_cell
from elman.errors import SettingsError
from elman.recurrence import Layout

Init = str | tuple[str, float]


def parse_init(given: Init, cell: Cell, *, bias: bool) -> tuple[str, float]:
    """Scheme and longest memory ``T_max`` in steps (0 where the scheme has none).

    Raises:
        SettingsError: unknown scheme, a ``T_max`` out of range, or a scheme that this cell cannot have.

    >>> from elman.cells import get_cell
    >>> parse_init("chrono:1000", get_cell("lstm"), bias=True)
    ('chrono', 1000.0)
    """
    scheme, _, longest = (":".join(map(str, given)) if isinstance(given, tuple) else str(given)).partition(":")
    if scheme in ("torch", "orthogonal") and not longest:
        return scheme, 0.0
    try:
        t_max = float(longest) if scheme == "chrono" else math.nan
    except ValueError:
        t_max = math.nan
    if not 2 < t_max < math.inf:
        raise SettingsError(
            f"init is {given!r}; choose 'torch', 'orthogonal', or 'chrono:T_max' with T_max above 2 steps, "
            "such as 'chrono:1000'"
        )
    if not (cell.keep or cell.write):
        raise SettingsError(f"init={given!r} sets the bias of a gate that keeps the state, and {cell.name} has none")
    if not bias:
        raise SettingsError(f"init={given!r} sets biases, and the layer has bias=False")
    return scheme, t_max


@torch.no_grad()
def initialise(layout: Layout, scheme: Init, arrays: Mapping[str, Tensor]) -> None:
    """Draw all of a layer's parameters anew, in place, from torch's random stream.

    Args:
        scheme: how, as :func:`parse_init` takes it.
        arrays: by full name, as in :meth:`elman.recurrence.Layout.shapes`.

    - ``"torch"``: every weight and bias from U(−1/√H, 1/√H), in torch.nn's order, so that a seed gives torch.nn's
      values; the gains of layer normalisation are 1.
    - ``"orthogonal"``: for each gate, input weights from Glorot's uniform distribution (Glorot and Bengio 2010) and
      orthogonal recurrent weights (Saxe, McClelland and Ganguli 2014), head by head; biases 0, but for a forget gate 1
      (Jozefowicz, Zaremba and Sutskever 2015), in ``bias_ih`` alone: the two biases are added.
    - ``"chrono:T_max"``: as ``"torch"``, but the gate that keeps the state has bias log u, u from U(1, T_max − 1),
      so that memories last from 1 to T_max steps; the gate that writes, where it is one of its own or the only one, has
      −log u (Tallec and Ollivier 2018, "Can recurrent neural networks warp time?").
    """
    cell, size = get_cell(layout.cell), layout.hidden_size
    name_of_scheme, t_max = parse_init(scheme, cell, bias=layout.bias)
    bound = 1 / math.sqrt(size)
    for name, array in arrays.items():
        if name.startswith("gain_"):
            init.ones_(array)
        else:
            init.uniform_(array, -bound, bound)
    for layer, _, suffix in layout.parts():
        part = {name: arrays[name + suffix] for name in layout.part_shapes(layer)}
        if name_of_scheme == "orthogonal":
            _orthogonal(part, cell, size, layout.heads)
        elif name_of_scheme == "chrono":
            _chrono(part, cell, size, t_max)


def _gate(array: Tensor, cell: Cell, gate: str, size: int) -> Tensor:
    first = cell.gates.index(gate) * size
    return array[first : first + size]


def _orthogonal(part: dict[str, Tensor], cell: Cell, size: int, heads: int) -> None:
    for gate in cell.gates:
        init.xavier_uniform_(_gate(part["weight_ih"], cell, gate, size))
        if "weight_hh" in part:
            own = _gate(part["weight_hh"], cell, gate, size)
            for block in own.chunk(heads):  # each head has a matrix of its own
                _draw_orthogonal(block)
    if "weight_hr" in part:
        _draw_orthogonal(part["weight_hr"])
    for name in ("bias_ih", "bias_hh"):
        if name in part:
            init.zeros_(part[name])
    if "bias_ih" in part and cell.keep and cell.write:
        init.ones_(_gate(part["bias_ih"], cell, cell.keep, size))


def _draw_orthogonal(array: Tensor) -> None:
    # the QR decomposition knows no half precisions
    drawn = torch.empty_like(array, dtype=torch.promote_types(array.dtype, torch.float32))
    array.copy_(init.orthogonal_(drawn))


def _chrono(part: dict[str, Tensor], cell: Cell, size: int, t_max: float) -> None:
    keep = torch.empty_like(part["bias_ih"][:size]).uniform_(1, t_max - 1).log_()
    for gate, value in ((cell.keep, keep), (cell.write, -keep)):
        if gate:
            _gate(part["bias_ih"], cell, gate, size).copy_(value)
            if "bias_hh" in part:
                _gate(part["bias_hh"], cell, gate, size).zero_()
