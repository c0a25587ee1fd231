"""The contract of a cell, in float64: all that are registered keep it, and so does one from outside the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

import elman
from elman.cells import CELLS, Cell, Parameter, get_cell
from elman.cells.numpy_ops import NumpyOps
from elman.nn import Recurrent
from elman.nn.torch_kernels import KERNELS
from elman.recurrence import run_layers

I, H = 3, 4  # noqa: E741
close = partial(assert_close, rtol=1e-11, atol=1e-12)


def _leaky_step(x: Any, state: Any, weights: Any, ops: Any) -> Any:
    (h,) = state
    (x_h,), (h_h,) = ops.input(x, weights), ops.recurrent(h, weights)
    a = ops.sigmoid(weights["decay"])
    h = a * h + (1 - a) * ops.tanh(x_h + h_h)
    return (h,), {"a": a + 0 * h}


LEAKY = Cell(
    name="test-leaky",
    gates=("h",),
    states=("h",),
    step=_leaky_step,
    source="made for this test",
    extra=(Parameter("decay", ("H",)),),
)


@pytest.fixture(params=[*CELLS, LEAKY.name])
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every registered cell, and one that a user registers."""
    if request.param != LEAKY.name:
        yield request.param
        return
    elman.register_cell(LEAKY)
    yield LEAKY.name
    del CELLS[LEAKY.name]


def make(name: str, seed: int = 0, **options: Any) -> Recurrent:
    torch.manual_seed(seed)
    layer = Recurrent(name, I, H, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))  # gains away from 1, and gates away from their middle
    return layer


def draw(*shape: int, seed: int = 1, grad: bool = False) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_(grad)


def states_of(layer: Recurrent, batch: int, *, grad: bool = False) -> tuple[Tensor, ...]:
    parts, names = layer.num_layers * (2 if layer.bidirectional else 1), get_cell(layer._layout.cell).states
    states = [draw(parts, batch, size, seed=5 + k) for k, size in enumerate(layer._layout.state_sizes)]
    # a normaliser is a sum of positive numbers
    states = [s.abs() + 0.5 if name == "n" else s for name, s in zip(names, states, strict=True)]
    return tuple(s.requires_grad_(grad) for s in states)


def as_hx(states: tuple[Tensor, ...]) -> Any:
    return states if len(states) > 1 else states[0]


def as_states(hx: Any) -> tuple[Tensor, ...]:
    return (hx,) if isinstance(hx, Tensor) else tuple(hx)


def run_numpy(layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], lengths: Tensor, resets: Tensor) -> Any:
    ops = NumpyOps(get_cell(layer._layout.cell).gates, H, layer_norm=layer._layout.layer_norm)
    return run_layers(
        layer._layout,
        x.numpy(),
        tuple(s.numpy() for s in states),
        {key: value.detach().numpy() for key, value in layer.state_dict().items()},
        lambda part: ops,
        lengths=lengths.numpy(),
        resets=resets.t().numpy(),
        join=partial(np.concatenate, axis=-1),
        trace=True,
    )


@pytest.mark.parametrize("options", [{}, {"layer_norm": True, "zoneout": 0.2}, {"bias": False}])
def test_numpy_equals_torch(name: str, options: dict[str, Any]) -> None:
    layer = make(name, num_layers=2, bidirectional=True, **options).eval()
    x, states = draw(6, 3, I), states_of(layer, 3)
    lengths, resets = torch.tensor([6, 2, 4]), torch.rand(3, 6) < 0.3
    with elman.use_backend("reference"), torch.no_grad():
        output, hx = layer(x, as_hx(states), lengths=lengths, resets=resets)
        traces = layer.trace(x, as_hx(states), lengths=lengths, resets=resets)
    result = run_numpy(layer, x, states, lengths, resets)
    close(output, torch.from_numpy(result.output))
    close(as_states(hx), tuple(map(torch.from_numpy, result.state)))
    close(traces, {key: torch.from_numpy(value) for key, value in result.trace.items()})


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False}, {"proj_size": 2}])
@pytest.mark.parametrize("name", KERNELS)
def test_reference_equals_torch_nn(name: str, options: dict[str, Any]) -> None:
    if "proj_size" in options and name != "lstm":
        options = {"num_layers": 3}
    layer = make(name, **options)
    kind = {"nonlinearity": "relu"} if name == "rnn-relu" else {}
    peer = getattr(torch.nn, name.split("-")[0].upper())(I, H, dtype=torch.float64, **kind, **options)
    peer.load_state_dict(layer.state_dict())
    found = []
    for module in (layer, peer):
        x, states = draw(5, 2, I, grad=True), states_of(layer, 2, grad=True)
        with elman.use_backend("reference"):
            output, hx = module(x, as_hx(states))
        results = (output, *as_states(hx))
        loss = sum((draw(*r.shape, seed=9) * r).sum() for r in results)
        assert isinstance(loss, Tensor)
        found.append((results, torch.autograd.grad(loss, (x, *states, *module.parameters()))))
    close(*found)


