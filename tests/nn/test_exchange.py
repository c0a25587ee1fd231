"""Layers exchanged with torch.nn's, for code that looks up exact types; what compiles, traces and exports a layer."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

import elman
from elman.errors import SettingsError
from tests.nn.cases import as_tuple, each_kind

LAYERS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {"nonlinearity": "relu", "batch_first": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "proj_size": 2, "dropout": 0.3}),
    ("GRU", {"num_layers": 2, "bias": False}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("LSTMCell", {}),
    ("GRUCell", {"bias": False}),
]


@pytest.fixture(autouse=True)
def deprecated() -> Iterator[None]:
    """torch warns of its own older ways."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_there_and_back(kind: str, options: dict[str, Any]) -> None:
    peer = getattr(nn, kind)(3, 5, **options)
    peer.weight_hh.requires_grad_(False) if kind.endswith("Cell") else peer.weight_hh_l0.requires_grad_(False)
    state = torch.get_rng_state()
    layer = elman.nn.from_torch(peer.eval())
    back = elman.nn.to_torch(layer)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(layer) is getattr(elman.nn, kind) and type(back) is getattr(nn, kind)
    assert repr(layer) == repr(back) == repr(peer)
    for module in (layer, back):
        assert not module.training
        assert [name for name, _ in module.named_parameters()] == [name for name, _ in peer.named_parameters()]
        assert all(a is b for a, b in zip(module.parameters(), peer.parameters(), strict=True))
    x = torch.randn(4, 3) if kind.endswith("Cell") else torch.randn(4, 2, 3)
    expected = as_tuple(peer(x))
    for module in (layer, back):
        assert_close(as_tuple(module(x)), expected)


class Model(nn.Module):
    def __init__(self, library: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(2, 3)), library.GRU(3, 4, batch_first=True)])
        self.shared = library.LSTM(4, 4, batch_first=True)
        self.again = self.shared
        self.cell = library.GRUCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks[1](self.blocks[0](x))[0]
        y = self.again(self.shared(y)[0])[0]
        h: Tensor = self.cell(y[:, -1])
        return h


