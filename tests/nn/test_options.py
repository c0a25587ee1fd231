"""What elman's layers have beyond torch.nn's: options, lengths and resets, step, trace, and where a call runs."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

import elman
from elman.errors import SettingsError, ShapeError
from elman.nn import GRU, LSTM, RNN, Recurrent
from elman.recurrence import backends
from tests.nn.cases import path_of

ALL = [
    (RNN, {}),
    (RNN, {"nonlinearity": "relu"}),
    (LSTM, {}),
    (LSTM, {"peephole": True}),
    (GRU, {}),
    (GRU, {"reset": "before"}),
]


@pytest.mark.parametrize(
    ("layer", "cell"),
    [
        (RNN(1, 2), "rnn"),
        (RNN(1, 2, nonlinearity="relu"), "rnn-relu"),
        (LSTM(1, 2), "lstm"),
        (LSTM(1, 2, peephole=True), "lstm-peephole"),
        (GRU(1, 2), "gru"),
        (GRU(1, 2, reset="before"), "gru-before"),
    ],
)
def test_options_choose_the_cell(layer: Recurrent, cell: str) -> None:
    torch.manual_seed(0)
    layer.reset_parameters()
    torch.manual_seed(0)
    twin = Recurrent(cell, 1, 2)
    assert layer._layout == twin._layout
    x = torch.randn(4, 3, 1)
    assert_close(layer(x), twin(x), rtol=0, atol=0)


def test_options_are_seen_in_the_representation() -> None:
    layer = GRU(3, 5, reset="before", layer_norm=True, zoneout=0.1, recurrent_dropout=0.2, init="chrono:50")
    assert repr(layer) == (
        "GRU(3, 5, layer_norm=True, zoneout=(0.1,), recurrent_dropout=0.2, init='chrono:50', cell='gru-before')"
    )
    assert repr(Recurrent("gru", 3, 5, num_layers=2)) == "Recurrent(3, 5, num_layers=2, cell='gru')"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GRU(1, 2, reset="during"), "reset is 'during'; choose one of: 'after', 'before'"),
        (lambda: LSTM(1, 2, peephole="no"), "peephole is 'no'; choose one of: False, True"),  # type: ignore[arg-type]
        (lambda: GRU(1, 2, zoneout=1.5), r"zoneout should be a number in range \[0, 1\]"),
        (lambda: GRU(1, 2, zoneout=(0.1, 0.2)), r"gru takes 1 probability\(ies\)"),
        (lambda: LSTM(1, 2, zoneout=(0.0,)), r"lstm takes 2 probability\(ies\)"),
        (lambda: GRU(1, 2, recurrent_dropout=-0.1), "recurrent_dropout should be"),
        (lambda: GRU(1, 2, layer_norm=1), "layer_norm should be of type bool"),  # type: ignore[arg-type]
        (lambda: GRU(1, 2, init="xavier"), "init is 'xavier'; choose 'torch', 'orthogonal'"),
        (lambda: GRU(1, 2, init="chrono"), "'chrono:T_max' with T_max above 2 steps"),
        (lambda: GRU(1, 2, init=("chrono", 2)), "above 2 steps"),
        (lambda: GRU(1, 2, init="chrono:many"), "above 2 steps"),
        (lambda: RNN(1, 2, init="chrono:100"), "keeps the state, and rnn has none"),
        (lambda: LSTM(1, 2, bias=False, init="chrono:100"), "bias=False"),
        (lambda: GRU(1, 2, proj_size=1), "proj_size needs a cell with a state besides"),  # type: ignore[call-arg]
        (lambda: Recurrent("gru", 1, 2, proj_size=1), "proj_size needs a cell with a state besides"),
        (lambda: Recurrent("grru", 1, 2), "unknown cell 'grru'; choose one of: rnn, "),
    ],
)
def test_settings_refused(make: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make()


@pytest.mark.parametrize(("kind", "options"), ALL)
@pytest.mark.parametrize("batch_first", [False, True])
def test_step_is_forward_stepwise(kind: Any, options: dict[str, Any], batch_first: bool) -> None:
    layer = kind(3, 4, num_layers=2, batch_first=batch_first, dtype=torch.float64, **options)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    whole, last = layer(x.transpose(0, 1) if batch_first else x)
    hx, alone, outputs = None, None, []
    for x_t in x:
        y, hx = layer.step(x_t, hx)
        y_alone, alone = layer.step(x_t[0], alone)
        assert_close(y_alone, y[0], rtol=1e-12, atol=1e-14)
        outputs.append(y)
    assert_close(torch.stack(outputs, 1 if batch_first else 0), whole, rtol=1e-12, atol=1e-14)
    assert_close(hx, last, rtol=1e-12, atol=1e-14)


def test_step_refuses() -> None:
    with pytest.raises(SettingsError, match="bidirectional"):
        GRU(3, 4, bidirectional=True).step(torch.zeros(2, 3))
    with pytest.raises(ShapeError, match=r"\(batch, input_size\) or \(input_size,\), got \(5, 2, 3\)"):
        GRU(3, 4).step(torch.zeros(5, 2, 3))


@pytest.mark.parametrize("batch_first", [False, True])
def test_trace_obeys_the_equation_and_the_layout(batch_first: bool) -> None:
    layer = GRU(3, 4, num_layers=2, bidirectional=True, batch_first=batch_first, dtype=torch.float64)
    x = torch.randn(2, 5, 3, dtype=torch.float64)  # (B, T, I)
    traces = layer.trace(x if batch_first else x.transpose(0, 1), lengths=[5, 3])
    assert set(traces) == {f"{v}_l{k}{d}" for v in "rznh" for k in (0, 1) for d in ("", "_reverse")}
    if not batch_first:
        traces = {name: value.transpose(0, 1) for name, value in traces.items()}
    z, n, h = (traces[f"{v}_l1_reverse"] for v in "znh")
    old = torch.cat([h[:, 1:], torch.zeros(2, 1, 4, dtype=torch.float64)], 1)
    assert_close(h, (1 - z) * n + z * old, rtol=1e-12, atol=1e-14)
    assert not any(value[1, 3:].any() for value in traces.values())
    alone = layer.trace(x[0])
    assert_close(alone["r_l0"], traces["r_l0"][0], rtol=1e-12, atol=1e-14)
    with pytest.raises(ShapeError, match="no packed input"):
        layer.trace(pack_padded_sequence(x, [5, 3], batch_first=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "options"), ALL)
def test_resets_in_packed_input(kind: Any, options: dict[str, Any]) -> None:
    layer = kind(3, 4, bidirectional=True, batch_first=True, dtype=torch.float64, **options)
    x, lengths = torch.randn(3, 5, 3, dtype=torch.float64), [2, 5, 4]
    resets = torch.rand(3, 5) < 0.5
    expected, last = layer(x, lengths=lengths, resets=resets)
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    output, last_packed = layer(packed, resets=resets)
    assert_close(pad_packed_sequence(output, batch_first=True)[0], expected, rtol=1e-12, atol=1e-14)
    assert_close(last_packed, last, rtol=1e-12, atol=1e-14)


def test_resets_and_lengths_of_unbatched_input() -> None:
    layer = GRU(3, 4, batch_first=True, dtype=torch.float64)
    x, resets = torch.randn(5, 3, dtype=torch.float64), torch.tensor([False, False, True, False, True])
    output, h_n = layer(x, lengths=4, resets=resets)
    expected, h_expected = layer(x[None], lengths=[4], resets=resets[None])
    assert_close((output, h_n), (expected[0], h_expected[:, 0]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lengths": [3, 0]}, r"lengths\[1\] is 0; it must be from 1 to 4"),
        ({"lengths": [5, 1]}, r"lengths\[0\] is 5"),
        ({"lengths": [3]}, r"lengths must have shape \(2,\)"),
        ({"lengths": [1.0, 2.0]}, "lengths must be integers"),
        ({"resets": torch.zeros(2, 4)}, "resets must be bool"),
        ({"resets": torch.zeros(4, 2, dtype=torch.bool)}, r"\(batch, time\) = \(2, 4\), whatever batch_first is"),
        ({"hx": (torch.zeros(1, 2, 5),)}, "hx of gru must be a tensor, got tuple"),
    ],
)
def test_calls_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        GRU(3, 5)(torch.zeros(4, 2, 3), **arguments)
    with pytest.raises(ShapeError, match=r"hx of lstm must be a tuple \(h, c\), got Tensor"):
        LSTM(3, 5)(torch.zeros(4, 2, 3), torch.zeros(1, 2, 5))
    with pytest.raises(ShapeError, match="leave lengths out"):
        GRU(3, 5)(pack_padded_sequence(torch.zeros(4, 2, 3), [4, 2]), lengths=[4, 2])


def test_the_kernels_run_what_they_can_and_torch_or_the_reference_when_asked() -> None:
    x, lengths, resets = torch.zeros(2, 3, 1), [2, 1, 2], torch.zeros(3, 2, dtype=torch.bool)
    gru, dropping = GRU(1, 2), GRU(1, 2, recurrent_dropout=0.5)
    for layer in (
        gru,
        dropping,
        LSTM(1, 2, peephole=True),
        GRU(1, 2, layer_norm=True),
        RNN(1, 2, zoneout=0.1),
        GRU(1, 2, reset="before"),
    ):
        assert path_of(layer, x) == path_of(layer, x, resets=resets) == "native"
    assert path_of(gru, x, lengths=lengths) == "native"
    with elman.use_backend("torch"):
        assert path_of(gru, x) == path_of(gru, x, lengths=lengths) == "torch"
        assert path_of(dropping.eval(), x) == path_of(GRU(1, 2, zoneout=0.0), x) == "torch"
        assert path_of(gru, x, resets=resets) == "native"
    with elman.use_backend("reference"):
        assert path_of(gru, x) == "reference"


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_another_device(kind: Any, backend: str) -> None:
    # no accelerator is needed to see that everything made on the way is made where the input is
    layer = kind(3, 5, num_layers=2, bidirectional=True, recurrent_dropout=0.1, device="meta")
    x = torch.zeros(4, 2, 3, device="meta")
    with elman.use_backend(backend):
        output, hx = layer.eval()(x)
        layer(x, hx)
        if backend == "reference":
            layer.train()(x, hx, lengths=torch.tensor([4, 2]), resets=torch.zeros(2, 4, dtype=torch.bool))
    assert output.device.type == "meta"


def test_a_backend_that_cannot_run_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    x, resets = torch.zeros(2, 3, 1), torch.zeros(3, 2, dtype=torch.bool)
    cases: list[tuple[Recurrent, dict[str, Tensor], str]] = [
        (GRU(1, 2, reset="before"), {}, "the cell gru-before"),
        (LSTM(1, 2, layer_norm=True), {}, "layer_norm"),
        (LSTM(1, 2, zoneout=0.1), {}, "zoneout"),
        (GRU(1, 2), {"resets": resets}, "resets"),
        (GRU(1, 2, recurrent_dropout=0.1), {}, "recurrent_dropout in training"),
    ]
    for layer, arguments, lacking in cases:
        backends.warn_once.cache_clear()
        caplog.clear()
        with elman.use_backend("torch"):
            torch.manual_seed(0)
            output, _ = layer(x, **arguments)
        assert [record.getMessage() for record in caplog.records] == [
            f"elman: {lacking} has no 'torch' implementation; it runs on 'native' instead"
        ]
        with elman.use_backend("native"):
            torch.manual_seed(0)
            assert torch.equal(output, layer(x, **arguments)[0])


def test_layer_norm_gains_start_at_one_and_learn() -> None:
    layer = GRU(3, 4, layer_norm=True)
    names = [name for name, _ in layer.named_parameters()]
    assert names == [f"{n}_l0" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "gain_ih", "gain_hh")]
    assert torch.equal(layer.gain_ih_l0, torch.ones(12))
    layer(torch.randn(5, 2, 3))[0].sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in layer.parameters())
    twin = copy.deepcopy(layer).double()
    twin.load_state_dict(layer.state_dict())
    assert twin.gain_hh_l0.dtype == torch.float64


@pytest.mark.parametrize("kind", [LSTM, GRU, RNN])
def test_orthogonal(kind: Any) -> None:
    size = 40
    layer = kind(3, size, num_layers=2, bidirectional=True, init="orthogonal")
    for part in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(layer, name + part).detach() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        for gate in weight_hh.split(size):
            assert_close(gate @ gate.T, torch.eye(size), rtol=0, atol=1e-5)
        bound = math.sqrt(6 / (size + weight_ih.shape[1]))
        assert 0.9 * bound < weight_ih.abs().max() <= bound
        expected = torch.zeros_like(bias_ih)
        if kind is LSTM:
            expected[size : 2 * size] = 1
        assert torch.equal(bias_ih + bias_hh, expected)  # given once
    assert kind(3, 4, bias=False, init="orthogonal", dtype=torch.bfloat16).weight_hh_l0.dtype == torch.bfloat16
    projected = LSTM(3, 6, proj_size=2, init="orthogonal").weight_hr_l0
    assert_close(projected @ projected.T, torch.eye(2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("init", ["chrono:100", ("chrono", 100)])
def test_chrono(init: Any) -> None:
    size = 2000
    lstm = LSTM(1, size, num_layers=1, bidirectional=True, init=init)
    for part in ("_l0", "_l0_reverse"):
        bias = (getattr(lstm, f"bias_ih{part}") + getattr(lstm, f"bias_hh{part}")).detach()
        i, f = bias[:size], bias[size : 2 * size]
        assert torch.equal(i, -f)
        memory = f.exp()  # uniform on [1, 99]
        assert 1 - 1e-4 <= memory.min() < 2
        assert 98 < memory.max() <= 99 + 1e-3
        assert abs(memory.mean() - 50) < 5 * 98 / math.sqrt(12 * size)
    gru = GRU(1, size, init=init)
    z = (gru.bias_ih_l0 + gru.bias_hh_l0).detach()[size : 2 * size]
    assert z.min() >= -1e-4
    assert abs(z.exp().mean() - 50) < 5 * 98 / math.sqrt(12 * size)
    # a large z keeps the old state: with no input the state decays as slowly as its unit's memory is long
    _, h_n = gru.step(torch.zeros(1, 1), torch.ones(1, 1, size))
    long, short = h_n[0, 0, z.argmax()], h_n[0, 0, z.argmin()]
    assert long > 0.9 > short


def test_same_seed_same_masks() -> None:
    layer = LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.3, zoneout=(0.2, 0.4), recurrent_dropout=0.3)
    x = torch.randn(5, 2, 3)

    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return layer(x)[0]

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))
    assert torch.equal(layer.eval()(x)[0], layer(x)[0])


@pytest.mark.parametrize(("kind", "options"), ALL)
def test_every_variant_learns(kind: Any, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = kind(1, 8, layer_norm=True, zoneout=0.05, recurrent_dropout=0.05, init="orthogonal", **options)
    head = torch.nn.Linear(8, 1)
    optimiser = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
    x = torch.randn(6, 32, 1)
    losses = []
    for _ in range(60):
        loss = (head(layer(x)[0][-1]) - x.sum(0)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
