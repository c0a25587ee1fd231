"""How a call reaches the kernels: the short way of plain calls beside the long one, and tensors by either interface."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import elman
from elman.backends import native, native_available
from elman.errors import ShapeError
from elman.nn import GRU, LSTM, RNN, recurrent
from elman.nn.native import plain
from tests.nn.cases import each_kind, equal, make, results

pytestmark = pytest.mark.skipif(not native_available(), reason="there is no compiled core")


@each_kind
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_short_way_gives_what_the_long_one_does(
    kind: Any, batch_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for options in ({}, {"num_layers": 2, "bidirectional": True}, {"dtype": torch.float64}):
        layer = make(kind, 3, 5, batch_first=batch_first, **options)
        whole = torch.randn(4, 6, 7, dtype=layer.dtype)
        # a part, whose rows lie apart, and other dimensions in front
        for x in (whole[..., 1:4], whole[:, 0:1, 1:4], whole[..., 1:4].transpose(0, 1)):
            assert plain(layer, x) is not None
            short = results(layer, x)
            with monkeypatch.context() as patch:
                patch.setattr(recurrent, "plain", lambda *_: None)
                assert equal(short, results(layer, x))


def test_calls_that_take_the_long_way() -> None:
    layer, x = make(LSTM, 3, 5), torch.randn(4, 2, 3)
    assert plain(layer, x) is not None
    for other in (x[:, 0], x[:0], x[..., :2], x.double(), x.half(), x.to("meta"), torch.nn.Parameter(x)):
        assert plain(layer, other) is None
    assert plain(layer, torch.nn.utils.rnn.pack_sequence([x[:, 0], x[:2, 1]])) is None
    assert plain(layer, torch._neg_view(x)) is None
    assert plain(layer, torch._efficientzerotensor((4, 2, 3))) is None
    assert plain(layer, x.transpose(1, 2).contiguous().transpose(1, 2)) is None  # features apart
    for backend in ("torch", "reference"):
        with elman.use_backend(backend):
            assert plain(layer, x) is None
    for drawing in (
        make(GRU, 3, 5, zoneout=0.1),
        make(GRU, 3, 5, recurrent_dropout=0.1),
        make(GRU, 3, 5, num_layers=2, dropout=0.1),
    ):
        assert plain(drawing, x) is None
        assert plain(drawing.eval(), x) is not None


@pytest.mark.parametrize("change", ["negated", "apart", "type"])
def test_weights_that_the_kernels_do_not_take_as_they_are(change: str) -> None:
    layer, x = make(RNN, 3, 5), torch.randn(4, 2, 3)
    expected = results(layer, x)
    weight = layer.weight_hh_l0.detach()
    if change == "type":
        layer.weight_hh_l0 = torch.nn.Parameter(weight.double())
        assert plain(layer, x) is None
        with pytest.raises(
            ShapeError, match=r"a weight is torch.float64 \(5, 5\) on cpu; the input needs torch.float32"
        ):
            layer(x)
        return
    replaced = torch._neg_view(-weight) if change == "negated" else weight.t().contiguous().t()
    layer.weight_hh_l0 = torch.nn.Parameter(replaced)
    assert plain(layer, x) is None
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
        assert not native().use_tensors(Tensor)
        try:
            assert plain(make(LSTM, 3, 5), torch.randn(4, 2, 3)) is None  # a weight's type is asked for there too
            assert equal(_values(), expected)
        finally:
            patch.undo()
            native().use_tensors(Tensor)
