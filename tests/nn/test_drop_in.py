"""elman.nn in place of torch.nn: the public behaviour of torch.nn's layers, written as comparisons with them."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence
from torch.testing import assert_close

import elman
from tests.nn.cases import as_hidden, as_tuple, pair

KINDS = ["RNN", "LSTM", "GRU"]
SHAPES: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"num_layers": 3, "bias": False, "dtype": torch.float64},
    {"num_layers": 2, "dropout": 0.4, "bidirectional": True},
]


@pytest.fixture(params=["native", "torch", "reference"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each implementation in turn, forced for the test."""
    with elman.use_backend(request.param):
        yield request.param


on_each_backend = pytest.mark.usefixtures("backend")


def same(kind: str, peer: Any, layer: Any, x: Any, hx: Any = None) -> None:
    """Values, states and all gradients agree, dropout included."""
    packed = isinstance(x, PackedSequence)
    found = []
    for module in (peer, layer):
        given = (x.data if packed else x, *(() if hx is None else as_tuple(hx)))
        leaves = [t.detach().clone().requires_grad_() for t in given]
        sequence = PackedSequence(leaves[0], *x[1:]) if packed else leaves[0]
        torch.manual_seed(1)
        output, last = module(sequence, as_hidden(leaves[1:]))
        data = output.data if packed else output
        results = (data, *as_tuple(last))
        loss = torch.cat([r.flatten() for r in results]).square().sum()
        found.append((*results, *torch.autograd.grad(loss, [*leaves, *module.parameters()])))
    assert_close(found[1], found[0])


@on_each_backend
@pytest.mark.parametrize("options", [*SHAPES, {"nonlinearity": "relu"}, {"proj_size": 2, "num_layers": 2}])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_everything(kind: str, options: dict[str, Any]) -> None:
    if ("nonlinearity" in options and kind != "RNN") or ("proj_size" in options and kind != "LSTM"):
        options = {"num_layers": 2}
    peer, layer = pair(kind, 3, 5, **options)
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in peer.named_parameters()]
    for name, value in peer.state_dict().items():
        assert torch.equal(layer.state_dict()[name], value), name
    assert repr(layer) == repr(peer)
    x = torch.randn(4, 2, 3, dtype=options.get("dtype"))
    same(kind, peer, layer, x)
    parts = peer.num_layers * (2 if peer.bidirectional else 1)
    batch = x.shape[0 if peer.batch_first else 1]
    hx = [torch.randn(parts, batch, size, dtype=x.dtype) for size in (options.get("proj_size") or 5, 5)]
    same(kind, peer, layer, x, tuple(hx) if kind == "LSTM" else hx[0])
    same(kind, peer.eval(), layer.eval(), x)


@pytest.mark.parametrize("kind", KINDS)
def test_constructor_takes_the_same_positions(kind: str) -> None:
    extra: list[Any] = {"RNN": ["relu"], "LSTM": [], "GRU": []}[kind]
    projection = [2] if kind == "LSTM" else []
    options = [*extra, False, True, 0.5, True, *projection]
    peer, layer = pair(kind, 3, 5, 2, *options)
    assert repr(layer) == repr(peer)
    on_meta = getattr(elman.nn, kind)(3, 5, 2, *options, "meta", torch.float64)
    assert {(p.device.type, p.dtype) for p in on_meta.parameters()} == {("meta", torch.float64)}


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_is_an_instance_and_loads_both_ways(kind: str) -> None:
    peer, layer = pair(kind, 3, 5, num_layers=2, bidirectional=True)
    assert isinstance(layer, getattr(nn, kind))
    assert isinstance(layer, nn.RNNBase)
    assert layer.mode == peer.mode
    nn.init.uniform_(layer.weight_hh_l1)
    peer.load_state_dict(layer.state_dict())
    same(kind, peer, layer, torch.randn(4, 2, 3))
    layer.flatten_parameters()
    for ours, theirs in zip(layer.all_weights, peer.all_weights, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [3, 1, 5, 3]], ids=["sorted", "unsorted"])