def test_step_by_step_equals_whole(name: str) -> None:
    layer = make(name, num_layers=2)
    x, states = draw(5, 3, I), states_of(layer, 3)
    whole, last = layer(x, as_hx(states))
    hx, outputs = as_hx(states), []
    for x_t in x:
        y, hx = layer.step(x_t, hx)
        outputs.append(y)
    close((torch.stack(outputs), hx), (whole, last))


def test_chunks_with_carried_state_equal_whole(name: str) -> None:
    layer = make(name, num_layers=2, batch_first=True)
    x = draw(3, 7, I)
    whole, last = layer(x)
    first, hx = layer(x[:, :3])
    second, hx = layer(x[:, 3:], hx)
    close((torch.cat([first, second], 1), hx), (whole, last))


def test_layers_and_directions_are_single_runs_put_together(name: str) -> None:
    stack = make(name, num_layers=2, bidirectional=True)
    x = y = draw(5, 2, I)
    finals: list[tuple[Tensor, ...]] = []
    for layer in range(2):
        outputs = []
        for suffix in ("", "_reverse"):
            single = Recurrent(name, y.shape[-1], H, dtype=torch.float64)
            single.load_state_dict(
                {key: stack.state_dict()[f"{key[:-3]}_l{layer}{suffix}"] for key in single._weight_names}
            )
            z, hx = single(y.flip(0) if suffix else y)
            outputs.append(z.flip(0) if suffix else z)
            finals.append(as_states(hx))
        y = torch.cat(outputs, -1)
    output, hx = stack(x)
    close((output, as_states(hx)), (y, tuple(torch.cat(parts) for parts in zip(*finals, strict=True))))


@pytest.mark.parametrize("backend", ["automatic", "reference"])
def test_padded_equals_unpadded(name: str, backend: str) -> None:
    layer = make(name, num_layers=2, bidirectional=True)
    x, states, lengths = draw(6, 4, I, grad=True), states_of(layer, 4), [3, 6, 1, 4]
    with nullcontext() if backend == "automatic" else elman.use_backend(backend):
        output, hx = layer(x, as_hx(states), lengths=lengths)
        for row, length in enumerate(lengths):
            alone, last = layer(x[:length, row : row + 1], as_hx(tuple(s[:, row : row + 1] for s in states)))
            close(output[:length, row : row + 1], alone)
            assert not output[length:, row].any()
            close(tuple(s[:, row : row + 1] for s in as_states(hx)), as_states(last))
        (gradient,) = torch.autograd.grad(output.square().sum() + sum(s.sum() for s in as_states(hx)), x)
    for row, length in enumerate(lengths):
        assert gradient[:length, row].all()
        assert not gradient[length:, row].any()


def test_resets_equal_separate_segments(name: str) -> None:
    layer = make(name, bidirectional=True, batch_first=True)
    x, states, lengths = draw(2, 8, I), states_of(layer, 2), [8, 6]
    resets = torch.zeros(2, 8, dtype=torch.bool)
    borders = {0: [0, 3, 4, 8], 1: [0, 5, 6]}
    for row, edges in borders.items():
        resets[row, edges[1:-1]] = True
    resets[1, 6:] = True  # behind the row's length: no step, no effect
    output, hx = layer(x, as_hx(states), lengths=lengths, resets=resets)
    for row, edges in borders.items():
        for start, stop in pairwise(edges):
            # the given state reaches the first segment forwards and the last one backwards
            given_states = tuple(s[:, row : row + 1].clone() for s in states)
            for s in given_states:
                s[0] *= start == 0
                s[1] *= stop == edges[-1]
            alone, last = layer(x[row : row + 1, start:stop], as_hx(given_states))
            close(output[row : row + 1, start:stop], alone)
            if stop == edges[-1]:
                close(tuple(s[0, row] for s in as_states(hx)), tuple(s[0, 0] for s in as_states(last)))
            if start == 0:
                close(tuple(s[1, row] for s in as_states(hx)), tuple(s[1, 0] for s in as_states(last)))


