"""How a call reaches the kernels: the fast path beside the general one, and tensors by either interface."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

import elman
from elman.errors import ShapeError
from elman.nn import GRU, LSTM, RNN, Recurrent, dispatch
from elman.recurrence.backends import native, native_available
from tests.nn.cases import as_tuple, each_kind, equal, grad, make, native_alone, results

pytestmark = pytest.mark.skipif(not native_available(), reason="there is no compiled core")


def fast(layer: Recurrent, x: Any, hx: Any = None) -> bool:
    """Whether the fast path takes a call of ``layer``."""
    with torch.no_grad():
        known, first = dispatch.new_addresses(), layer.batch_first
        return dispatch.fast_path(layer._layout, x, hx, layer._weights(), known, batch_first=first) is not None


def test_the_fast_path_asks_little() -> None:
    """For small layers, argument checks dominate: the functions of Python and C that they take have a budget."""
    layer, x = make(GRU, 3, 5), torch.randn(4, 2, 3)
    assert fast(layer, x)
    weights, known, called = layer._weights(), dispatch.new_addresses(), 0

    def tell(frame: Any, event: str, argument: Any) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    with torch.no_grad():
        sys.setprofile(tell)
        try:
            dispatch.fast_path(layer._layout, x, None, weights, known, batch_first=False)
        finally:
            sys.setprofile(None)
    assert called <= 36


@each_kind
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_fast_path_gives_what_the_general_one_does(kind: Any, batch_first: bool) -> None:
    for options in ({}, {"num_layers": 2, "bidirectional": True}, {"dtype": torch.float64}):
        layer = make(kind, 3, 5, batch_first=batch_first, **options)
        whole = torch.randn(4, 6, 7, dtype=layer.weight_ih_l0.dtype)
        # a part, whose rows lie apart, and other dimensions in front
        for x in (whole[..., 1:4], whole[:, 0:1, 1:4], whole[..., 1:4].transpose(0, 1)):
            assert fast(layer, x)
            steps, rows = (x.shape[1], x.shape[0]) if batch_first else x.shape[:2]
            found = []
            for keywords in ({}, {"lengths": [steps] * rows}):  # which take the general path
                output, last = layer(x, **keywords)
                weights = dict(layer.named_parameters())
                found.append([output, *as_tuple(last), *grad([output], weights, [torch.ones_like(output)]).values()])
            assert equal(*found)


def test_calls_that_take_the_general_path() -> None:
    layer, x = make(LSTM, 3, 5), torch.randn(4, 2, 3)
    assert fast(layer, x)
    for other in (x[:, 0], x[:0], x[..., :2], x.double(), x.half(), x.to("meta"), torch.nn.Parameter(x)):
        assert not fast(layer, other)
    assert not fast(layer, torch._neg_view(x))
    assert not fast(layer, torch._efficientzerotensor((4, 2, 3)))
    assert not fast(layer, x.transpose(1, 2).contiguous().transpose(1, 2))  # features apart
    for backend in ("torch", "reference"):
        with elman.use_backend(backend):
            assert not fast(layer, x)

    h = torch.randn(1, 2, 5)
    assert fast(layer, x, (h, h))
    neg, apart = torch._neg_view(h), torch.randn(1, 5, 2).transpose(1, 2)
    for other in (None, neg, apart, h[:, :1], h.double(), h.numpy(), h.to("meta")):
        assert not fast(layer, x, (h, other))
    for hx in (h, (h,), [h, h], (h, h, h)):
        assert not fast(layer, x, hx)

    packed = torch.nn.utils.rnn.pack_sequence([x[:2, 0], x[:, 1]], enforce_sorted=False)
    assert fast(layer, packed) and fast(layer, packed, (h, h))
    data, sizes, order, back = packed
    for part in (
        (data, sizes, order.int(), back.int()),
        (data, sizes, order, order[[0, 0]]),
        (data, sizes, order, None),
        (data[:-1], sizes, order, back),
        (data, sizes.flip(0), order, back),
        (torch._neg_view(data), sizes, order, back),
    ):
        changed = tuple.__new__(torch.nn.utils.rnn.PackedSequence, part)
        assert not fast(layer, changed)


@each_kind
@pytest.mark.parametrize("sorted_rows", [False, True])
def test_packed_batches_take_the_fast_path_with_the_general_ones_results(kind: Any, sorted_rows: bool) -> None:
    layer = make(kind, 3, 5, num_layers=2, bidirectional=True)
    rows = [torch.randn(steps, 3) for steps in ((6, 4, 4, 1) if sorted_rows else (4, 1, 6, 4))]
    data, sizes, order, _ = packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=sorted_rows)
    plain = torch.arange(4) if sorted_rows else order
    general = torch.nn.utils.rnn.PackedSequence(data, sizes, plain.int(), plain.argsort().int())
    start = [torch.randn(4, 4, 5) for _ in as_tuple(layer(packed)[1])]
    for hx in (None, start[0] if len(start) == 1 else tuple(start)):
        assert fast(layer, packed, hx) and not fast(layer, general, hx)
        found = []
        for batch in (packed, general):
            output, last = layer(batch, hx)
            weights = dict(layer.named_parameters())
            ones = [torch.ones_like(output.data)]
            found.append([output.data, *as_tuple(last), *grad([output.data], weights, ones).values()])
        assert equal(*found)


@pytest.mark.parametrize("options", [{"zoneout": 0.1}, {"recurrent_dropout": 0.1}, {"num_layers": 2, "dropout": 0.1}])
def test_a_layer_that_draws_masks_takes_the_fast_path_in_evaluation_alone(options: dict[str, Any]) -> None:
    layer, x = make(GRU, 3, 5, **options), torch.randn(4, 2, 3)
    with native_alone():
        assert not torch.equal(layer(x)[0], layer(x)[0])
        assert torch.equal(layer.eval()(x)[0], layer(x)[0])


@pytest.mark.parametrize("change", ["negated", "apart", "type"])
def test_weights_that_the_kernels_do_not_take_as_they_are(change: str) -> None:
    layer, x = make(RNN, 3, 5), torch.randn(4, 2, 3)
    expected = results(layer, x)
    weight = layer.weight_hh_l0.detach()
    if change == "type":
        layer.weight_hh_l0 = torch.nn.Parameter(weight.double())
        assert not fast(layer, x)
        with pytest.raises(
            ShapeError, match=r"a weight is torch.float64 \(5, 5\) on cpu; the input needs torch.float32"
        ):
            layer(x)
        return
    replaced = torch._neg_view(-weight) if change == "negated" else weight.t().contiguous().t()
    layer.weight_hh_l0 = torch.nn.Parameter(replaced)
    assert not fast(layer, x)
    assert equal(results(layer, x), expected)


def _values() -> list[Tensor]:
    """What layers give for inputs of all kinds: dense, strided, ragged, packed, with masks drawn."""
    values: list[Tensor] = []
    for options in ({"num_layers": 2, "batch_first": True}, {"zoneout": 0.2, "recurrent_dropout": 0.2}):
        layer = make(LSTM, 3, 5, **options)
        x = torch.randn(4, 2, 3)
        rows = x.shape[0 if layer.batch_first else 1]
        values += results(layer, x)
        values += results(layer, x.transpose(0, 1).contiguous().transpose(0, 1))
        values.append(layer(x, lengths=torch.tensor([2] + [1] * (rows - 1)))[0].detach())
        values.append(layer(torch.nn.utils.rnn.pack_sequence([x[:, 0], x[:2, 1]]))[0].data.detach())
    return values


def test_tensors_without_the_interface_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an older torch: their memory is asked for through Python."""
    expected = _values()
    with monkeypatch.context() as patch:
        patch.delattr(Tensor, "__dlpack_c_exchange_api__", raising=False)
        assert not native().use_tensors(Tensor, torch.nn.Parameter)
        try:
            assert equal(_values(), expected)
        finally:
            patch.undo()
            native().use_tensors(Tensor, torch.nn.Parameter)
