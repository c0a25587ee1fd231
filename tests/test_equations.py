"""The equations against loops over numbers, written independently of the package, and three steps by hand."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from elman.cells import CELLS, get_cell
from elman.nn import GRU, LSTM, RNN, Recurrent

Vector = list[float]
I, H, T = 2, 3, 4  # noqa: E741


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class ByHand:
    """Weights of one layer as lists, by gate number and unit: the gate orders are written out below."""

    def __init__(self, layer: Recurrent) -> None:
        self.w: dict[str, Any] = {key[:-3]: value.tolist() for key, value in layer.state_dict().items()}

    def x(self, gate: int, unit: int, x: Vector) -> float:
        row = gate * H + unit
        return sum(w * v for w, v in zip(self.w["weight_ih"][row], x, strict=True)) + float(self.w["bias_ih"][row])

    def h(self, gate: int, unit: int, h: Vector) -> float:
        row = gate * H + unit
        return sum(w * v for w, v in zip(self.w["weight_hh"][row], h, strict=True)) + float(self.w["bias_hh"][row])


def rnn(p: ByHand, x: Vector, h: Vector, c: Vector) -> tuple[Vector, Vector]:
    return [math.tanh(p.x(0, k, x) + p.h(0, k, h)) for k in range(H)], c


def rnn_relu(p: ByHand, x: Vector, h: Vector, c: Vector) -> tuple[Vector, Vector]:
    return [max(0.0, p.x(0, k, x) + p.h(0, k, h)) for k in range(H)], c


def gru(p: ByHand, x: Vector, h: Vector, c: Vector) -> tuple[Vector, Vector]:
    new = []
    for k in range(H):
        reset = sigmoid(p.x(0, k, x) + p.h(0, k, h))
        update = sigmoid(p.x(1, k, x) + p.h(1, k, h))
        candidate = math.tanh(p.x(2, k, x) + reset * p.h(2, k, h))  # bias_hh inside the reset
        new.append((1 - update) * candidate + update * h[k])
    return new, c


def gru_before(p: ByHand, x: Vector, h: Vector, c: Vector) -> tuple[Vector, Vector]:
    kept = [sigmoid(p.x(0, k, x) + p.h(0, k, h)) * h[k] for k in range(H)]  # every unit's reset, before the product
    new = []
    for k in range(H):
        update = sigmoid(p.x(1, k, x) + p.h(1, k, h))
        new.append((1 - update) * math.tanh(p.x(2, k, x) + p.h(2, k, kept)) + update * h[k])
    return new, c


def lstm(p: ByHand, x: Vector, h: Vector, c: Vector) -> tuple[Vector, Vector]:
    peep_i, peep_f, peep_o = (p.w.get(f"peephole_{gate}", [0.0] * H) for gate in "ifo")
    new_h, new_c = [], []
    for k in range(H):
        write = sigmoid(p.x(0, k, x) + p.h(0, k, h) + peep_i[k] * c[k])  # sees the previous cell state
        forget = sigmoid(p.x(1, k, x) + p.h(1, k, h) + peep_f[k] * c[k])
        cell = forget * c[k] + write * math.tanh(p.x(2, k, x) + p.h(2, k, h))
        expose = sigmoid(p.x(3, k, x) + p.h(3, k, h) + peep_o[k] * cell)  # sees the new one
        new_c.append(cell)
        new_h.append(expose * math.tanh(cell))
    return new_h, new_c


@pytest.mark.parametrize(
    ("name", "equation"),
    [
        ("rnn", rnn),
        ("rnn-relu", rnn_relu),
        ("gru", gru),
        ("gru-before", gru_before),
        ("lstm", lstm),
        ("lstm-peephole", lstm),
    ],
)
def test_against_loops_over_numbers(name: str, equation: Callable[..., tuple[Vector, Vector]]) -> None:
    torch.manual_seed(0)
    layer = Recurrent(name, I, H, dtype=torch.float64)
    x = torch.randn(T, I, dtype=torch.float64)
    h, c, outputs = [0.3, -0.2, 0.5], [0.4, 0.1, -0.6], []
    hx = torch.tensor([h], dtype=torch.float64)
    state: Any = (hx, torch.tensor([c], dtype=torch.float64)) if "lstm" in name else hx
    for x_t in x.tolist():
        h, c = equation(ByHand(layer), x_t, h, c)
        outputs.append(h)
    with torch.no_grad():
        output, last = layer(x, state)
    assert_close(output, torch.tensor(outputs, dtype=torch.float64), rtol=1e-12, atol=1e-14)
    if "lstm" in name:
        assert_close(last[1], torch.tensor([c], dtype=torch.float64), rtol=1e-12, atol=1e-14)


def test_three_steps_by_hand() -> None:
    # relu leaves positive sums as they are, so this is the linear network of the example in docs/equations.md
    layer = RNN(2, 2, nonlinearity="relu", bias=False, dtype=torch.float64)
    head = torch.nn.Linear(2, 2, bias=False, dtype=torch.float64)
    for parameter in (*layer.parameters(), *head.parameters()):
        torch.nn.init.ones_(parameter)
    x = torch.tensor([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]], dtype=torch.float64)
    assert head(layer(x)[0]).tolist() == [[4, 4], [12, 12], [32, 32]]


def test_the_examples_of_the_documentation() -> None:
    path = Path(__file__).parent.parent / "docs" / "equations.md"
    try:
        results = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    finally:
        CELLS.pop("linear", None)  # the page registers a cell
    assert results.attempted > 5
    assert results.failed == 0


def test_the_two_grus_are_different_cells() -> None:
    torch.manual_seed(0)
    after, before = GRU(I, H, dtype=torch.float64), GRU(I, H, dtype=torch.float64, reset="before")
    before.load_state_dict(after.state_dict())
    x = torch.randn(T, 1, I, dtype=torch.float64)
    assert (after(x)[0] - before(x)[0]).abs().max() > 1e-3
    with torch.no_grad():
        for layer in (after, before):
            layer.bias_ih_l0[:H] = 50.0  # a reset gate of 1 makes them one
    assert_close(after(x)[0], before(x)[0], rtol=1e-12, atol=1e-14)


def test_z_keeps_the_old_state() -> None:
    layer = GRU(I, H, dtype=torch.float64)
    with torch.no_grad():
        layer.bias_ih_l0[H : 2 * H] = 50.0
    h = torch.randn(1, 2, H, dtype=torch.float64)
    assert_close(layer(torch.randn(T, 2, I, dtype=torch.float64), h)[1], h, rtol=1e-12, atol=1e-14)


def test_layer_norm_is_that_of_torch_on_each_gate() -> None:
    torch.manual_seed(0)
    layer = LSTM(I, H, dtype=torch.float64, layer_norm=True)
    with torch.no_grad():
        layer.gain_ih_l0.normal_()
        layer.gain_hh_l0.normal_()
    x, h, c = (torch.randn(5, size, dtype=torch.float64) for size in (I, H, H))

    def share(v: Tensor, kind: str, gate: int) -> Tensor:
        rows = slice(gate * H, (gate + 1) * H)
        weight, gain, bias = (getattr(layer, f"{part}_{kind}_l0")[rows] for part in ("weight", "gain", "bias"))
        return functional.layer_norm(v @ weight.T, (H,), gain, bias, eps=1e-5)

    i, f, g, o = (share(x, "ih", gate) + share(h, "hh", gate) for gate in range(4))
    c_new = f.sigmoid() * c + i.sigmoid() * g.tanh()
    y, (_, c_n) = layer.step(x, (h[None], c[None]))
    assert_close(c_n[0], c_new, rtol=1e-12, atol=1e-14)
    assert_close(y, o.sigmoid() * c_new.tanh(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rates", [0.3, (0.3, 0.1)])
def test_zoneout_keeps_units_and_evaluation_is_its_expectation(rates: Any) -> None:
    rows = 20_000
    layer = LSTM(I, H, zoneout=rates, dtype=torch.float64)
    plain = LSTM(I, H, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    torch.manual_seed(1)
    x, h, c = torch.randn(I).double(), torch.randn(1, 1, H).double(), torch.randn(1, 1, H).double()
    x, hx = x.expand(rows, I), (h.expand(1, rows, H), c.expand(1, rows, H))
    with torch.no_grad():
        new = plain.step(x, hx)[1]
        sampled = layer.train().step(x, hx)[1]
        expected = layer.eval().step(x, hx)[1]
    for rate, old, fresh, drawn, mean in zip((0.3, layer._layout.zoneout[1]), hx, new, sampled, expected, strict=True):
        kept = drawn == old
        assert torch.equal(drawn, torch.where(kept, old, fresh))
        # five standard errors of a proportion, over all units at once
        assert abs(kept.double().mean().item() - rate) < 5 * math.sqrt(rate * (1 - rate) / (rows * H))
        assert_close(mean, rate * old + (1 - rate) * fresh, rtol=1e-12, atol=1e-14)


def test_recurrent_dropout_has_one_mask_for_all_steps() -> None:
    layer = RNN(1, 400, nonlinearity="relu", bias=False, recurrent_dropout=0.5, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for suffix in ("", "_reverse"):
            getattr(layer, f"weight_ih_l0{suffix}").zero_()
            getattr(layer, f"weight_hh_l0{suffix}").copy_(torch.eye(400))
    torch.manual_seed(0)
    # with these weights each step multiplies the state by the mask: 0 or 2
    output, _ = layer(torch.zeros(5, 2, 1).double(), torch.ones(2, 2, 400).double())
    mask = torch.cat([output[0, :, :400], output[-1, :, 400:]], -1)
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    for t in range(5):
        assert torch.equal(torch.cat([output[t, :, :400], output[-1 - t, :, 400:]], -1), mask ** (t + 1))
    assert 0.4 < (mask > 0).double().mean() < 0.6  # 1,600 units: eight standard errors
    assert not torch.equal(mask[0], mask[1])
    assert not torch.equal(mask[:, :400], mask[:, 400:])
    assert torch.equal(
        layer.eval()(torch.zeros(5, 1).double(), torch.ones(2, 400).double())[0], torch.ones(5, 800).double()
    )


def test_projection_is_of_the_output_only() -> None:
    torch.manual_seed(0)
    layer = LSTM(I, 4, proj_size=2, peephole=True, dtype=torch.float64)
    traces = layer.trace(torch.randn(T, I, dtype=torch.float64))
    exposed = traces["o_l0"] * traces["c_l0"].tanh()
    assert_close(traces["h_l0"], exposed @ layer.weight_hr_l0.T, rtol=1e-12, atol=1e-14)


def test_multiply_adds_and_parameters_are_1_4_3() -> None:
    cells = [get_cell(name) for name in ("rnn", "lstm", "gru")]
    assert [cell.multiply_adds(5, 7) // cells[0].multiply_adds(5, 7) for cell in cells] == [1, 4, 3]