def test_packed(kind: str, lengths: list[int]) -> None:
    peer, layer = pair(kind, 3, 5, num_layers=2, bidirectional=True)
    x = torch.randn(5, 4, 3)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=lengths == sorted(lengths, reverse=True))
    hx: Any = (torch.randn(4, 4, 5), torch.randn(4, 4, 5))
    hx = hx if kind == "LSTM" else hx[0]
    same(kind, peer, layer, packed)
    same(kind, peer, layer, packed, hx)
    output, last = layer(packed, hx)
    expected = peer(packed, hx)[0]
    for ours, theirs in zip(output[1:], expected[1:], strict=True):
        assert (ours is None and theirs is None) or torch.equal(ours, theirs)
    # and lengths= is the same without packing
    padded, last_padded = layer(x, hx, lengths=lengths)
    assert_close(padded, pad_packed_sequence(output)[0])
    assert_close(last_padded, last)


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_packed_batch_first(kind: str) -> None:
    """A packed batch has no first dimension; torch ignores the option too."""
    peer, layer = pair(kind, 3, 5, batch_first=True)
    x = pack_padded_sequence(torch.randn(3, 6, 3), torch.tensor([2, 6, 4]), batch_first=True, enforce_sorted=False)
    same(kind, peer, layer, x)


@pytest.mark.parametrize("backend", ["native", "torch"])  # the reference draws for padded steps too
@pytest.mark.parametrize("kind", KINDS)
def test_between_layer_dropout_of_packed_input_is_torchs(kind: str, backend: str) -> None:
    peer, layer = pair(kind, 3, 5, num_layers=3, dropout=0.5)
    with elman.use_backend(backend):
        same(kind, peer, layer, pack_sequence([torch.randn(n, 3) for n in (4, 2, 1)]))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_between_layer_dropout_is_torchs(kind: str) -> None:
    peer, layer = pair(kind, 3, 5, num_layers=3, dropout=0.5, bidirectional=True, batch_first=True)
    same(kind, peer, layer, torch.randn(2, 6, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_of_a_usual_size(kind: str) -> None:
    """Nothing more is asked of the numbers than that they differ by rounding."""
    peer, layer = pair(kind, 28, 64, num_layers=2, bidirectional=True)
    x = torch.randn(30, 33, 28)
    found = []
    for module in (peer, layer):
        output, _ = module(x)
        found.append([output, *torch.autograd.grad(output.square().mean(), list(module.parameters()))])
    for ours, theirs in zip(found[1], found[0], strict=True):
        assert_close(ours, theirs, rtol=0, atol=2e-5 * float(theirs.detach().abs().max()))


class Sentences(nn.Module):
    """A program as many are: words of several lengths, packed; the last state says what they are."""

    def __init__(self, library: Any, kind: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(11, 6)
        self.encoder = getattr(library, kind)(6, 12, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True)
        self.head = nn.Linear(24, 3)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(words), lengths, batch_first=True, enforce_sorted=False)
        last = as_tuple(self.encoder(packed)[1])[0]
        return self.head(torch.cat([last[-2], last[-1]], -1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_trains_alike(kind: str) -> None:
    torch.manual_seed(2)
    words, lengths, labels = torch.randint(11, (9, 7)), torch.randint(1, 8, (9,)), torch.randint(3, (9,))
    losses = []
    for library in (nn, elman.nn):
        model = Sentences(library, kind)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.02)
        schedule = torch.optim.lr_scheduler.StepLR(optimiser, 5, 0.5)
        torch.manual_seed(3)
        losses.append([])
        for _ in range(20):
            loss = nn.functional.cross_entropy(model(words, lengths), labels)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimiser.step()
            schedule.step()
            losses[-1].append(loss.item())
        with torch.inference_mode():
            losses[-1].append(nn.functional.cross_entropy(model.eval()(words, lengths), labels).item())
    assert losses[0][-1] < 0.6 * losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@on_each_backend
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_unbatched(kind: str, batch_first: bool) -> None:
    peer, layer = pair(kind, 3, 5, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(4, 3)
    same(kind, peer, layer, x)
    hx: Any = (torch.randn(4, 5), torch.randn(4, 5))
    same(kind, peer, layer, x, hx if kind == "LSTM" else hx[0])
    assert layer(x)[0].shape == (4, 10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_moving_dtype(kind: str, dtype: torch.dtype) -> None:
    peer, layer = pair(kind, 3, 5)
    peer, layer = peer.to(dtype), layer.to(dtype)
    same(kind, peer, layer, torch.randn(4, 2, 3, dtype=dtype))
    same(kind, peer.double(), layer.double(), torch.randn(4, 2, 3, dtype=torch.float64))


@pytest.mark.parametrize("kind", KINDS)
def test_autocast(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    x = torch.randn(4, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        expected, output = peer(x), layer(x)
        assert_close(output, expected)
        assert_close(layer(x.bfloat16())[0].float(), expected[0].float(), rtol=2e-2, atol=2e-2)


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_independent(kind: str) -> None:
    _, layer = pair(kind, 3, 5, num_layers=2)
    x = torch.randn(4, 2, 3)
    before = layer(x)[0]
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(x)[0], before)
    with torch.no_grad():
        twin.weight_hh_l0.zero_()
    assert torch.equal(layer(x)[0], before)
    assert not torch.equal(twin(x)[0], before)


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_saving(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    weights, whole = io.BytesIO(), io.BytesIO()
    torch.save(layer.state_dict(), weights)
    torch.save(layer, whole)
    weights.seek(0)
    whole.seek(0)
    peer.load_state_dict(torch.load(weights))
    same(kind, peer, torch.load(whole, weights_only=False), torch.randn(4, 2, 3))
    with torch.device("meta"):
        empty = getattr(elman.nn, kind)(3, 5)
    empty.load_state_dict(peer.state_dict(), assign=True)
    same(kind, peer, empty, torch.randn(4, 2, 3))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_weight_tying(kind: str) -> None:
    peer, layer = pair(kind, 5, 5, num_layers=2)
    for module in (peer, layer):
        module.weight_hh_l1 = module.weight_hh_l0
    assert len(list(layer.parameters())) == len(list(peer.parameters())) == 7
    same(kind, peer, layer, torch.randn(4, 2, 5))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_weight_norm(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    for module in (peer, layer):
        parametrizations.weight_norm(module, "weight_hh_l0")
    same(kind, peer, layer, torch.randn(4, 2, 3))
    copied = copy.deepcopy(layer)
    same(kind, peer, copied, torch.randn(4, 2, 3))
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    parametrize.remove_parametrizations(peer, "weight_hh_l0")
    same(kind, peer, layer, torch.randn(4, 2, 3))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_pruned_and_parametrised_weights(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    for module in (peer, layer):
        prune.l1_unstructured(module, "weight_ih_l0", 0.5)
        parametrize.register_parametrization(module, "bias_hh_l0", nn.Softplus())
    assert (layer.weight_ih_l0 == 0).sum() >= layer.weight_ih_l0.numel() // 2 - 1
    same(kind, peer, layer, torch.randn(4, 2, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norm(kind: str) -> None:
    _, layer = pair(kind, 3, 5)
    parametrizations.spectral_norm(layer, "weight_hh_l0", n_power_iterations=50)
    layer.eval()
    assert torch.linalg.matrix_norm(layer.weight_hh_l0, 2).item() == pytest.approx(1, rel=1e-3)
    peer = getattr(nn, kind)(3, 5)
    peer.load_state_dict({name: getattr(layer, name).detach() for name in layer._weight_names})
    x = torch.randn(4, 2, 3)
    assert_close(layer(x), peer(x))


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_functional_call_and_replaced_parameters(kind: str) -> None:
    peer, layer = pair(kind, 3, 5)
    weights = {name: torch.randn_like(value) for name, value in layer.state_dict().items()}
    x = torch.randn(4, 2, 3)
    swapped = torch.func.functional_call(layer, weights, (x,))
    assert_close(swapped, torch.func.functional_call(peer, weights, (x,)))
    assert_close(layer(x), peer(x))
    for module in (peer, layer):
        module.weight_ih_l0 = nn.Parameter(weights["weight_ih_l0"])
    same(kind, peer, layer, x)


@on_each_backend
@pytest.mark.parametrize("kind", KINDS)
def test_hooks_and_optimisers_see_it(kind: str) -> None:
    _, layer = pair(kind, 3, 5)
    seen: list[str] = []
    layer.register_forward_pre_hook(lambda module, inputs: seen.append("before"))
    layer.register_forward_hook(lambda module, inputs, outputs: seen.append("after"))
    layer.register_full_backward_hook(lambda module, inputs, outputs: seen.append("backward"))
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    x = torch.randn(4, 2, 3, requires_grad=True)
    first = layer(x)[0].square().mean()
    first.backward()
    optimiser.step()
    assert seen == ["before", "after", "backward"]
    assert layer(x)[0].square().mean() < first


# torch hides this warning of its own from whoever has not made errors of warnings
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
@pytest.mark.parametrize("kind", KINDS)
def test_torch_compile_of_a_model_with_it(kind: str) -> None:
    torch._dynamo.reset()
    _, layer = pair(kind, 3, 5)
    model = torch.compile(lambda x: layer(x)[0].sum(-1), backend="eager")
    x = torch.randn(4, 2, 3)
    assert_close(model(x), layer(x)[0].sum(-1))
