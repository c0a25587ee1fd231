"""What the tests of the native kernels' laws share: each kind of layer, a run of it, and a comparison of bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from elman.cells import get_cell
from elman.nn import GRU, LSTM, RNN, Recurrent
from tests.nn.cases import Values, as_hidden, as_tuple, grad, seed

# every cell, and the options that have code of their own, once each
LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rnn": (RNN, {}),
    "rnn-relu-layer-norm": (RNN, {"nonlinearity": "relu", "layer_norm": True}),
    "lstm": (LSTM, {"num_layers": 2}),
    "lstm-projected-zoneout": (LSTM, {"proj_size": 4, "zoneout": 0.3}),
    "lstm-peephole": (LSTM, {"peephole": True, "bias": False}),
    "gru": (GRU, {"num_layers": 2}),
    "gru-layer-norm-zoneout": (GRU, {"layer_norm": True, "zoneout": 0.2}),
    "gru-before": (GRU, {"reset": "before"}),
    "ugrnn": (partial(Recurrent, "ugrnn"), {}),
    "mingru": (partial(Recurrent, "mingru"), {"num_layers": 2}),
    "minlstm-layer-norm": (partial(Recurrent, "minlstm"), {"layer_norm": True, "zoneout": 0.2}),
    "lem": (partial(Recurrent, "lem"), {"options": {"dt": 0.5}}),
    "slstm": (partial(Recurrent, "slstm"), {"num_layers": 2}),
    "slstm-heads": (partial(Recurrent, "slstm"), {"hidden_size": 18, "options": {"heads": 2}}),
}
each_layer = pytest.mark.parametrize("kind", LAYERS)
each_type = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def make(kind: str, input_size: int = 3, hidden_size: int = 17, **options: Any) -> Recurrent:
    cls, own = LAYERS[kind]
    seed(0)
    return cls(input_size, **{"hidden_size": hidden_size} | own | options).eval()


def initial(layer: Recurrent, batch: int) -> tuple[Tensor, ...]:
    parts = layer.num_layers * layer._layout.num_directions
    states = [torch.randn(parts, batch, size, dtype=layer.weight_ih_l0.dtype) for size in layer._layout.state_sizes]
    # a normaliser is a sum of positive numbers
    names = get_cell(layer._layout.cell).states
    return tuple(s.abs() + 0.5 if name == "n" else s for name, s in zip(names, states, strict=True))


def run(
    layer: Recurrent, x: Any, hx: tuple[Tensor, ...], d_output: Tensor, d_last: tuple[Tensor, ...], **keywords: Any
) -> Values:
    """Output, final states and every gradient; ``d_output`` and ``d_last`` are the gradients given."""
    leaves = {"input": x.detach().clone().requires_grad_()}
    leaves |= {f"state {k}": s.detach().clone().requires_grad_() for k, s in enumerate(hx)}
    states = list(leaves.values())[1:]
    output, hx_n = layer(leaves["input"], as_hidden(states), **keywords)
    last = as_tuple(hx_n)
    found = {"output": output.detach()} | {f"last {k}": s.detach() for k, s in enumerate(last)}
    return found | grad((output, *last), leaves | dict(layer.named_parameters()), (d_output, *d_last))


def drawn(layer: Recurrent, steps: int, batch: int) -> dict[str, Any]:
    """Random arguments of ``run``."""
    seed(1)
    width = layer._layout.num_directions * layer._layout.recurrent_size
    return {
        "x": torch.randn(steps, batch, layer.input_size, dtype=layer.weight_ih_l0.dtype),
        "hx": initial(layer, batch),
        "d_output": torch.randn(steps, batch, width, dtype=layer.weight_ih_l0.dtype),
        "d_last": initial(layer, batch),
    }


def rows_of(arguments: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Arguments, or results, of some rows; what is no row's own is left out."""
    return {
        name: tuple(s[:, rows] for s in value) if isinstance(value, tuple) else value[:, rows]
        for name, value in arguments.items()
        if not isinstance(value, Tensor) or value.dim() == 3
    }


def assert_same(found: Values, expected: Values) -> None:
    """Equal in every bit, but for the sign of zero."""
    different = [name for name, value in expected.items() if not torch.equal(found[name], value)]
    assert not different, f"not bit for bit the same: {different}"
