"""The cells of recent papers against loops written from the papers, in torch's own operations: values and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import elman
from elman.errors import SettingsError
from elman.model import ModelSettings
from elman.model.settings import recurrent_layers
from elman.nn import Recurrent

I, H, T, B = 3, 8, 6, 2  # noqa: E741
Weights = dict[str, Tensor]
States = tuple[Tensor, ...]
close = partial(assert_close, rtol=1e-10, atol=1e-12)


def linear(w: Weights, kind: str, x: Tensor, gates: int) -> list[Tensor]:
    return list((x @ w[f"weight_{kind}"].T + w[f"bias_{kind}"]).chunk(gates, -1))


def ugrnn(w: Weights, x: Tensor, h: Tensor) -> States:
    (x_g, x_c), (h_g, h_c) = linear(w, "ih", x, 2), linear(w, "hh", h, 2)
    gate = torch.sigmoid(x_g + h_g)
    return (gate * h + (1 - gate) * torch.tanh(x_c + h_c),)


def mingru(w: Weights, x: Tensor, h: Tensor) -> States:
    z, candidate = linear(w, "ih", x, 2)
    z = torch.sigmoid(z)
    return ((1 - z) * h + z * candidate,)


def minlstm(w: Weights, x: Tensor, h: Tensor) -> States:
    forget, write, candidate = linear(w, "ih", x, 3)
    forget, write = torch.sigmoid(forget), torch.sigmoid(write)
    return (forget / (forget + write) * h + write / (forget + write) * candidate,)


def lem(w: Weights, x: Tensor, y: Tensor, z: Tensor, dt: float = 1.0) -> States:
    """As the paper has it: y is put out, z is the memory."""
    x_1, x_2, x_z, x_y = linear(w, "ih", x, 4)
    v = w["weight_hh"].split(H)
    b = w["bias_hh"].split(H)
    step, other = dt * torch.sigmoid(x_1 + y @ v[0].T + b[0]), dt * torch.sigmoid(x_2 + y @ v[1].T + b[1])
    z = (1 - step) * z + step * torch.tanh(x_z + y @ v[2].T + b[2])
    y = (1 - other) * y + other * torch.tanh(x_y + z @ v[3].T + b[3])
    return y, z


def slstm(w: Weights, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor, heads: int = 1) -> States:
    """Without a stabiliser: c and n stand for c·eᵐ and n·eᵐ, and m for nothing."""
    blocks = w["weight_hh"].view(4, heads, H // heads, H // heads)
    whole = torch.cat([torch.block_diag(*blocks[gate]) for gate in range(4)])
    gates = torch.stack(linear(w, "ih", x, 4)) + torch.stack(linear(w | {"weight_hh": whole}, "hh", h, 4))
    write, forget = torch.exp(gates[0]), torch.sigmoid(gates[1])
    c, n = forget * c + write * torch.tanh(gates[2]), forget * n + write
    return torch.sigmoid(gates[3]) * c / n, c, n, m


LOOPS: dict[str, tuple[Callable[..., States], str, dict[str, float]]] = {
    "ugrnn": (ugrnn, "ugrnn", {}),
    "mingru": (mingru, "mingru", {}),
    "minlstm": (minlstm, "minlstm", {}),
    "lem": (lem, "lem", {}),
    "lem-dt": (partial(lem, dt=0.3), "lem", {"dt": 0.3}),
    "slstm": (slstm, "slstm", {}),
    "slstm-heads": (partial(slstm, heads=4), "slstm", {"heads": 4}),
}


def made(cell: str, options: dict[str, float], **others: Any) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, I, H, dtype=torch.float64, options=options, **others)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return layer


@pytest.mark.parametrize("backend", ["automatic", "reference"])
@pytest.mark.parametrize("loop", LOOPS)
def test_values_and_gradients_are_those_of_the_loop(loop: str, backend: str) -> None:
    equation, cell, options = LOOPS[loop]
    layer = made(cell, options)
    x = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    count = len(layer._layout.state_sizes)
    given = torch.randn(T, B, H, dtype=torch.float64)
    w = {name.removesuffix("_l0"): p for name, p in layer.named_parameters()}
    states: States = tuple(torch.zeros(B, H, dtype=torch.float64) for _ in range(count))
    outputs = []
    for x_t in x:
        states = equation(w, x_t, *states)
        outputs.append(states[0])
    expected = torch.stack(outputs)
    wanted = (x, *layer.parameters())
    with elman.use_backend("reference" if backend == "reference" else "native"):
        output, last = layer(x)
        found = torch.autograd.grad(output, wanted, given)
    close(output, expected)
    close(found, torch.autograd.grad(expected, wanted, given))
    if cell == "slstm":
        _, c, n, m = (s[0] for s in last)
        close((c * m.exp(), n * m.exp()), (states[1], states[2]))
    elif cell == "lem":
        close(last[1][0], states[1])


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exponential_gates_neither_overflow_nor_vanish(backend: str, dtype: torch.dtype) -> None:
    """With input gates of e^±700 the states are what the smaller or the larger of them would have given."""
    layer = made("slstm", {}).to(dtype)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.startswith("weight"):
                parameter[:H] = 0
        layer.bias_hh_l0[:H] = 0
    x, found = torch.randn(T, B, I, dtype=dtype), []
    for bias in (0.0, 700.0, -700.0):
        with torch.no_grad():
            layer.bias_ih_l0[:H] = bias
        with elman.use_backend(backend):
            output, (_, c, n, m) = layer(x)
        found.append((output, c, n))
        assert torch.isfinite(m).all()
    # 700 has as many digits fewer behind the point as it has before it
    tolerance = 700 * 8 * torch.finfo(dtype).eps
    for other in found[1:]:
        assert_close(other, found[0], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_too_small_for_a_division_still_have_a_ratio(backend: str, dtype: torch.dtype) -> None:
    layer = made("minlstm", {}).to(dtype)
    with torch.no_grad():
        layer.weight_ih_l0[: 2 * H] = 0
        layer.bias_ih_l0[:H] = -2000 + math.log(3)  # three times as much is kept as is written
        layer.bias_ih_l0[H : 2 * H] = -2000
    x = torch.randn(1, B, I, dtype=dtype)
    h = torch.randn(1, B, H, dtype=dtype)
    with elman.use_backend(backend):
        output, _ = layer(x, h)
    candidate = x[0] @ layer.weight_ih_l0[2 * H :].T + layer.bias_ih_l0[2 * H :]
    tolerance = 2000 * 4 * torch.finfo(dtype).eps
    assert_close(output[0], 0.75 * h[0] + 0.25 * candidate, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cell", ["mingru", "minlstm"])
def test_gates_of_the_input_alone_have_no_recurrent_weights(cell: str) -> None:
    layer = made(cell, {}, layer_norm=True)
    names = ["weight_ih_l0", "bias_ih_l0", "gain_ih_l0"]
    assert list(layer.state_dict()) == names
    assert list(made(cell, {}, bias=False).state_dict()) == names[:1]
    with pytest.raises(SettingsError, match=f"the gates of {cell} do not read the state"):
        made(cell, {}, recurrent_dropout=0.1)


def test_one_head_reads_nothing_of_another() -> None:
    layer = made("slstm", {"heads": 2})
    x, states = torch.randn(1, 1, I).double(), [torch.rand(1, 1, H).double() + 0.5 for _ in range(4)]
    before, _ = layer(x, tuple(states))
    states[0] = states[0].clone()
    states[0][..., 0] += 1  # of the first head
    after, _ = layer(x, tuple(states))
    assert (before[..., H // 2 :] == after[..., H // 2 :]).all()
    assert (before[..., : H // 2] != after[..., : H // 2]).all()


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        ("gru", {"heads": 2}, "gru has no option 'heads'; it has: none"),
        ("lem", {"heads": 2}, "lem has no option 'heads'; it has: dt"),
        ("lem", {"dt": 0}, "the option dt is 0.0; it must be a number above 0 and at most 1, in lem"),
        ("lem", {"dt": 1.5}, "the option dt is 1.5; it must be a number above 0 and at most 1, in lem"),
        ("lem", {"dt": float("nan")}, "the option dt is nan; it must be a number above 0 and at most 1, in lem"),
        ("lem", {"dt": "1"}, "the option dt is '1'; it must be a number"),
        ("slstm", {"heads": 1.5}, "the option heads is 1.5; it must be a whole number at least 1, in slstm"),
        ("slstm", {"heads": 0}, "the option heads is 0.0; it must be a whole number at least 1, in slstm"),
        ("slstm", {"heads": 3}, "the option heads is 3; it must divide hidden_size (8) evenly"),
    ],
)
def test_options_out_of_range_are_refused(cell: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        made(cell, options)
    assert str(error.value) == message


def test_what_a_cell_cannot_have_is_refused() -> None:
    with pytest.raises(SettingsError, match="a projection mixes what heads keeps apart"):
        made("slstm", {"heads": 2}, proj_size=2)
    with pytest.raises(SettingsError, match="proj_size needs a cell .* not lem"):
        made("lem", {}, proj_size=2)


def test_options_of_settings_reach_the_layers() -> None:
    settings = ModelSettings(cell="slstm", hidden_size=8, cell_options="heads=2")
    assert recurrent_layers(settings, 1).layout.option_values == {"heads": 2}
    with pytest.raises(SettingsError, match="`cell_options` has 'heads'; write NAME=NUMBER"):
        recurrent_layers(replace(settings, cell_options="heads"), 1)


def test_the_default_options_are_none() -> None:
    assert made("lem", {"dt": 1.0})._layout == made("lem", {})._layout
    assert "options={'dt': 0.5}" in repr(made("lem", {"dt": 0.5}))


def test_initial_values_of_the_other_cells() -> None:
    mingru, minlstm = (Recurrent(cell, 3, 400, init="chrono:100") for cell in ("mingru", "minlstm"))
    keeps = [1 - torch.sigmoid(mingru.bias_ih_l0[:400])]
    forget, write = torch.sigmoid(minlstm.bias_ih_l0[:800]).chunk(2)
    keeps.append(forget / (forget + write))
    for keep in keeps:  # memories of 1 / (1 − keep) steps, uniform from 2 to 100
        steps = 1 / (1 - keep)
        assert steps.min() >= 2 - 1e-3 and steps.max() <= 100 + 1e-1
        assert abs(steps.mean() - 51) < 5 * 98 / math.sqrt(12 * 400)
    assert (Recurrent("mingru", 3, 4, init="orthogonal").bias_ih_l0 == 0).all()
    assert Recurrent("minlstm", 3, 4, init="orthogonal").bias_ih_l0.tolist() == [1] * 4 + [0] * 8
    heads = Recurrent("slstm", 3, 8, init="orthogonal", options={"heads": 2})
    for block in heads.weight_hh_l0.split(4):
        assert_close(block @ block.T, torch.eye(4))
    assert heads.bias_ih_l0.tolist() == [0] * 8 + [1] * 8 + [0] * 16


def test_layer_norm_over_several_heads_runs_on_the_reference() -> None:
    layer = made("slstm", {"heads": 2}, layer_norm=True)
    x = torch.randn(T, B, I, dtype=torch.float64)
    with elman.use_backend("reference"):
        expected = layer(x)
    close(layer(x), expected)
    with (
        elman.use_backend("native", strict=True),
        pytest.raises(SettingsError, match="over several heads has no 'native'"),
    ):
        layer(x)