def test_a_reset_at_the_first_step_forgets_the_given_state(name: str) -> None:
    layer = make(name)
    x, resets = draw(4, 2, I), torch.zeros(2, 4, dtype=torch.bool)
    resets[:, 0] = True
    close(layer(x, as_hx(states_of(layer, 2)), resets=resets), layer(x))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data(), steps=st.integers(1, 8), batch=st.integers(1, 4), seed=st.integers(0, 999))
@pytest.mark.parametrize("name", CELLS)
def test_causal_and_rows_are_independent(name: str, data: st.DataObject, steps: int, batch: int, seed: int) -> None:
    layer = make(name, num_layers=2)
    x = draw(steps, batch, I, seed=seed)
    t, row = data.draw(st.integers(0, steps - 1)), data.draw(st.integers(0, batch - 1))
    changed = x.clone()
    changed[t, row] += 1.0
    with elman.use_backend("reference"), torch.no_grad():
        before, after = layer(x)[0], layer(changed)[0]
    assert torch.equal(before[:t], after[:t])
    others = [k for k in range(batch) if k != row]
    close(before[:, others], after[:, others])
    if name != "rnn-relu":  # whose units may all be at zero
        assert not torch.equal(before[t, row], after[t, row])


def test_order_of_rows_does_not_matter(name: str) -> None:
    layer = make(name, num_layers=2, bidirectional=True)
    x, states, lengths = draw(5, 4, I), states_of(layer, 4), torch.tensor([2, 5, 1, 5])
    resets, order = torch.rand(4, 5) < 0.3, torch.tensor([2, 0, 3, 1])
    output, hx = layer(x, as_hx(states), lengths=lengths, resets=resets)
    shuffled, hx_shuffled = layer(
        x[:, order], as_hx(tuple(s[:, order] for s in states)), lengths=lengths[order], resets=resets[order]
    )
    close(shuffled, output[:, order])
    close(as_states(hx_shuffled), tuple(s[:, order] for s in as_states(hx)))


@pytest.mark.parametrize("options", [{}, {"layer_norm": True, "zoneout": 0.25}])
def test_gradients(name: str, options: dict[str, Any]) -> None:
    layer = make(name, seed=3, **options).eval()
    x, states = draw(3, 2, I, grad=True), states_of(layer, 2, grad=True)
    resets = torch.tensor([[False, False, True], [False, False, False]])

    def run(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        weights = dict(zip(layer._weight_names, rest[len(states) :], strict=True))
        with elman.use_backend("reference"):
            output, hx = torch.func.functional_call(
                layer, weights, (x, as_hx(rest[: len(states)])), {"lengths": [3, 2], "resets": resets}
            )
        return (output, *as_states(hx))

    assert torch.autograd.gradcheck(run, (x, *states, *layer.parameters()), fast_mode=True)


def test_trace_holds_the_states_and_every_gate(name: str) -> None:
    layer = make(name, num_layers=2, bidirectional=True)
    x = draw(4, 2, I)
    output, hx = layer(x)
    traces, cell = layer.trace(x), get_cell(layer._layout.cell)
    close(torch.cat([traces["h_l1"], traces["h_l1_reverse"]], -1), output)
    finals = [traces[f"{s}_l1"][-1] for s in cell.states] + [traces[f"{s}_l1_reverse"][0] for s in cell.states]
    close(finals, [s[2] for s in as_states(hx)] + [s[3] for s in as_states(hx)])
    assert {key.split("_")[0] for key in traces} >= set(get_cell(layer._layout.cell).gates) | set(
        get_cell(layer._layout.cell).states
    )


def test_another_cell_of_the_same_name_is_refused() -> None:
    with pytest.raises(elman.errors.SettingsError, match="registered already"):
        elman.register_cell(Cell("gru", ("h",), ("h",), _leaky_step, "not a GRU"))
    with pytest.raises(elman.errors.SettingsError, match="choose one of: rnn, "):
        Recurrent("no-such-cell", 1, 1)