def test_models() -> None:
    x = torch.randn(3, 5, 2)
    peer = Model(nn)
    expected = peer(x)
    keys = list(peer.state_dict())
    optimiser = torch.optim.SGD(peer.parameters(), lr=0.1)
    model = elman.nn.from_torch(peer)
    assert model is peer
    assert model.shared is model.again
    assert {type(m) for m in model.modules()} & {nn.GRU, nn.LSTM, nn.GRUCell} == set()
    assert_close(model(x), expected)
    model(x).sum().backward()
    optimiser.step()  # of the parameters that the model has
    assert not torch.equal(model(x), expected)
    changed = model(x)
    back = elman.nn.to_torch(model)
    assert {type(m) for m in back.modules()} >= {nn.GRU, nn.LSTM, nn.GRUCell}
    assert list(back.state_dict()) == keys
    assert_close(back(x), changed)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (elman.nn.GRU(3, 4, reset="before"), "no layer with the cell gru-before"),
        (elman.nn.LSTM(3, 4, layer_norm=True), "no layer with layer_norm"),
        (elman.nn.RNN(3, 4, zoneout=0.1), "no layer with zoneout"),
        (elman.nn.GRU(3, 4, recurrent_dropout=0.1), "no layer with recurrent_dropout"),
        (parametrizations.weight_norm(elman.nn.GRU(3, 4), "weight_hh_l0"), "weight_hh_l0 is no parameter"),
    ],
)
def test_what_torch_lacks(layer: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        layer.to_torch()


def test_subclasses_are_left() -> None:
    class Mine(nn.GRU):
        pass

    model = nn.Sequential(Mine(3, 4), nn.GRU(4, 4))
    elman.nn.from_torch(model)
    assert type(model[0]) is Mine and type(model[1]) is elman.nn.GRU


@pytest.mark.parametrize("kind", ["LSTM", "GRUCell"])
def test_scripting_says_what_to_do(kind: str) -> None:
    model = nn.Sequential(getattr(elman.nn, kind)(3, 5))
    with pytest.raises(SettingsError, match=r"script layer.to_torch\(\), or elman.nn.to_torch\(model\)"):
        torch.jit.script(model)
    x = torch.randn(4, 3) if kind == "GRUCell" else torch.randn(4, 2, 3)
    expected = as_tuple(model(x))[0]
    assert_close(as_tuple(torch.jit.script(elman.nn.to_torch(model))(x))[0], expected)


def test_quantisation(caplog: pytest.LogCaptureFixture) -> None:
    model = nn.Sequential(elman.nn.LSTM(3, 5)).eval()
    kinds = {nn.LSTM, elman.nn.LSTM}
    elman.recurrence.backends.warn_once.cache_clear()
    torch.ao.quantization.quantize_dynamic(model, kinds)
    assert "quantise elman.nn.to_torch(model)" in caplog.text
    quantised = torch.ao.quantization.quantize_dynamic(elman.nn.to_torch(model), kinds)
    assert type(quantised[0]) is torch.ao.nn.quantized.dynamic.LSTM
    x = torch.randn(4, 2, 3)
    assert_close(quantised(x)[0], model(x)[0], rtol=0, atol=0.05)


@each_kind
def test_a_leaf_of_fx(kind: Any) -> None:
    model = nn.Sequential(kind(3, 5))
    traced = torch.fx.symbolic_trace(model)
    assert [node.op for node in traced.graph.nodes] == ["placeholder", "call_module", "output"]
    x = torch.randn(4, 2, 3)
    assert_close(traced(x), model(x), rtol=0, atol=0)


class Packed(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        output, last = self.layer(pack_padded_sequence(x, lengths))
        return pad_packed_sequence(output)[0], as_tuple(last)[0]


@each_kind
def test_a_recording_of_packed_input_holds_for_other_batches(kind: Any) -> None:
    model = Packed(kind(3, 5, num_layers=2)).eval()
    recorded = torch.jit.trace(model, (torch.randn(4, 2, 3), torch.tensor([4, 2])))
    x, lengths = torch.randn(6, 3, 3), torch.tensor([6, 2, 1])
    assert_close(recorded(x, lengths), model(x, lengths))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_strict_export_and_compilation_of_the_whole_graph(kind: str) -> None:
    torch._dynamo.reset()
    model = nn.Sequential(getattr(elman.nn, kind)(3, 5)).eval()
    x = torch.randn(4, 2, 3)
    assert_close(torch.export.export(model, (x,), strict=True).module()(x)[0], model(x)[0])
    with torch._dynamo.config.patch(allow_rnn=True):
        assert_close(torch.compile(model, backend="eager", fullgraph=True)(x)[0], model(x)[0])


@pytest.mark.parametrize("name", ["dtype", "cell", "weights", "layout", "init", "kernels"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_names_that_a_subclass_may_take(kind: str, name: str) -> None:
    class Mine(getattr(elman.nn, kind)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(3, 5)
            setattr(self, name, "mine")

    layer, x = Mine(), torch.randn(4, 2, 3)
    twin = getattr(elman.nn, kind)(3, 5)
    twin.load_state_dict(layer.state_dict())
    assert_close(layer(x), twin(x), rtol=0, atol=0)
    layer.reset_parameters()


def test_the_nonlinearity_is_known_when_parameters_are_drawn() -> None:
    class Mine(elman.nn.RNN):
        def reset_parameters(self) -> None:
            gain = nn.init.calculate_gain(self.nonlinearity)
            for parameter in self.parameters():
                nn.init.constant_(parameter, gain)

    assert torch.equal(Mine(2, 1, nonlinearity="relu").bias_ih_l0.detach(), torch.tensor([2**0.5]))


@each_kind
def test_assigned_flat_weights_are_used(kind: Any) -> None:
    """As wrappers for low-rank adaptation and weight dropping do, until a parameter is replaced."""
    layer, peer = kind(3, 5), getattr(nn, kind.__name__)(3, 5)
    peer.load_state_dict(layer.state_dict())
    x = torch.randn(4, 2, 3)
    for module in (layer, peer):
        module._flat_weights = [w * 0.5 for w in module._flat_weights]
    assert_close(layer(x), peer(x))
    for module in (layer, peer):
        module._flat_weights[1] = torch.zeros_like(module._flat_weights[1])
    assert_close(layer(x), peer(x))
    for module in (layer, peer):
        module.weight_ih_l0 = nn.Parameter(torch.ones_like(module.weight_ih_l0))
    assert_close(layer(x), peer(x))


@each_kind
def test_another_default_device(kind: Any) -> None:
    layer = kind(3, 5, num_layers=2, dropout=0.1, zoneout=0.1, recurrent_dropout=0.1)
    x, resets = torch.randn(4, 2, 3), torch.zeros(2, 4, dtype=torch.bool)
    packed = pack_padded_sequence(x, torch.tensor([2, 4]), enforce_sorted=False)
    with torch.device("meta"):
        outputs = [layer(x)[0], layer(x, lengths=[4, 2], resets=resets)[0], layer(packed)[0].data]
        outputs += [layer.eval()(x)[0], layer(x, lengths=[4, 2])[0], layer.trace(x)["h_l1" if kind else ""]]
    assert all(output.device.type == "cpu" and output.isfinite().all() for output in outputs)
    outputs[0].sum().backward()
    assert layer.weight_hh_l0.grad.isfinite().all()


@each_kind
def test_outputs_lie_in_memory_as_torchs_do(kind: Any) -> None:
    """Dropout after a layer draws in the order of memory."""
    for options in ({"batch_first": True}, {"batch_first": False}, {"batch_first": True, "bidirectional": True}):
        layer, peer = kind(3, 5, **options), getattr(nn, kind.__name__)(3, 5, **options)
        x = torch.randn(2, 4, 3)
        assert layer(x)[0].stride() == peer(x)[0].stride()
        with torch.no_grad():
            assert layer(x)[0].stride() == peer(x)[0].stride()


def test_the_profiler_sees_the_kernels() -> None:
    layer, x = elman.nn.GRU(3, 5), torch.randn(4, 2, 3)
    with torch.no_grad(), torch.profiler.profile() as profile:
        layer(x)
    assert "elman::gru" in {event.key for event in profile.key_averages()}


def test_libraries_that_look_up_exact_types(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    elman.nn.GRU(3, 5)
    assert caplog.text == ""
    elman.recurrence.backends.warn_once.cache_clear()
    monkeypatch.setitem(sys.modules, "opacus", types.ModuleType("opacus"))
    elman.nn.GRU(3, 5), elman.nn.LSTMCell(3, 5)
    assert caplog.text.count("opacus looks for torch.nn's own layers") == 1
    assert "give it elman.nn.to_torch(model)" in caplog.text
