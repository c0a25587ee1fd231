"""elman.nn.RNNCell, LSTMCell and GRUCell in place of torch.nn's."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close

import elman
from tests.nn.cases import as_tuple, native_alone

KINDS = ["RNNCell", "LSTMCell", "GRUCell"]
each_cell = pytest.mark.parametrize("kind", KINDS)


def pair(kind: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """torch's cell and ours, from the same seed."""
    cells = []
    for library in (nn, elman.nn):
        torch.manual_seed(0)
        cells.append(getattr(library, kind)(*args, **kwargs))
    return cells[0], cells[1]


def results(cell: Any, x: Tensor, states: tuple[Tensor, ...] | None) -> list[Tensor]:
    leaves = [t.detach().clone().requires_grad_() for t in (x, *(states or ()))]
    hx: Any = None if states is None else tuple(leaves[1:]) if len(states) > 1 else leaves[1]
    found = as_tuple(cell(leaves[0], hx))
    loss = sum((t.square().sum() for t in found), torch.zeros((), dtype=x.dtype))
    return [*found, *torch.autograd.grad(loss, [*leaves, *cell.parameters()])]


@pytest.mark.parametrize("backend", ["native", "torch", "reference"])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"dtype": torch.float64}, {"nonlinearity": "relu"}])
@each_cell
def test_same_everything(kind: str, options: dict[str, Any], backend: str) -> None:
    if kind != "RNNCell":
        options = {name: value for name, value in options.items() if name != "nonlinearity"}
    peer, cell = pair(kind, 3, 5, **options)
    assert isinstance(cell, getattr(nn, kind)) and repr(cell) == repr(peer)
    dtype = options.get("dtype", torch.float32)
    for shape in ((4, 3), (1, 3), (3,)):
        x = torch.randn(*shape, dtype=dtype)
        states = tuple(torch.randn(*shape[:-1], 5, dtype=dtype) for _ in range(2 if kind == "LSTMCell" else 1))
        with elman.use_backend(backend):
            assert_close(results(cell, x, None), results(peer, x, None))
            assert_close(results(cell, x, states), results(peer, x, states))


@each_cell
def test_it_runs_on_the_kernels(kind: str) -> None:
    _, cell = pair(kind, 3, 5)
    with native_alone():
        cell(torch.randn(4, 3))
        cell.double()(torch.randn(4, 3, dtype=torch.float64))


@each_cell
def test_a_sequence_step_by_step_is_the_layer(kind: str) -> None:
    _, cell = pair(kind, 3, 5)
    layer = getattr(elman.nn, kind.removesuffix("Cell"))(3, 5)
    layer.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    x, hx = torch.randn(6, 2, 3), None
    outputs = []
    for t in range(6):
        hx = cell(x[t], hx)
        outputs.append(as_tuple(hx)[0])
    assert_close(torch.stack(outputs), layer(x)[0])


@each_cell
def test_what_torch_refuses_is_refused(kind: str) -> None:
    peer, cell = pair(kind, 3, 5)
    h = torch.zeros(4, 5)
    for x, hx in (
        (torch.zeros(4, 2), None),
        (torch.zeros(4, 3, 3, 1), None),
        (torch.zeros(4, 3).double(), None),
        (torch.zeros(4, 3), (h[:2], h[:2]) if kind == "LSTMCell" else h[:2]),
        (torch.zeros(4, 3), (h.double(), h.double()) if kind == "LSTMCell" else h.double()),
        ([[1.0]], None),
    ):
        with pytest.raises(Exception) as theirs:
            peer(x, hx)
        with pytest.raises(theirs.type):
            cell(x, hx)


@each_cell
def test_copies_and_parametrisations(kind: str) -> None:
    peer, cell = pair(kind, 3, 5)
    x = torch.randn(4, 3)
    buffer = io.BytesIO()
    torch.save(cell, buffer)
    buffer.seek(0)
    for other in (copy.deepcopy(cell), torch.load(buffer, weights_only=False)):
        assert_close(other(x), peer(x))
    for module in (peer, cell):
        parametrizations.weight_norm(module, "weight_hh")
    assert_close(cell(x), peer(x))


@pytest.mark.filterwarnings("ignore")
@each_cell
def test_compiled(kind: str) -> None:
    torch._dynamo.reset()
    _, cell = pair(kind, 3, 5)
    x = torch.randn(4, 3)
    assert_close(torch.compile(cell, backend="eager", fullgraph=True)(x), cell(x))
